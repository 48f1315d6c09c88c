"""When an agent that cannot reach its flow kills what it executes, and what is killed although nobody is heard."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flowrpc.protocol.messages import (
    Ack,
    Beat,
    CancelAttempt,
    Finished,
    HeldVerdict,
    Hello,
    StartRun,
    StopRunner,
    Verdict,
    Welcome,
)
from flowrpc.state.records import Failure, FailureReason
from flowrpc.wire.attach import PackedDelta
from flowrpc.work_service.effects import Effect, Kill, Redial, Send, Spawn, Tell
from flowrpc.work_service.identity import Identity
from flowrpc.work_service.session import Session

DIED = Failure(reason=FailureReason.SIGNALLED, signal=9, message="died")
SECOND = timedelta(seconds=1)
LEASE = 5.0


def session_of(grace: float = 600.0, *run_ids: str) -> Session:
    """Makes a session that was welcomed at 0 and executes the first run."""
    session = Session(Identity(agent_id="a", works=("*",), boot_id="b"))
    session.on_connected(0.0)
    session.on_message(Welcome(lease=LEASE * SECOND, beat_interval=SECOND, epoch=1), 0.0)
    for run_id in run_ids or ("r",):
        session.on_message(
            StartRun(
                run_id=run_id,
                attempt=1,
                work="root.w",
                recipe=None,
                vars={},
                orphan_grace=timedelta(seconds=grace),
            ),
            0.0,
        )
    return session


def kills(effects: list[Effect]) -> list[str]:
    return [effect.work for effect in effects if isinstance(effect, Kill)]


def held(session: Session, now: float) -> tuple[str, ...]:
    """Dials again, and tells what the agent says that it holds."""
    (hello,) = [e.message for e in session.on_connected(now) if isinstance(e, Send)]
    assert isinstance(hello, Hello)
    return tuple(attempt.run_id for attempt in hello.held)


def test_an_orphan_is_killed_after_its_grace_and_not_held_any_more() -> None:
    """That is no failure of the run: the flow makes another attempt."""
    session = session_of(600.0)
    session.on_disconnected(3.0)
    assert session.on_tick(602.9) == []
    assert session.next_deadline() == 603.0
    assert kills(session.on_tick(603.0)) == ["root.w"]
    assert session.on_exit("root.w", DIED) == []
    assert held(session, 700.0) == ()


@pytest.mark.parametrize("grace", [0.0, 2.0, 3600.0])
def test_each_work_has_its_own_grace(grace: float) -> None:
    session = session_of(grace)
    session.on_disconnected(1.0)
    assert kills(session.on_tick(0.9 + grace)) == []
    assert kills(session.on_tick(1.0 + grace)) == ["root.w"]


def test_what_has_ended_is_kept_for_the_flow_however_long_that_takes() -> None:
    session = session_of(1.0)
    session.on_disconnected(1.0)
    session.on_frame("root.w", Finished(run_id="r", attempt=1, seq=1), 10)
    session.on_tick(10_000.0)
    assert held(session, 10_000.0) == ("r",)


def test_a_hello_that_is_not_answered_brings_no_time() -> None:
    session = session_of(60.0)
    session.on_disconnected(1.0)
    session.on_connected(50.0)
    session.on_disconnected(59.0)
    assert kills(session.on_tick(61.0)) == ["root.w"]


def test_a_welcome_brings_the_whole_grace_again() -> None:
    session = session_of(60.0)
    session.on_disconnected(1.0)
    session.on_connected(50.0)
    verdict = HeldVerdict(run_id="r", attempt=1, verdict=Verdict.CONTINUE)
    welcome = Welcome(lease=LEASE * SECOND, beat_interval=SECOND, epoch=1, verdicts=(verdict,))
    session.on_message(welcome, 51.0)
    session.on_disconnected(52.0)
    assert kills(session.on_tick(111.9)) == []
    assert kills(session.on_tick(112.0)) == ["root.w"]


def beat_until(session: Session, end: int, *, answered: int) -> None:
    """Beats every second; of the beats only some are answered, each a second later."""
    for second in range(1, end + 1):
        session.on_tick(float(second))
        if second <= answered:
            session.on_message(Beat(number=second), second + 0.5)


def test_without_an_answer_the_grace_counts_from_a_lease_after_the_last_answered_beat() -> None:
    """Nothing breaks on a half-open connection, and the flow counts from its own lease."""
    session = session_of(4.0)
    beat_until(session, 10, answered=3)
    assert kills(session.on_tick(3.0 + LEASE + 3.9)) == []
    assert kills(session.on_tick(3.0 + LEASE + 4.0)) == ["root.w"]


def test_a_flow_that_still_listens_hears_by_another_hello_what_was_killed() -> None:
    """On a slow link acknowledgements arrive, and answers to beats do not: the flow takes the run for under way."""
    session = session_of(4.0)
    for second in range(1, 9):
        assert kills(session.on_tick(float(second))) == []
        session.on_message(Ack(run_id="r", attempt=1, seq=0), second + 0.5)
    effects = session.on_tick(9.0)
    assert kills(effects) == ["root.w"]
    assert [type(effect) for effect in effects if isinstance(effect, Redial)] == [Redial]
    session.on_disconnected(9.6)
    assert held(session, 9.7) == ()


def test_a_flow_that_is_away_is_not_dialled_again_because_of_an_orphan() -> None:
    session = session_of(4.0)
    session.on_disconnected(1.0)
    assert not any(isinstance(effect, Redial) for effect in session.on_tick(5.0))


def test_beats_that_are_answered_keep_an_attempt_however_small_its_grace() -> None:
    session = session_of(0.0)
    beat_until(session, 60, answered=60)
    assert session.holds == 1


def test_what_was_read_late_brings_no_time() -> None:
    """The agent was frozen: answers to old beats were in a buffer, and tell nothing of now."""
    session = session_of(4.0)
    session.on_tick(1.0)
    session.on_message(Beat(number=1), 100.0)
    session.on_disconnected(100.0)
    assert kills(session.on_tick(100.0)) == ["root.w"]


def test_a_silent_flow_is_dialled_again_although_nothing_broke() -> None:
    session = session_of()
    beat_until(session, 14, answered=0)
    assert any(isinstance(effect, Redial) for effect in session.on_tick(15.0))


def test_a_cancellation_reaches_the_runner_at_once() -> None:
    session = session_of()
    cancel = CancelAttempt(run_id="r", attempt=1, grace=10 * SECOND)
    assert session.on_message(cancel, 0.5) == [Tell("root.w", cancel)]


def test_a_cancelled_runner_is_killed_after_its_grace_while_the_flow_is_away() -> None:
    session = session_of()
    session.on_message(CancelAttempt(run_id="r", attempt=1, grace=10 * SECOND), 1.0)
    session.on_disconnected(2.0)
    assert kills(session.on_tick(10.9)) == []
    assert session.next_deadline() == 11.0
    assert kills(session.on_tick(11.0)) == ["root.w"]
    session.on_exit("root.w", DIED)
    assert held(session, 20.0) == ("r",), "its end is told"


def test_a_cancellation_that_is_told_again_brings_no_time() -> None:
    session = session_of()
    for now in (1.0, 9.0):
        session.on_message(CancelAttempt(run_id="r", attempt=1, grace=10 * SECOND), now)
    assert kills(session.on_tick(11.0)) == ["root.w"]


def test_what_waits_behind_a_killed_runner_does_not_begin_after_a_stop() -> None:
    """The flow asked for it before it stopped the work; begun, it would run until it is fenced."""
    session = session_of(600.0, "r", "s")
    session.on_message(CancelAttempt(run_id="r", attempt=1, grace=SECOND), 0.0)
    assert kills(session.on_tick(1.0)) == ["root.w"]

    effects = session.on_message(StopRunner(work="root.w", grace=SECOND), 1.5)

    (end,) = [effect.message for effect in effects if isinstance(effect, Send)]
    assert isinstance(end, Finished)
    assert (end.run_id, end.failure and end.failure.reason) == ("s", FailureReason.CANCELLED)
    assert not any(isinstance(effect, Spawn) for effect in session.on_exit("root.w", DIED))


def test_what_is_asked_for_after_a_stop_begins_in_a_new_process() -> None:
    session = session_of()
    session.on_message(StopRunner(work="root.w", grace=SECOND), 1.0)
    later = StartRun(run_id="s", attempt=1, work="root.w", recipe=None, vars={})
    session.on_message(later, 1.1)
    session.on_frame("root.w", Finished(run_id="r", attempt=1, seq=1), 10)
    assert session.on_exit("root.w", DIED)[-2:] == [Spawn("root.w"), Tell("root.w", later)]


def test_a_frame_of_a_killed_orphan_goes_nowhere() -> None:
    session = session_of(1.0)
    session.on_disconnected(0.0)
    session.on_tick(1.0)
    assert session.on_frame("root.w", PackedDelta(run_id="r", attempt=1, seq=1, data=b""), 1) == []
