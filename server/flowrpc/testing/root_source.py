"""Where the root of each life comes from."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from flowrpc.component.app import LightningApp, WorkRoot
from flowrpc.component.component import Component
from flowrpc.component.flow import LightningFlow
from flowrpc.component.work import LightningWork
from flowrpc.state import untrack
from flowrpc.state.records import Recipe
from flowrpc.testing.errors import SimulationError

Runnable = LightningFlow | LightningWork | LightningApp
"""What an app can be made of."""

Given = Runnable | Callable[[], Runnable]
"""A root, a work or an app; or what builds one, such as the class of the root."""


class RootSource:
    """Gives the root that a test gave, and builds it again for later lives and for runners."""

    def __init__(self, given: Given) -> None:
        """Takes a root, a work or an app, or a function that builds one."""
        self.build: Callable[[], Runnable] | None = None
        """The function that builds the root; None if the test gave one that was built."""
        self._first: LightningFlow | None = None
        self._attached: list[str] = []
        if isinstance(given, Component | LightningApp) or not callable(given):
            self._first = self._root = root_of(given)
            self._attached = [child.name for child in self._root._children.values() if not child._inherent]
        else:
            self.build = given
            self._first = self._root = root_of(given())

    def take(self) -> LightningFlow:
        """Returns the root of the next life: what was given, and then a fresh one for each."""
        first, self._first = self._first, None
        return first or self.fresh()

    def fresh(self) -> LightningFlow:
        """Builds the root again.

        Raises:
            SimulationError: It cannot be built from what was given.
        """
        if self.build is not None:
            return root_of(self.build())
        root = self._root
        if isinstance(root, WorkRoot):
            return LightningApp(built_again(root.work)).root
        if self._attached:
            raise SimulationError(
                f"{self._attached[0]} was attached after {type(root).__name__}() was built, so building that again "
                f"would lose it; {_ADVICE}"
            )
        return LightningApp(built_again(root)).root


_ADVICE = "give a function that builds the app: SimulatedApp(lambda: …)"


def root_of(given: object) -> LightningFlow:
    """Returns the root flow of what a test gave.

    Raises:
        TypeError: It is nothing that can be run.
        SimulationError: It belongs to another app.
    """
    app = given if isinstance(given, LightningApp) else LightningApp(given)  # type: ignore[arg-type]
    if app.root._log is not None:
        raise SimulationError(
            f"this {type(app.root).__name__} is in a simulated app already, and an app has its own root; {_ADVICE}"
        )
    return app.root


C = TypeVar("C", bound=Component)


def built_again(component: C) -> C:
    """Calls a component's constructor again, with the arguments of the first time.

    Raises:
        SimulationError: They are not known.
    """
    recipe = component._recipe
    if not isinstance(recipe, Recipe):
        raise SimulationError(f"{type(component).__name__} cannot be built again: {recipe}; {_ADVICE}")
    args = [untrack(value) for value in recipe.args]
    return type(component)(*args, **{name: untrack(value) for name, value in recipe.kwargs.items()})
