"""What became durable, over all lives of a simulated app."""

from __future__ import annotations

from collections.abc import Iterator

from flowrpc.state import Value, copy_value, same
from flowrpc.state.records import Revision, Run
from flowrpc.state.replica import Replica
from flowrpc.testing.errors import unknown


class History:
    """Keeps every revision, and the state that they come to."""

    def __init__(self) -> None:
        self.revisions: list[Revision] = []
        """Every revision, oldest first."""
        self.replica = Replica()
        """What clients see now."""
        self._runs: dict[str, Run] = {}

    def add(self, revision: Revision) -> None:
        """Takes the next revision."""
        self.revisions.append(revision)
        self.replica.fold(revision)
        self._runs |= {run.run_id: run for run in revision.runs}

    def runs(self, work: str | None = None) -> list[Run]:
        """Returns every run that was ever asked for, in the order of the requests, as it is now or was at the last."""
        return [run for run in self._runs.values() if work in (None, run.work)]

    def vars(self, component: str) -> dict[str, Value]:
        """Returns a copy of the durable vars of a component.

        Raises:
            SimulationError: There is no such component.
        """
        record = self.replica.components.get(component)
        if record is None:
            raise unknown("component", component, self.replica.components)
        return {
            name: copy_value(value, name) for name, value in record.vars.items() if not name.startswith("_")
        }

    def values(self, component: str, var: str) -> list[Value]:
        """Returns the values that a var had, one for each revision that changed it."""
        self._check_var(component, var)
        values: list[Value] = []
        for value in self._replayed(component, var):
            if not values or not same(values[-1], value):
                values.append(copy_value(value, var))
        return values

    def _replayed(self, component: str, var: str) -> Iterator[Value]:
        replica = Replica()
        for revision in self.revisions:
            replica.fold(revision)
            record = replica.components.get(component)
            if record is not None and var in record.vars:
                yield record.vars[var]

    def _check_var(self, component: str, var: str) -> None:
        known = self.vars(component)
        if var not in known:
            raise unknown("var", f"{component}.{var}", (f"{component}.{name}" for name in known))

    def unsettled(self, passes: int) -> list[str]:
        """Names what the newest revisions changed: vars, and works that were called."""
        newest = self.revisions[-passes:]
        names = [
            f"{delta.component}.{change.path[0]}"
            for revision in newest
            for delta in revision.deltas
            for change in delta.changes
        ]
        names += [f"{run.work}.run" for revision in newest for run in revision.runs]
        return sorted(set(names))
