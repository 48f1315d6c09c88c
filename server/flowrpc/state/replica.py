"""A replica: the state that comes out of folding revisions.

The store's recovery, the publisher of the flow service and the client's replica are this one fold, at different
revisions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from flowrpc.errors import InvalidChangeError
from flowrpc.state.fold import apply
from flowrpc.state.records import AppStatus, ComponentRecord, Delta, Revision, Run
from flowrpc.state.tracking import untrack


class Replica:
    """Holds components, runs and the app's status at one revision, and moves on by folding the next ones.

    `components` keeps parents before children and siblings in order of attachment.
    """

    def __init__(
        self,
        *,
        revision: int = 0,
        components: Iterable[ComponentRecord] = (),
        runs: Iterable[Run] = (),
        app: AppStatus | None = None,
    ) -> None:
        """Begins at a snapshot, or empty at revision 0."""
        self.revision = revision
        self.components: dict[str, ComponentRecord] = {record.name: record for record in components}
        self.runs: dict[str, Run] = {run.run_id: run for run in runs}
        self.app = app

    def fold(self, revision: Revision) -> None:
        """Moves to the next revision.

        Raises:
            InvalidChangeError: the revision is not the next one, or does not fit what is here.
        """
        if revision.number != self.revision + 1:
            raise InvalidChangeError(f"revision {revision.number}", f"does not follow {self.revision}")
        for delta in revision.deltas:
            self._fold_delta(delta)
        for run in revision.runs:
            self.runs[run.run_id] = run
        for run_id in revision.forgotten_runs:
            self.runs.pop(run_id, None)
        self.app = revision.app or self.app
        self.revision = revision.number

    def subtree(self, name: str) -> Iterator[ComponentRecord]:
        """Yields the component and everything below it, parents first."""
        below = name + "."
        for record in self.components.values():
            if record.name == name or record.name.startswith(below):
                yield record

    def _fold_delta(self, delta: Delta) -> None:
        if delta.attached is not None:
            self.components[delta.component] = _own_copy(delta.attached)
        if delta.changes:
            self._change(delta)
        if delta.detached:
            self._detach(delta.component)

    def _change(self, delta: Delta) -> None:
        record = self.components.get(delta.component)
        if record is None:
            raise InvalidChangeError(delta.component, "no such component")
        for change in delta.changes:
            apply(record.vars, change)

    def _detach(self, name: str) -> None:
        for record in list(self.subtree(name)):
            del self.components[record.name]


def _own_copy(record: ComponentRecord) -> ComponentRecord:
    """Copies the vars, so that folding never changes what a revision holds."""
    return ComponentRecord(
        name=record.name,
        kind=record.kind,
        type=record.type,
        vars={name: untrack(value) for name, value in record.vars.items()},
        recipe=record.recipe,
    )
