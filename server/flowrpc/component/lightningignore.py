"""What of an app's folder its components do not need: `lightningignore`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flowrpc.component.component import Component
from flowrpc.errors import AttributeRuleError


class Ignoring(Component):
    """Is a component that tells what it does not need of the app's folder on another host."""

    _lightningignore: tuple[str, ...]

    def _set_up(self) -> None:
        super()._set_up()
        self.__dict__["_lightningignore"] = ()

    @property
    def lightningignore(self) -> tuple[str, ...]:
        """What `flowctl bundle` leaves out: patterns as in a file `.lightningignore` in the app's folder.

        It is no state. Those of all components hold for the bundle, whichever component they belong to.
        """
        return self._lightningignore

    @lightningignore.setter
    def lightningignore(self, patterns: Sequence[str]) -> None:
        """Sets the patterns, until the app is served.

        Raises:
            AttributeRuleError: They are no list or tuple of texts of one line.
            RuntimeError: The app is served.
        """
        if self._log is not None:
            raise RuntimeError(
                f"Your app has been already dispatched, so modifying the `{self.name}.lightningignore` does not have "
                "an effect; set it in __init__"
            )
        self.__dict__["_lightningignore"] = checked_patterns(patterns, f"{self.name}.lightningignore")


def checked_patterns(patterns: Any, place: str) -> tuple[str, ...]:
    """Returns patterns as a tuple.

    Raises:
        AttributeRuleError: They are no list or tuple of texts of one line.
    """
    if not isinstance(patterns, list | tuple):
        example = f"({patterns!r},)" if isinstance(patterns, str) else "('data', '*.ckpt')"
        raise AttributeRuleError(
            f"{place} is a tuple of patterns, not {type(patterns).__name__}; write {example}"
        )
    for index, pattern in enumerate(patterns):
        if not isinstance(pattern, str):
            raise AttributeRuleError(f"{place}[{index}] must be a text, not {type(pattern).__name__}")
        if "\n" in pattern or "\0" in pattern:
            raise AttributeRuleError(
                f"{place}[{index}]: {pattern!r} is more than one line; give each pattern by itself"
            )
    return tuple(str(pattern) for pattern in patterns)


def lightningignores(root: Component) -> dict[str, tuple[str, ...]]:
    """Collects the patterns of a tree by component name, parents first; components without any are left out.

    Raises:
        AttributeRuleError: A class replaced the property by something that is no tuple of patterns.
    """
    found = {
        component.name: checked_patterns(component.lightningignore, f"{component.name}.lightningignore")
        for component in root._walk()
        if isinstance(component, Ignoring)
    }
    return {name: patterns for name, patterns in found.items() if patterns}
