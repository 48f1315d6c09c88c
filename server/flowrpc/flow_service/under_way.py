"""The attempts that are under way: which there are, what of them is durable, and what their agents are told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from flowrpc.flow_service.attempts import (
    Attempt,
    bounded,
    cancellation,
    missed_changes,
    note_flow_change,
    start_message,
)
from flowrpc.flow_service.effects import Send
from flowrpc.flow_service.ledger import Ledger
from flowrpc.flow_service.outgoing import Outgoing
from flowrpc.flow_service.work_processes import STOP_GRACE
from flowrpc.protocol.messages import Ack, Finished, Nack, NackReason, VarsChanged, WorkDelta
from flowrpc.state import Change
from flowrpc.state.records import RunRecord
from flowrpc.state.sizes import parts
from flowrpc.store.interface import Applied

PART_BYTES = 16 * 1024 * 1024
"""About how much is told of changes in one message: far below what an agent takes. More comes in several messages."""


class AttemptsUnderWay:
    """Keeps the attempts that have begun and not ended, by run.

    Args:
        ledger: The runs.
        outgoing: Takes effects, and gives them back.
        epoch: The life of this flow service.
    """

    def __init__(self, ledger: Ledger, outgoing: Outgoing, *, epoch: int) -> None:
        self._ledger = ledger
        self._outgoing = outgoing
        self._emit = outgoing.emit
        self._attempts: dict[str, Attempt] = {}
        self._changes_told = epoch << 32
        self._applied: dict[str, None] = {}
        """Attempts whose sequence number grew since the last revision."""

    def __contains__(self, run_id: str) -> bool:
        return run_id in self._attempts

    def __iter__(self) -> Iterator[Attempt]:
        """Yields those that there are now, whatever is added or removed meanwhile."""
        return iter(list(self._attempts.values()))

    def get(self, run_id: str) -> Attempt | None:
        """Returns the attempt of a run; None if it has none."""
        return self._attempts.get(run_id)

    def add(self, attempt: Attempt) -> None:
        """Adds an attempt that begins, or that an earlier life left."""
        self._attempts[attempt.run_id] = attempt

    def remove(self, run_id: str) -> None:
        """Removes an attempt, if it is still there."""
        self._attempts.pop(run_id, None)

    def withdraw(self, attempt: Attempt) -> bool:
        """Removes an attempt; tells whether its agent is not asked to begin it, because that had not left yet.

        Otherwise an agent would execute a run that came and went in one revision, and that no journal knows.
        """
        self.remove(attempt.run_id)
        return attempt.start is not None and self._outgoing.withdraw(attempt.start)

    def persist(self, attempt: Attempt) -> None:
        """Makes durable what another life has to know of an attempt."""
        record = self._ledger.record(attempt.run_id)
        if record is not None:
            self._ledger.put(
                replace(
                    record,
                    begin_vars=dict(attempt.begin_vars),
                    flow_changes=dict(attempt.flow_changes),
                    cancel_grace=attempt.cancel_grace,
                    applied_seq=attempt.applied_seq,
                )
            )

    # Order and acknowledgements

    def in_order(self, attempt: Attempt, frame: WorkDelta | Finished) -> bool:
        """Accepts the next frame of an attempt, acknowledges an old one again and asks for a missing one."""
        if frame.seq == attempt.applied_seq + 1:
            return True
        if frame.seq <= attempt.applied_seq:
            self.acknowledge(attempt)
        elif attempt.asked_above != attempt.applied_seq:
            self.ask_again(attempt)  # else what is missing was asked for, and is on its way
        return False

    def ask_again(self, attempt: Attempt) -> None:
        """Has its agent send again what it has of an attempt and was not applied."""
        if attempt.session is not None:
            attempt.asked_above = seq = attempt.applied_seq
            nack = Nack(run_id=attempt.run_id, attempt=attempt.number, seq=seq, reason=NackReason.GAP)
            self._emit(Send(attempt.session, nack))

    def acknowledge(self, attempt: Attempt) -> None:
        """Has what was applied of an attempt acknowledged with the next revision."""
        attempt.ack_due = True
        self._applied[attempt.run_id] = None

    @property
    def owes_acks(self) -> bool:
        """Whether deltas wait to be acknowledged."""
        return bool(self._applied)

    def take_applied(self) -> tuple[Applied, ...]:
        """Returns the sequence numbers that the next revision makes durable, and acknowledges them with it."""
        applied = []
        for run_id in self._applied:
            attempt = self._attempts.get(run_id)
            if attempt is not None:
                applied.append(Applied(run_id=run_id, attempt=attempt.number, seq=attempt.applied_seq))
                self._send_ack(attempt)
        self._applied.clear()
        return tuple(applied)

    def _send_ack(self, attempt: Attempt) -> None:
        if attempt.session is not None and attempt.ack_due:
            attempt.ack_due = False
            ack = Ack(run_id=attempt.run_id, attempt=attempt.number, seq=attempt.applied_seq)
            self._emit(Send(attempt.session, ack))

    # What agents are told

    def tell_start(self, attempt: Attempt, record: RunRecord) -> None:
        """Has its agent begin an attempt."""
        assert attempt.session is not None, "somebody is there to begin it"
        attempt.start = Send(attempt.session, start_message(record, attempt, self._changes_told))
        self._emit(attempt.start)

    def tell_cancellation(self, attempt: Attempt, grace: timedelta) -> None:
        """Has its agent end an attempt, if it is there."""
        if attempt.session is not None:
            self._emit(Send(attempt.session, cancellation(attempt, grace)))

    def tell_changes(self, attempt: Attempt, changes: tuple[Change, ...]) -> None:
        """Tells the runner of a work what the flow changed in its vars."""
        told = bounded(attempt, changes)
        messages = [self._note_changes(attempt, part) for part in parts(told, PART_BYTES)]
        self.persist(attempt)  # with the changes, so that they are told even if this life ends before
        if attempt.session is not None:
            self._send_ack(attempt)  # so that the runner knows which of its own changes came before these
            for message in messages:
                self._emit(Send(attempt.session, message))

    def _note_changes(self, attempt: Attempt, changes: tuple[Change, ...]) -> VarsChanged:
        self._changes_told += 1  # larger in every message, over all lives
        for change in changes:
            note_flow_change(attempt, str(change.path[0]), self._changes_told)
        return VarsChanged(work=attempt.work.name, number=self._changes_told, changes=changes)

    def tell_missed(self, attempt: Attempt) -> None:
        """Tells an agent that is back what it may not have heard: what the flow changed, and that it is to end.

        What is told of a var counts as changed now. So what the work had changed inside it without having heard that
        is refused when it comes, and sent whole: otherwise each side would have what the other had before.
        """
        changes = missed_changes(attempt)
        if changes:
            self.tell_changes(attempt, changes)
        grace = STOP_GRACE if attempt.timed_out else attempt.cancel_grace
        if grace is not None:
            self.tell_cancellation(attempt, grace)
