"""Recovery: the newest snapshot that verifies, then every revision after it, folded."""

from __future__ import annotations

from collections.abc import Iterator

from flowrpc.errors import StoreCorruptError
from flowrpc.state.records import RunRecord
from flowrpc.state.replica import Replica
from flowrpc.store.database import Database, damage_told, damaged
from flowrpc.store.interface import Applied, with_applied
from flowrpc.store.snapshots import Snapshots
from flowrpc.wire.journal import revision_from_bytes, run_record_from_bytes, snapshot_from_bytes


class Replay:
    """Folds a journal into a replica, from its newest good snapshot on.

    The caller drives it row by row, so that it can stop, or give way to other threads.
    """

    def __init__(self, database: Database, snapshots: Snapshots) -> None:
        """Begins at the newest snapshot that verifies, or before the first revision.

        Raises:
            StoreCorruptError: the journal ends before a snapshot.
        """
        self._database = database
        self.replica = _base(snapshots)
        self.base_revision = self.replica.revision
        """Revision of the snapshot that it begins at; 0 if there is none."""
        _, last = database.revision_bounds()
        newest = max(snapshots.revisions(), default=0)
        if last < newest:
            problem = f"it ends at revision {last}, before snapshot {newest}"
            raise StoreCorruptError(damaged(database.path, problem))

    def steps(self) -> Iterator[int]:
        """Folds one revision at each step and yields the bytes that its record takes.

        Raises:
            StoreCorruptError: revisions are missing, damaged, or do not fit each other.
        """
        for number, record in self._database.revisions_after(self.base_revision):
            self._fold(number, record)
            yield len(record)

    def add_runs(self) -> tuple[RunRecord, ...]:
        """Returns every run record, and puts its run in: those before the snapshot are nowhere else."""
        applied = [
            Applied(run_id=run, attempt=attempt, seq=seq) for run, attempt, seq in self._database.applied()
        ]
        with damage_told(self._database.path, "a run record"):
            records = with_applied(map(run_record_from_bytes, self._database.runs()), applied)
        self.replica.runs = {record.run.run_id: record.run for record in records}
        return records

    def _fold(self, number: int, record: bytes) -> None:
        expected = self.replica.revision + 1
        if number != expected:
            problem = f"revisions {expected} to {number - 1} are neither in it nor in a readable snapshot"
            raise StoreCorruptError(damaged(self._database.path, problem))
        with damage_told(self._database.path, f"revision {number}"):
            self.replica.fold(revision_from_bytes(record))


def _base(snapshots: Snapshots) -> Replica:
    for snapshot in snapshots.verified():
        with damage_told(snapshot.path, "its payload"):
            components, app = snapshot_from_bytes(snapshot.payload)
        return Replica(revision=snapshot.revision, components=components, app=app)
    return Replica()
