"""What a flow service asks of its storage."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from flowrpc.protocol.stored_answer import StoredAnswer
from flowrpc.state.records import Revision, RunRecord
from flowrpc.state.replica import Replica


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """What a store holds when it is opened."""

    journal_id: str
    """Identity of the journal: revisions of two journals cannot be compared."""
    life: int
    """Number of this life, from 1: how many times the journal was opened, this time included."""
    replica: Replica
    """The state at the last revision, with every run."""
    records: tuple[RunRecord, ...]
    """Every run as the flow service keeps it, in the order of the requests."""
    seen: bool
    """Whether there was a journal before this life."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """How far the deltas of an attempt were applied."""

    run_id: str
    attempt: int
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """What becomes durable together, all or nothing."""

    revision: Revision
    answers: tuple[StoredAnswer, ...] = ()
    """First answers to requests that the revision holds."""
    records: tuple[RunRecord, ...] = ()
    """Runs that changed, as the flow service keeps them; the revision has them as clients see them."""
    applied: tuple[Applied, ...] = ()
    """Attempts of which more deltas were applied, when nothing else of their record changed."""


class Store(Protocol):
    """Keeps revisions, run records and first answers.

    One thread makes all calls, except that another one may call `open` before the first of them. A store
    whose disk is full can be used on, and its commit be tried again. One that failed otherwise fails every
    call until it is closed: after a failed sync a database may take the next commit as if nothing had
    happened, so nobody may trust it before it was read again from the disk.
    """

    def open(self) -> Recovered:
        """Begins a life and returns what is there.

        Raises:
            StoreLockedError: another service uses the storage.
            StoreCorruptError: what it holds is damaged.
            StoreError: it cannot be used for another reason.
        """

    def commit(self, commit: Commit) -> bytes:
        """Makes a revision durable with all that belongs to it.

        Returns:
            The revision's client bytes as they are stored.

        Raises:
            StoreFullError: nothing of it is durable; the same commit may be tried again.
            StoreError: it may be durable or not: the next `open` tells. The store refuses everything now.
            ValueError: the revision is not the next one; nothing happened.
        """

    def answer(self, request_id: str) -> StoredAnswer | None:
        """Returns the first answer to a request; None if there was none inside the window.

        Raises:
            StoreError: the store failed.
        """

    def close(self) -> None:
        """Ends the life; a store that is not open stays so. It can be opened again."""


def with_applied(records: Iterable[RunRecord], applied: Iterable[Applied]) -> tuple[RunRecord, ...]:
    """Brings the records of runs up to what was applied since they were written, in the order of the requests.

    That concerns attempts that are under way. A run that ended, or waits for another attempt, says itself how far it
    got: else an agent that still holds an attempt which was cancelled or taken back would be told to go on with it.
    """
    newest = {(one.run_id, one.attempt): one.seq for one in applied}
    return tuple(
        replace(
            record,
            applied_seq=max(record.applied_seq, newest.get((record.run.run_id, record.run.attempt), 0)),
        )
        if record.run.agent_id and not record.run.status.terminal
        else record
        for record in sorted(records, key=lambda record: record.ordinal)
    )
