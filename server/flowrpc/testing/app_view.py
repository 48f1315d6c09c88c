"""What a simulated app shows: its tree, its works and what they were asked for, and what is durable."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from flowrpc.component.building import find
from flowrpc.component.component import Component
from flowrpc.errors import TreeError
from flowrpc.state import Value
from flowrpc.state.records import AppStatus, Revision, Run
from flowrpc.testing.clock import Clock
from flowrpc.testing.errors import unknown
from flowrpc.testing.history import History
from flowrpc.testing.life import Life

if TYPE_CHECKING:
    from unittest.mock import _Call


class AppView:
    """Reads a simulated app; nothing here changes it."""

    life: Life
    """The life that runs now: what `SimulatedApp` is built on, and tests seldom need."""
    _clock: Clock
    _history: History

    @property
    def root(self) -> Any:
        """The root flow of this life. What a test sets in it counts as a change from outside."""
        return self.life.core.root

    def find(self, name: str) -> Any:
        """Finds a component by its full name.

        Raises:
            SimulationError: There is none.
        """
        try:
            return find(self.root, name)
        except TreeError:
            components: Iterable[Component] = self.root._walk()
            raise unknown("component", name, (component.name for component in components)) from None

    def runs(self, work: str | None = None) -> list[Run]:
        """Returns every run that was asked for over all lives, oldest first: of one work or of all.

        Raises:
            SimulationError: There is no such work, and never was.
        """
        found = self._history.runs(work)
        names = {work.name for work in self.root.works()}
        if work is not None and not found and work not in names:
            raise unknown("work", work, names | {run.work for run in self._history.runs()})
        return found

    def unfinished_runs(self) -> list[Run]:
        """Returns the runs that have not ended, oldest first."""
        return [run for run in self._history.replica.runs.values() if not run.status.terminal]

    def calls(self, work: str) -> list[_Call]:
        """Returns what a work was called with, oldest first, as `unittest.mock.call` writes it.

        A call that was answered from the cache, or waited for the run of an earlier one, is none.

        Raises:
            SimulationError: There is no such work, and never was.
        """
        from unittest.mock import call

        return [call(*run.args, **run.kwargs) for run in self.runs(work)]

    @property
    def now(self) -> datetime:
        """The time on the app's clock, in UTC."""
        return self._clock.wall

    @property
    def ended(self) -> AppStatus | None:
        """How the app ended; None while it runs."""
        return self.life.core.ended

    @property
    def exit_code(self) -> int | None:
        """What `flowctl run` would exit with: 0 stopped, 1 failed; None while the app runs."""
        return self.ended.exit_code if self.ended else None

    # What is durable

    @property
    def revision(self) -> int:
        """The number of the newest revision."""
        return self._history.replica.revision

    @property
    def revisions(self) -> list[Revision]:
        """Every revision, over all lives."""
        return list(self._history.revisions)

    def vars(self, component: str = "root") -> dict[str, Value]:
        """Returns the durable vars of a component: what a client sees.

        Raises:
            SimulationError: There is no such component.
        """
        return self._history.vars(component)

    def history(self, component: str, var: str) -> list[Value]:
        """Returns the durable values that a var had one after the other, over all lives.

        Raises:
            SimulationError: There is no such component or var.
        """
        return self._history.values(component, var)
