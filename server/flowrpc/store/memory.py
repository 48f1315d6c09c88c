"""A store in memory, for tests: the twin of `sqlite.SQLiteStore` without a disk."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from itertools import islice

from flowrpc.errors import StoreError, StoreFullError, StoreLockedError
from flowrpc.protocol.stored_answer import StoredAnswer
from flowrpc.state.replica import Replica
from flowrpc.store.interface import Applied, Commit, Recovered, with_applied
from flowrpc.wire.journal import (
    answer_bytes,
    answer_from_bytes,
    revision_bytes,
    revision_from_bytes,
    run_record_bytes,
    run_record_from_bytes,
)

_SLICE = 100
"""How many answers are looked at per commit, so that a commit stays quick."""


class MemoryStore:
    """Keeps everything as bytes in this object, over `close` and `crash` until the object is gone.

    It checks, encodes and fails like the real one; it has no snapshots, so it grows with every revision.
    """

    def __init__(self, *, answer_window: timedelta = timedelta(hours=24)) -> None:
        """Begins without a journal; answers are kept for the window, counted from their revision's time."""
        self._answer_window = answer_window
        self._journal_id = uuid.uuid4().hex
        self._life = 0
        self._revisions: list[bytes] = []
        self._runs: dict[str, bytes] = {}
        self._applied: dict[str, Applied] = {}
        self._answers: dict[str, tuple[datetime, bytes]] = {}
        self._open = False
        self._failure = ""
        self._failure_planned = ""
        self.full = False
        """Whether there is no room for commits."""

    def open(self) -> Recovered:
        """Begins a life and returns what is there."""
        if self._open:
            raise StoreLockedError("this memory store is open already: close it first")
        self._open = True
        self._failure = ""
        seen = self._life > 0
        self._life += 1
        return Recovered(
            journal_id=self._journal_id,
            life=self._life,
            replica=self._replica(),
            records=with_applied(map(run_record_from_bytes, self._runs.values()), self._applied.values()),
            seen=seen,
        )

    def commit(self, commit: Commit) -> bytes:
        """Keeps a revision with all that belongs to it; returns its client bytes."""
        self._check()
        revision = commit.revision
        if revision.number != len(self._revisions) + 1:
            raise ValueError(f"revision {revision.number} does not follow {len(self._revisions)}")
        record = revision_bytes(revision)
        runs = {record.run.run_id: run_record_bytes(record) for record in commit.records}
        first_answers = {
            answer.request_id: (revision.time, answer_bytes(answer)) for answer in commit.answers
        }
        if self.full:
            raise StoreFullError("the memory store is full; set `full` to False")
        if self._failure_planned:
            self._fail(self._failure_planned)
        if first_answers.keys() & self._answers.keys():
            self._fail("a request id was answered twice")
        self._revisions.append(record)
        self._runs |= runs
        self._applied |= {applied.run_id: applied for applied in commit.applied}
        for run_id in revision.forgotten_runs:
            self._runs.pop(run_id, None)
            self._applied.pop(run_id, None)
        self._answers |= first_answers
        self._forget_answers(revision.time - self._answer_window)
        return record

    def answer(self, request_id: str) -> StoredAnswer | None:
        """Returns the first answer to a request, if there was one inside the window."""
        self._check()
        kept = self._answers.get(request_id)
        return answer_from_bytes(request_id, kept[1]) if kept else None

    def close(self) -> None:
        """Ends the life."""
        self._open = False

    def crash(self) -> None:
        """Ends the life as a kill of the process would: what was committed is there at the next `open`."""
        self._open = False

    def fail_next_commit(self, problem: str) -> None:
        """Makes the next commit fail, and with it everything until the next `open`; nothing of it is kept."""
        self._failure_planned = problem

    def _replica(self) -> Replica:
        replica = Replica()
        for record in self._revisions:
            replica.fold(revision_from_bytes(record))
        return replica

    def _forget_answers(self, before: datetime) -> None:
        for request_id, (time, _) in list(islice(self._answers.items(), _SLICE)):
            if time < before:
                del self._answers[request_id]

    def _check(self) -> None:
        if not self._open:
            raise StoreError("the memory store is not open: call open first")
        if self._failure:
            raise StoreError(f"the memory store failed before: {self._failure}; close it and open it again")

    def _fail(self, problem: str) -> None:
        self._failure, self._failure_planned = problem, ""
        raise StoreError(f"the memory store failed: {problem}; close it and open it again")
