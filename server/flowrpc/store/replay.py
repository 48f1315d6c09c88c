"""Recovery: the newest snapshot that verifies, then every revision after it, folded."""

from __future__ import annotations

from collections.abc import Iterator

from flowrpc.errors import StoreCorruptError
from flowrpc.state.records import Run, RunRecord
from flowrpc.state.replica import Replica
from flowrpc.store.chain import first_link, next_link
from flowrpc.store.damage import damage_told, damaged
from flowrpc.store.database import Database
from flowrpc.store.head import Head
from flowrpc.store.interface import Applied, with_applied
from flowrpc.store.snapshots import Snapshots
from flowrpc.store.tables import AppliedRow, Identity, RunRow
from flowrpc.wire.journal import revision_from_bytes, run_record_from_bytes, snapshot_from_bytes


class Replay:
    """Folds a journal into a replica, from its newest good snapshot on.

    The caller drives it row by row, so that it can stop, or give way to other threads.
    """

    def __init__(self, database: Database, snapshots: Snapshots, identity: Identity) -> None:
        """Begins at the newest snapshot that verifies, or before the first revision.

        Raises:
            StoreCorruptError: the journal ends before a snapshot.
        """
        self._database = database
        self._identity = identity
        self.replica, self.link = _base(snapshots, identity)
        self.base_revision = self.replica.revision
        """Revision of the snapshot that it begins at; 0 if there is none."""
        _, last = database.revision_bounds()
        newest = max(snapshots.revisions(), default=0)
        if last < newest:
            problem = f"it ends at revision {last}, before snapshot {newest}"
            raise StoreCorruptError(damaged(database.path, problem, good=last or None))

    @property
    def head(self) -> Head:
        """What is acknowledged, now that it was folded so far."""
        identity = self._identity
        return Head(
            journal_id=identity.journal_id, life=identity.life, revision=self.replica.revision, link=self.link
        )

    def steps(self) -> Iterator[int]:
        """Folds one revision at each step and yields the bytes that its record takes.

        Raises:
            StoreCorruptError: revisions are missing, damaged, or do not fit each other.
        """
        for row in self._database.revisions_after(self.base_revision):
            self._fold(row.revision, row.record, row.link)
            yield len(row.record)

    def add_runs(self) -> tuple[RunRecord, ...]:
        """Returns every run record, and puts its run in: those before the snapshot are nowhere else.

        Raises:
            StoreCorruptError: they are damaged, or do not fit the revisions that were folded.
        """
        runs, applied = list(self._database.runs()), list(self._database.applied())
        with damage_told(self._database.path, "a run record"):
            records = with_applied(
                [run_record_from_bytes(row.record) for row in runs],
                [Applied(run_id=row.run_id, attempt=row.attempt, seq=row.seq) for row in applied],
            )
        found = {record.run.run_id: record.run for record in records}
        rows: list[RunRow | AppliedRow] = [*runs, *applied]
        for row in rows:
            self._check_run(row, found)
        for run_id, run in self.replica.runs.items():
            if found.get(run_id) != run:
                raise self._misfit(f"run {run_id} is not as the revisions have it")
        self.replica.runs = found
        return records

    def _check_run(self, row: RunRow | AppliedRow, found: dict[str, Run]) -> None:
        if row.revision > self.replica.revision:
            raise self._misfit(f"run {row.run_id} is of revision {row.revision}, which is not there")
        if row.run_id not in found:
            raise self._misfit(f"run {row.run_id} is not there, but deltas of it are")

    def _misfit(self, problem: str) -> StoreCorruptError:
        return StoreCorruptError(damaged(self._database.path, problem))

    def _fold(self, number: int, record: bytes, link: bytes) -> None:
        good = self.replica.revision
        if number != good + 1:
            problem = f"revisions {good + 1} to {number - 1} are neither in it nor in a readable snapshot"
            raise StoreCorruptError(damaged(self._database.path, problem, good=good or None))
        self.link = next_link(self.link, record)
        if link != self.link:
            problem = f"revision {number} is not the one that followed revision {good}: its link does not fit"
            raise StoreCorruptError(damaged(self._database.path, problem, good=good))
        with damage_told(self._database.path, f"revision {number}", good=good):
            self.replica.fold(revision_from_bytes(record))


def _base(snapshots: Snapshots, identity: Identity) -> tuple[Replica, bytes]:
    for snapshot in snapshots.verified():
        with damage_told(snapshot.path, "its payload"):
            components, app = snapshot_from_bytes(snapshot.payload)
        return Replica(revision=snapshot.revision, components=components, app=app), snapshot.link
    return Replica(), first_link(identity.journal_id)
