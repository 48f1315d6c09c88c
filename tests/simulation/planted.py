"""Planted bugs: each breaks one promise in the real code, for as long as it is planted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from flowrpc.flow_service import attempt_ends, attempts, dispatcher
from flowrpc.flow_service.core import Core
from flowrpc.flow_service.dispatcher import Dispatcher
from flowrpc.flow_service.effects import Send
from flowrpc.flow_service.engine import Engine
from flowrpc.flow_service.publisher import Publisher
from flowrpc.flow_service.requests import Requests
from flowrpc.flow_service.transition import Transitions
from flowrpc.flow_service.under_way import AttemptsUnderWay
from flowrpc.flow_service.work_processes import WorkProcesses
from flowrpc.protocol.messages import Ack, Finished, Verdict
from flowrpc.work_service.outbox import Outbox
from flowrpc.work_service.roster import Roster

Place = tuple[Any, str, Any]
"""An object, the name of its attribute, and what to put there."""


def _nothing(*_: Any, **__: Any) -> None:
    """Is what becomes of what was forgotten to be done."""


def _acknowledge_before_commit() -> list[Place]:
    real = Dispatcher.apply

    def apply(self: Any, session: Any, delta: Any) -> None:
        real(self, session, delta)
        attempt = self.under_way.get(delta.run_id)
        if attempt is not None and attempt.session is not None:
            ack = Ack(run_id=delta.run_id, attempt=delta.attempt, seq=attempt.applied_seq)
            self._emit(Send(attempt.session, ack), at_once=True)

    return [(Dispatcher, "apply", apply), *_effects_leave_at_once()]


def _effects_leave_at_once() -> list[Place]:
    """Lets what waits on no revision leave ahead of the commit of its turn."""
    from tests.simulation.flow import FlowProcess

    take = Engine._take_events

    def take_events(self: Any, core: Any) -> bool:
        going_on = take(self, core)
        effects = core._outgoing.take()
        self._deliver(None, b"", effects)
        return going_on

    return [(Engine, "_take_events", take_events), (FlowProcess, "_deliver", _deliver_at_once(FlowProcess))]


def _deliver_at_once(shell: Any) -> Any:
    real = shell._deliver

    def deliver(self: Any, revision: Any, data: bytes, effects: Any) -> None:
        if revision is None:
            self._carry_out(revision, data, effects)
        else:
            real(self, revision, data, effects)

    return deliver


def _forget_before_acknowledgement() -> list[Place]:
    real = Outbox.add

    def add(self: Any, frame: Any, size_bytes: int) -> None:
        real(self, frame, size_bytes)
        if not isinstance(frame, Finished):
            self.forget(frame.seq)

    return [(Outbox, "add", add)]


def _no_dedupe_row() -> list[Place]:
    real = Core.seal

    def seal(self: Any, now: Any) -> Any:
        commit = real(self, now)
        return None if commit is None else replace(commit, answers=())

    return [(Core, "seal", seal)]


def _late_attempt_accepted() -> list[Place]:
    def find(self: Any, session: Any, run_id: str, number: int) -> Any:
        return self.under_way.get(run_id)

    return [(Dispatcher, "_find", find)]


def _resend_applied_again() -> list[Place]:
    real, send_above = AttemptsUnderWay.in_order, Roster._send_above

    def in_order(self: Any, attempt: Any, frame: Any) -> bool:
        return frame.seq <= attempt.applied_seq or real(self, attempt, frame)

    def send_twice(self: Any, attempt: Any, seq: int) -> None:
        send_above(self, attempt, seq)
        send_above(self, attempt, seq)

    return [(AttemptsUnderWay, "in_order", in_order), (Roster, "_send_above", send_twice)]


def _repeated_frame_applied_again() -> list[Place]:
    real = AttemptsUnderWay.in_order

    def in_order(self: Any, attempt: Any, frame: Any) -> bool:
        return frame.seq <= attempt.applied_seq or real(self, attempt, frame)

    return [(AttemptsUnderWay, "in_order", in_order)]


def _gap_not_noticed() -> list[Place]:
    real = AttemptsUnderWay.in_order

    def in_order(self: Any, attempt: Any, frame: Any) -> bool:
        return frame.seq > attempt.applied_seq or real(self, attempt, frame)

    return [(AttemptsUnderWay, "in_order", in_order)]


def _vars_not_taken_back() -> list[Place]:
    return [(attempt_ends, "take_back", _nothing)]


def _what_to_take_back_not_durable() -> list[Place]:
    real = AttemptsUnderWay.persist

    def persist(self: Any, attempt: Any) -> None:
        vars_, attempt.begin_vars = attempt.begin_vars, {}
        real(self, attempt)
        attempt.begin_vars = vars_

    return [(AttemptsUnderWay, "persist", persist)]


def _watcher_off_by_one() -> list[Place]:
    real = Publisher.follow

    def follow(self: Any, request: Any) -> Any:
        after = request.after_revision
        if after is None or request.journal_id != self.journal_id or after >= self.replica.revision:
            return real(self, request)
        return real(self, replace(request, after_revision=after + 1))

    return [(Publisher, "follow", follow)]


def _continue_after_wrong_seq() -> list[Place]:
    real = Dispatcher.judge

    def judge(self: Any, *arguments: Any) -> Any:
        verdict = real(self, *arguments)
        if verdict.verdict is not Verdict.CONTINUE:
            return verdict
        return replace(verdict, applied_seq=verdict.applied_seq + 1)

    return [(Dispatcher, "judge", judge)]


def _missed_changes_not_told() -> list[Place]:
    return [(AttemptsUnderWay, "tell_missed", _nothing)]


def _refusals_not_told() -> list[Place]:
    real = attempts.apply_delta

    def apply_delta(attempt: Any, delta: Any) -> list[Any]:
        real(attempt, delta)
        return []

    return [(dispatcher, "apply_delta", apply_delta)]


def _changes_told_under_an_old_number() -> list[Place]:
    real = AttemptsUnderWay.tell_changes

    def tell_changes(self: Any, attempt: Any, changes: Any) -> None:
        before = self._changes_told
        real(self, attempt, changes)
        self._changes_told = before

    return [(AttemptsUnderWay, "tell_changes", tell_changes)]


def _new_attempt_without_proof_of_death() -> list[Place]:
    def overdue(self: Any, attempt: Any) -> float:
        return float("inf") if attempt.suspect_since is None else float(attempt.suspect_since)

    return [(Dispatcher, "_overdue", overdue)]


def _idle_processes_not_judged() -> list[Place]:
    return [(WorkProcesses, "judge", _nothing)]


def _orphans_not_killed() -> list[Place]:
    return [(Roster, "end_orphans", _nothing)]


def _published_before_commit() -> list[Place]:
    def commit(self: Any, core: Any, instant: Any) -> None:
        sealed = core.seal(instant)
        if sealed is None:
            return
        core.committed()
        effects = core.take_effects()
        self._deliver(None, b"", effects)
        data = self._store.commit(sealed)
        self._deliver(sealed.revision, data, [])

    from tests.simulation.flow import FlowProcess

    return [(Engine, "_commit", commit), (FlowProcess, "_deliver", _deliver_at_once(FlowProcess))]


def _failed_command_not_undone() -> list[Place]:
    return [(Transitions, "undo", _nothing)]


def _expected_revision_ignored() -> list[Place]:
    return [(Requests, "_check_expected", _nothing)]


BUGS: dict[str, Callable[[], list[Place]]] = {
    bug.__name__.strip("_").replace("_", " "): bug
    for bug in (
        _acknowledge_before_commit,
        _forget_before_acknowledgement,
        _no_dedupe_row,
        _late_attempt_accepted,
        _resend_applied_again,
        _vars_not_taken_back,
        _what_to_take_back_not_durable,
        _watcher_off_by_one,
        _continue_after_wrong_seq,
        _missed_changes_not_told,
        _refusals_not_told,
        _changes_told_under_an_old_number,
        _new_attempt_without_proof_of_death,
        _orphans_not_killed,
        _idle_processes_not_judged,
        _published_before_commit,
        _failed_command_not_undone,
        _expected_revision_ignored,
    )
}
"""By name, in words."""

OF_STREAMS: dict[str, Callable[[], list[Place]]] = {
    "repeated frame applied again": _repeated_frame_applied_again,
    "gap not noticed": _gap_not_noticed,
}
"""Those that show only where a stream loses or repeats single frames, as gRPC's do not."""


@contextmanager
def planted(name: str) -> Iterator[None]:
    """Plants a bug."""
    with ExitStack() as stack:
        for target, attribute, value in (BUGS | OF_STREAMS)[name]():
            stack.enter_context(patch.object(target, attribute, value))
        yield
