"""Runs of a journal that goes back to an earlier revision: the store keeps only their newest records."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from flowrpc.state.changes import Set
from flowrpc.state.records import Delta, Revision, Run, RunRecord, RunStatus
from flowrpc.state.replica import Replica
from flowrpc.store.database import Database
from flowrpc.store.interface import Applied, with_applied
from flowrpc.wire.journal import run_record_from_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """What becomes of the runs."""

    records: tuple[RunRecord, ...]
    """Every run that is kept."""
    waiting: tuple[str, ...]
    """Ids of those that wait again."""
    dropped: tuple[str, ...]
    """Ids of those that are not kept."""
    revision: Revision | None
    """One more revision, which tells what changed with them; None if nothing did."""


class Returning:
    """Takes runs back to the revision of a replica.

    A run that was asked for by then and written later waits again, its work with the vars that the run began with.
    One that had ended by then has ended. One that was asked for later never was.
    """

    def __init__(self, replica: Replica, time: datetime | None) -> None:
        """Takes the state at the revision, and its time, if that is known."""
        self._replica = replica
        self._time = time
        self._kept: list[RunRecord] = []
        self._waiting: list[RunRecord] = []
        self._dropped: list[str] = []

    def take(self, database: Database) -> Returned:
        """Reads the runs of the old journal."""
        revisions: dict[str, int] = {}
        records: list[RunRecord] = []
        for row, fits in database.checked_runs():
            try:
                record = run_record_from_bytes(row.record) if fits else None
            except ValueError:
                record = None
            if record is None:
                self._dropped.append(str(row.run_id))
            else:
                revisions[row.run_id] = row.revision
                records.append(record)
        applied = [one for one, fits in database.checked_applied() if fits]
        progress = [Applied(run_id=one.run_id, attempt=one.attempt, seq=one.seq) for one in applied]
        for one in applied:
            revisions[one.run_id] = max(revisions.get(one.run_id, 0), one.revision)
        for record in with_applied(records, progress):
            self._sort(record, later=revisions[record.run.run_id] > self._replica.revision)
        return self._returned()

    def _sort(self, record: RunRecord, *, later: bool) -> None:
        then = self._replica.runs.get(record.run.run_id)
        if not later:
            self._kept.append(record)
        elif then is not None and then.status.terminal:
            self._kept.append(replace(record, run=then, consumed=False, failure_met=False))
        elif then is None and self._asked_later(record.run):
            self._dropped.append(record.run.run_id)
        else:
            self._waiting.append(record)

    def _asked_later(self, run: Run) -> bool:
        return self._time is not None and run.requested_at is not None and run.requested_at > self._time

    def _returned(self) -> Returned:
        records = (*self._kept, *map(_waiting_again, self._waiting))
        lost = self._replica.runs.keys() - {record.run.run_id for record in records}
        revision = None
        if self._waiting or lost:
            revision = Revision(
                number=self._replica.revision + 1,
                time=self._time or datetime.now(UTC),
                deltas=tuple(filter(None, map(self._take_back, self._waiting))),
                runs=tuple(_waiting_again(record).run for record in self._waiting),
                forgotten_runs=tuple(sorted(lost)),
            )
        return Returned(
            records=records,
            waiting=tuple(record.run.run_id for record in self._waiting),
            dropped=tuple(sorted({*self._dropped, *lost})),
            revision=revision,
        )

    def _take_back(self, record: RunRecord) -> Delta | None:
        """Gives a work the vars again that the run began with."""
        work = self._replica.components.get(record.run.work)
        if work is None:
            return None
        changes = [Set((name,), value) for name, value in record.begin_vars.items() if name in work.vars]
        return Delta(component=work.name, changes=tuple(changes)) if changes else None


def _waiting_again(record: RunRecord) -> RunRecord:
    run = replace(
        record.run, status=RunStatus.PENDING, agent_id="", started_at=None, ended_at=None, failure=None
    )
    return replace(
        record, run=run, begin_vars={}, applied_seq=0, consumed=False, failure_met=False, boot_id=""
    )
