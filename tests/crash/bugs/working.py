"""Bugs of the work protocol and of runs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.crash.bugs.patching import put, strike


def accept_fenced_frames() -> None:
    """Takes frames of whatever attempt and stream for those of the one that is under way."""
    from flowrpc.flow_service.dispatcher import Dispatcher

    find, apply = Dispatcher._find, Dispatcher.apply

    def careless(dispatcher: Dispatcher, session: Any, run_id: str, number: int) -> Any:
        return dispatcher.under_way.get(run_id) or find(dispatcher, session, run_id, number)

    def watched(dispatcher: Dispatcher, session: Any, delta: Any) -> None:
        attempt = dispatcher.under_way.get(delta.run_id)
        if attempt and attempt.session != session.number and delta.seq == attempt.applied_seq + 1:
            strike()
        apply(dispatcher, session, delta)

    put(Dispatcher, "_find", careless)
    put(Dispatcher, "apply", watched)


def apply_resent_deltas_again() -> None:
    """The agent sends all again that was not acknowledged, which it may; the flow applies it again."""
    from flowrpc.flow_service.under_way import AttemptsUnderWay
    from flowrpc.protocol.messages import WorkDelta
    from flowrpc.work_service.roster import Roster

    in_order = AttemptsUnderWay.in_order

    def careless(under_way: AttemptsUnderWay, attempt: Any, frame: Any) -> bool:
        if isinstance(frame, WorkDelta) and frame.seq <= attempt.applied_seq:
            strike()
            return True
        return in_order(under_way, attempt, frame)

    resume = Roster.resume

    def resend(roster: Roster, attempt: Any, applied_seq: int) -> None:
        resume(roster, attempt, attempt.outbox.acknowledged)

    put(AttemptsUnderWay, "in_order", careless)
    put(Roster, "resume", resend)


def acknowledge_above_applied() -> None:
    from flowrpc.flow_service import dispatcher, under_way

    ack: Any = vars(dispatcher)["Ack"]

    def generous(*, run_id: str, attempt: int, seq: int) -> Any:
        return ack(run_id=run_id, attempt=attempt, seq=seq + 1)

    put(dispatcher, "Ack", generous)
    put(under_way, "Ack", generous)


def keep_changes_of_lost_attempts() -> None:
    from flowrpc.flow_service import attempt_ends

    put(attempt_ends, "take_back", lambda *args: None)


def end_runs_twice() -> None:
    """A cancelled run has failed at once, and then ends again when its work does."""
    from flowrpc.flow_service.attempt_ends import AttemptEnds
    from flowrpc.flow_service.dispatcher import Dispatcher
    from flowrpc.state.records import RunStatus

    cancel, end = Dispatcher.cancel, AttemptEnds.end

    def hasty(dispatcher: Dispatcher, record: Any, grace: Any, now: Any) -> None:
        cancel(dispatcher, record, grace, now)
        dispatcher._ledger.end(record, RunStatus.FAILED, now.wall)

    def again(ends: AttemptEnds, attempt: Any, failure: Any, now: Any, *args: Any) -> None:
        record = ends._ledger.record(attempt.run_id)
        if record is not None and record.run.status is RunStatus.FAILED:
            strike()
            ends._ledger.put(replace(record, run=replace(record.run, status=RunStatus.RUNNING)))
        end(ends, attempt, failure, now, *args)

    put(Dispatcher, "cancel", hasty)
    put(AttemptEnds, "end", again)
