"""A component as far as the room `state` can see it, and values to try."""

from __future__ import annotations

from typing import Any

from flowrpc.state import (
    Change,
    ChangeLog,
    Extension,
    Reinsert,
    Remove,
    Set,
    Value,
    copy_value,
    detach,
    same,
    track,
    untrack,
)
from hypothesis import settings, strategies

deterministic = settings(derandomize=True, deadline=None)
"""Draws the same examples on every machine, so that CI never fails by luck."""

scalars = (
    strategies.none()
    | strategies.booleans()
    | strategies.integers(-2, 2)
    | strategies.integers()
    | strategies.sampled_from([0.0, -0.0, 1.0, 1.5])
    | strategies.text("ab\u00e9", max_size=2)
)
keys = strategies.sampled_from(["a", "b", "c", "\u00e9"])
values: strategies.SearchStrategy[Any] = strategies.recursive(
    scalars,
    lambda inner: (
        strategies.lists(inner, max_size=3)
        | strategies.dictionaries(keys, inner, max_size=3)
        | strategies.builds(Extension, strategies.sampled_from(["unknown_here", "other_1"]), inner)
    ),
    max_leaves=5,
)


class OwnerDouble:
    """Has vars, records them and nothing else."""

    _log: ChangeLog | None
    _var_names: dict[str, None]

    def __init__(self, log: ChangeLog | None = None, **vars: Any) -> None:
        self.__dict__.update(_log=None, _var_names={})
        for name, value in vars.items():
            setattr(self, name, value)
        self.__dict__["_log"] = log

    @property
    def name(self) -> str:
        return "root"

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)

    def __setattr__(self, name: str, value: Any) -> None:
        old = self.__dict__.get(name)
        known = name in self._var_names
        if known and value is old:
            return
        plain = copy_value(value, f"root.{name}")
        if known and same(old, plain):
            return
        if self._log is not None:
            self._log.record(
                self, Set((name,), plain), Set((name,), untrack(old)) if known else Remove((name,))
            )
        detach(old)
        self._var_names[name] = None
        self.__dict__[name] = track(plain, self, name)

    def _remove_var(self, name: str) -> None:
        position = list(self._var_names).index(name)
        old = self.__dict__[name]
        if self._log is not None:
            self._log.record(self, Remove((name,)), Reinsert((name,), untrack(old), position))
        detach(old)
        del self.__dict__[name], self._var_names[name]

    def plain(self) -> dict[str, Value]:
        """Copies the vars as they are."""
        return {name: untrack(self.__dict__[name]) for name in self._var_names}

    def changes(self) -> list[Change]:
        """Lists what was recorded."""
        assert self._log is not None
        return [change for _, change, _ in self._log.entries]
