"""The open revision: what changed since the last commit, folded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from flowrpc.component.component import Component
from flowrpc.component.markers import Attached, Detached
from flowrpc.state import Change, Entry, Folded, Remove, Set, Value, same
from flowrpc.state.records import AppStatus, ComponentRecord, Delta, Revision, Run


class _OpenDelta:
    """The changes of one component between its attachment and its detachment."""

    __slots__ = ("attached", "component", "detached", "folded")

    def __init__(self, component: str, attached: ComponentRecord | None = None) -> None:
        self.component = component
        self.attached = attached
        self.folded = Folded()
        self.detached = False

    def close(self) -> Delta:
        return Delta(
            component=self.component,
            attached=self.attached,
            changes=tuple(self.folded.changes()),
            detached=self.detached,
        )


class RevisionBuilder:
    """Folds what transitions recorded until a revision is sealed. Of many sets of a place it keeps the last."""

    def __init__(self, next_number: int) -> None:
        self.number = next_number
        """The number that the next revision will have."""
        self.app: AppStatus | None = None
        """The app's status, if it changed."""
        self._deltas: list[_OpenDelta] = []
        self._current: dict[str, _OpenDelta] = {}
        self._runs: dict[str, Run] = {}
        self._forgotten: list[str] = []

    @property
    def empty(self) -> bool:
        """Whether nothing changed."""
        return not (self._deltas or self._runs or self._forgotten or self.app)

    def add(self, entries: list[Entry]) -> Iterator[tuple[Any, str, Change]]:
        """Folds log entries in; yields owner, name and change of each change of a var.

        An owner may have lost or changed its name since: the names that counted are worked out.
        """
        names = _names(entries)
        current = self._current
        for position, (owner, change, _) in enumerate(entries):
            name = names[position] if names else owner._name
            if type(change) is Attached:
                self._attach(name, change.record)
            elif type(change) is Detached:
                self._detach(change.name)
            else:
                delta = current.get(name)
                if delta is None:
                    delta = self._open(_OpenDelta(name))
                delta.folded.add(change)
                yield owner, name, change

    def add_run(self, run: Run) -> None:
        """Adds a run that is new or changed."""
        self._runs[run.run_id] = run

    def forget_run(self, run_id: str) -> None:
        """Adds that a run is no longer kept."""
        self._runs.pop(run_id, None)
        self._forgotten.append(run_id)

    def seal(self, time: datetime) -> Revision:
        """Ends the open revision and begins the next one."""
        revision = Revision(
            number=self.number,
            time=time,
            deltas=tuple(delta.close() for delta in self._deltas),
            runs=tuple(self._runs.values()),
            forgotten_runs=tuple(self._forgotten),
            app=self.app,
        )
        self.__init__(self.number + 1)  # type: ignore[misc]  # everything begins anew
        return revision

    def introduce(self, record: ComponentRecord) -> None:
        """Adds a component that recovery found in the code only."""
        self._attach(record.name, record)

    def drop(self, name: str) -> None:
        """Adds that a component is gone which recovery found in the journal only."""
        self._detach(name)

    def catch_up(self, component: Component, recorded: dict[str, Value], *, migrated: bool) -> None:
        """Adds what vars the code has that were not recorded, and what was recorded that it has not any more.

        Args:
            component: The component as recovery left it.
            recorded: Its vars as they were recorded.
            migrated: Whether user code set its vars, so that each value may be another.
        """
        changes: list[Change] = [Remove((name,)) for name in recorded if name not in component._var_names]
        changes += [
            Set((name,), value)
            for name, value in component._plain_vars(private=True).items()
            if name not in recorded or ((migrated or name[0] == "_") and not same(value, recorded[name]))
        ]
        if changes:
            delta = self._open(_OpenDelta(component.name))
            for change in changes:
                delta.folded.add(change)

    def components(self) -> Iterable[str]:
        """Names the components that changed."""
        return self._current

    def _open(self, delta: _OpenDelta) -> _OpenDelta:
        self._deltas.append(delta)
        self._current[delta.component] = delta
        return delta

    def _attach(self, name: str, record: ComponentRecord) -> None:
        self._open(_OpenDelta(name, record))

    def _detach(self, name: str) -> None:
        delta = self._current.get(name)
        if delta is None or delta is not self._deltas[-1]:
            # Deltas of what is below it may have come since: they happen before it goes.
            delta = self._open(_OpenDelta(name))
        delta.detached = True
        below = name + "."
        for gone in [other for other in self._current if other == name or other.startswith(below)]:
            del self._current[gone]


def _names(entries: list[Entry]) -> list[str]:
    """Works out the name each owner had at each entry; empty if nobody lost a name."""
    if not any(type(change) is Detached for _, change, _ in entries):
        return []
    names: list[str] = []
    before: dict[Component, str] = {}
    for owner, change, _ in reversed(entries):
        if type(change) is Detached:
            before.update(change.names)
        names.append(before.get(owner) or owner._name)
    return names[::-1]
