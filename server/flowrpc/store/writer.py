"""The writer of one life: what each commit holds, and what old things it takes along out of the journal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from flowrpc.errors import StoreFullError
from flowrpc.protocol.stored_answer import StoredAnswer
from flowrpc.store.chain import next_link
from flowrpc.store.compaction import Compactor
from flowrpc.store.damage import damage_told
from flowrpc.store.database import Database
from flowrpc.store.head import Head, HeadWriter
from flowrpc.store.interface import Commit
from flowrpc.store.tables import Batch
from flowrpc.wire.journal import answer_bytes, answer_from_bytes, revision_bytes, run_record_bytes

_ROWS_PER_COMMIT = 500
"""How many old rows of a table one commit deletes at most, so that a commit stays quick."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When a store makes snapshots and what it forgets."""

    snapshot_revisions: int
    snapshot_bytes: int
    answer_window: timedelta


@dataclass(slots=True, kw_only=True)
class Backlog:
    """The journal after the newest snapshot."""

    revisions: int = 0
    bytes: int = 0

    def add(self, record_bytes: int) -> None:
        """Counts one more revision."""
        self.revisions += 1
        self.bytes += record_bytes

    def reaches(self, limits: Limits, *, times: int = 1) -> bool:
        """Whether it is time for a snapshot, or has been so many times."""
        return (
            self.revisions >= times * limits.snapshot_revisions or self.bytes >= times * limits.snapshot_bytes
        )


class Writer:
    """Commits revisions in order."""

    def __init__(
        self,
        database: Database,
        compactor: Compactor,
        limits: Limits,
        backlog: Backlog,
        *,
        head: Head,
        notes: HeadWriter,
    ) -> None:
        """Goes on after the database's last revision, which is the head.

        Raises:
            StoreError: the database cannot be read.
        """
        self._database = database
        self._compactor = compactor
        self._limits = limits
        self._backlog = backlog
        self._link = head.link
        self._notes = notes
        self.revision = head.revision
        self._first, _ = database.revision_bounds()
        self._oldest_answer = database.oldest_answer_time()

    def commit(self, commit: Commit) -> bytes:
        """Makes a revision durable and returns its client bytes.

        Raises:
            StoreFullError: the disk is full; nothing of it is durable, and it may be tried again.
            StoreError: it may be durable or not.
        """
        batch = self._batch(commit)
        self._write(batch)
        self._link = batch.link
        self._notes.note(batch.number, batch.link)
        self._count(batch)
        if self._backlog.reaches(self._limits) and not self._compactor.running:
            self._backlog = Backlog()
            self._compactor.start()
        return batch.record

    def answer(self, request_id: str) -> StoredAnswer | None:
        """Returns the first answer to a request, if it is kept."""
        record = self._database.answer(request_id)
        if record is None:
            return None
        with damage_told(self._database.path, f"the answer to {request_id}"):
            return answer_from_bytes(request_id, record)

    def _write(self, batch: Batch) -> None:
        try:
            self._database.commit(batch)
        except StoreFullError:
            self._database.make_room()
            raise

    def _batch(self, commit: Commit) -> Batch:
        revision = commit.revision
        record = revision_bytes(revision)
        batch = Batch(number=revision.number, record=record, link=next_link(self._link, record))
        if commit.records:
            batch.runs = [(one.run.run_id, one.ordinal, run_record_bytes(one)) for one in commit.records]
        if commit.applied:
            batch.applied = [(one.run_id, one.attempt, one.seq) for one in commit.applied]
        if revision.forgotten_runs:
            batch.forgotten_runs = [(run_id,) for run_id in revision.forgotten_runs]
        if commit.answers:
            time = _microseconds(revision.time)
            batch.answers = [(answer.request_id, time, answer_bytes(answer)) for answer in commit.answers]
        self._take_along(batch, revision.time)
        return batch

    def _take_along(self, batch: Batch, now: datetime) -> None:
        """Adds a slice of what has become old."""
        if self._first <= self._compactor.spare_revision:
            batch.delete_revisions_to = min(
                self._compactor.spare_revision, self._first + _ROWS_PER_COMMIT - 1
            )
        if self._oldest_answer is not None:
            expired = _microseconds(now - self._limits.answer_window)
            if self._oldest_answer < expired:
                batch.delete_answers_before, batch.delete_answers_limit = expired, _ROWS_PER_COMMIT

    def _count(self, batch: Batch) -> None:
        self.revision = batch.number
        self._backlog.add(len(batch.record))
        self._first = max(self._first, batch.delete_revisions_to + 1)
        if batch.delete_answers_before or (batch.answers and self._oldest_answer is None):
            self._oldest_answer = self._database.oldest_answer_time()


def _microseconds(time: datetime) -> int:
    """Converts to microseconds since 1970."""
    return round(time.timestamp() * 1_000_000)
