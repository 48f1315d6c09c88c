"""The session against a plain model of the flow: connections break, frames repeat, runners die."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from flowrpc.protocol.messages import (
    Accepted,
    Ack,
    AgentMessage,
    Beat,
    CancelAttempt,
    Drain,
    Draining,
    Fence,
    Finished,
    FlowMessage,
    HeldVerdict,
    Hello,
    Nack,
    NackReason,
    Rejected,
    Serving,
    StartRun,
    StopRunner,
    VarsChanged,
    Verdict,
    Welcome,
)
from flowrpc.state import Set
from flowrpc.state.records import Failure, FailureReason
from flowrpc.wire.attach import PackedDelta
from flowrpc.work_service.effects import Effect, End, Kill, Leave, Pause, Redial, Resume, Send, Spawn, Tell
from flowrpc.work_service.identity import Identity
from flowrpc.work_service.session import SILENCE_SECONDS, Session
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

DIED = Failure(reason=FailureReason.SIGNALLED, signal=11, message="died")
GRACE = timedelta(seconds=10)
ORPHAN_GRACE = timedelta(seconds=600)


def new_session(*, works: tuple[str, ...] = ("*",), outbox_bytes: int = 1000) -> Session:
    return Session(Identity(agent_id="a", works=works, boot_id="b"), outbox_bytes=outbox_bytes)


def welcome(*verdicts: HeldVerdict) -> Welcome:
    second = timedelta(seconds=1)
    return Welcome(lease=5 * second, beat_interval=second, epoch=1, verdicts=verdicts)


def attached(session: Session) -> Session:
    session.on_connected(0.0)
    session.on_message(welcome(), 0.0)
    return session


def start(run_id: str = "r", attempt: int = 1, work: str = "root.w") -> StartRun:
    return StartRun(
        run_id=run_id, attempt=attempt, work=work, recipe=None, vars={"x": 0}, orphan_grace=ORPHAN_GRACE
    )


def delta(seq: int, run_id: str = "r", attempt: int = 1) -> PackedDelta:
    return PackedDelta(run_id=run_id, attempt=attempt, seq=seq, data=b"")


def sent(effects: list[Effect]) -> list[AgentMessage | PackedDelta]:
    return [effect.message for effect in effects if isinstance(effect, Send)]


def told(effects: list[Effect]) -> list[object]:
    return [effect.request for effect in effects if isinstance(effect, Tell)]


def test_a_start_is_accepted_and_spawns_a_runner() -> None:
    effects = attached(new_session()).on_message(start(), 0.0)
    assert effects == [Send(Accepted(run_id="r", attempt=1)), Spawn("root.w"), Tell("root.w", start())]


def test_a_repeated_start_is_accepted_again_and_nothing_else() -> None:
    session = attached(new_session())
    session.on_message(start(), 0.0)
    assert session.on_message(start(), 0.0) == [Send(Accepted(run_id="r", attempt=1))]


def test_a_work_that_is_not_ours_is_rejected() -> None:
    (message,) = sent(attached(new_session(works=("root.other*",))).on_message(start(), 0.0))
    assert isinstance(message, Rejected)
    assert "root.other*" in message.failure.message


def test_nothing_is_sent_between_hello_and_welcome() -> None:
    session = attached(new_session())
    session.on_message(start(), 0.0)
    session.on_disconnected(1.0)
    (hello,) = sent(session.on_connected(2.0))
    assert isinstance(hello, Hello)
    assert session.on_frame("root.w", delta(1), 10) == []
    verdict = HeldVerdict(run_id="r", attempt=1, verdict=Verdict.CONTINUE)
    assert sent(session.on_message(welcome(verdict), 2.0)) == [delta(1)]


def test_a_hello_names_everything_that_is_held_and_how_far_it_is() -> None:
    """What is executed, what waits behind it, and what has ended and was not acknowledged."""
    session = attached(new_session())
    for run_id, work in (("ended", "root.a"), ("executed", "root.b"), ("waiting", "root.b")):
        session.on_message(start(run_id, work=work), 0.0)
    for seq in (1, 2):
        session.on_frame("root.b", delta(seq, "executed"), 10)
    session.on_frame("root.a", Finished(run_id="ended", attempt=1, seq=1), 10)
    session.on_disconnected(1.0)
    (hello,) = sent(session.on_connected(2.0))
    assert isinstance(hello, Hello)
    assert [(held.run_id, held.attempt, held.last_seq) for held in hello.held] == [
        ("ended", 1, 1),
        ("executed", 1, 2),
        ("waiting", 1, 0),
    ]


def test_what_was_given_up_after_the_hello_is_told_by_another_hello() -> None:
    """The flow believed the first one: it would wait for ever for what nobody executes any more."""
    session = attached(new_session())
    session.on_message(start(), 0.0)
    session.on_disconnected(1.0)
    (hello,) = sent(session.on_connected(600.0))
    assert isinstance(hello, Hello)
    assert [held.run_id for held in hello.held] == ["r"]
    effects = session.on_tick(5_000.0)
    assert Kill("root.w") in effects
    session.on_exit("root.w", Failure(reason=FailureReason.SIGNALLED, message="killed"))
    verdict = HeldVerdict(run_id="r", attempt=1, verdict=Verdict.CONTINUE)
    effects = session.on_message(welcome(verdict), 5_000.0)
    assert [type(effect) for effect in effects if isinstance(effect, Redial)] == [Redial]


def test_runners_are_renewed_when_the_flow_has_another_storage() -> None:
    """One that executes something ends its attempt first; the next attempt has a runner that knows the storage."""
    session = attached(new_session())
    for run_id, work in (("r", "root.w"), ("s", "root.idle")):
        session.on_message(start(run_id, work=work), 0.0)
    session.on_frame("root.idle", Finished(run_id="s", attempt=1, seq=1), 10)
    session.on_message(Ack(run_id="s", attempt=1, seq=1), 0.0)
    verdict = HeldVerdict(run_id="r", attempt=1, verdict=Verdict.CONTINUE)
    for url, ended in (("", []), ("file:///other", [End("root.idle")])):
        session.on_disconnected(1.0)
        session.on_connected(2.0)
        effects = session.on_message(replace(welcome(verdict), storage_url=url), 2.0)
        assert [effect for effect in effects if isinstance(effect, End)] == ended
    effects = session.on_frame("root.w", Finished(run_id="r", attempt=1, seq=1), 10)
    assert End("root.w") in effects
    session.on_message(start("t"), 3.0)
    failure = Failure(reason=FailureReason.SIGNALLED, signal=9, message="killed")
    assert Spawn("root.w") in session.on_exit("root.w", failure)


def test_what_a_welcome_acknowledges_is_told_to_the_runner_with_the_loss_of_refusals() -> None:
    session = attached(new_session())
    session.on_message(start(), 0.0)
    session.on_frame("root.w", delta(1), 10)
    session.on_frame("root.w", delta(2), 10)
    session.on_disconnected(1.0)
    session.on_connected(2.0)
    verdict = HeldVerdict(run_id="r", attempt=1, verdict=Verdict.CONTINUE, applied_seq=1)
    effects = session.on_message(welcome(verdict), 2.0)
    assert told(effects) == [
        Nack(run_id="r", attempt=1, seq=1, reason=NackReason.GAP),
        Ack(run_id="r", attempt=1, seq=1),
    ]
    assert sent(effects) == [delta(2)]


@pytest.mark.parametrize("verdict", [Verdict.FENCED, Verdict.UNKNOWN, None])
def test_an_attempt_that_is_not_wanted_any_more_is_killed(verdict: Verdict | None) -> None:
    session = attached(new_session())
    session.on_message(start(), 0.0)
    session.on_disconnected(1.0)
    session.on_connected(2.0)
    verdicts = [] if verdict is None else [HeldVerdict(run_id="r", attempt=1, verdict=verdict)]
    assert session.on_message(welcome(*verdicts), 2.0) == [Kill("root.w")]
    assert session.holds == 0
    assert session.on_exit("root.w", DIED) == []


def test_a_gap_is_filled() -> None:
    session = attached(new_session())
    session.on_message(start(), 0.0)
    for seq in (1, 2, 3):
        session.on_frame("root.w", delta(seq), 10)
    gap = Nack(run_id="r", attempt=1, seq=1, reason=NackReason.GAP)
    assert sent(session.on_message(gap, 0.0)) == [delta(2), delta(3)]


def test_a_flow_that_lost_what_it_had_acknowledged_gets_a_new_hello_without_the_attempt() -> None:
    session = attached(new_session())
    session.on_message(start(), 0.0)
    session.on_frame("root.w", delta(1), 10)
    session.on_message(Ack(run_id="r", attempt=1, seq=1), 0.0)
    effects = session.on_message(Nack(run_id="r", attempt=1, seq=0, reason=NackReason.GAP), 0.0)
    assert [type(effect) for effect in effects] == [Kill, Redial]
    assert session.holds == 0


def test_a_conflict_is_the_runners_to_solve() -> None:
    session = attached(new_session())
    session.on_message(start(), 0.0)
    conflict = Nack(run_id="r", attempt=1, seq=1, reason=NackReason.CONFLICT, var="x")
    assert session.on_message(conflict, 0.0) == [Tell("root.w", conflict)]


def test_a_full_outbox_pauses_the_runner_until_half_is_acknowledged() -> None:
    session = attached(new_session(outbox_bytes=100))
    session.on_message(start(), 0.0)
    session.on_frame("root.w", delta(1), 60)
    assert session.on_frame("root.w", delta(2), 60)[-1] == Pause("root.w")
    assert Resume("root.w") not in session.on_message(Ack(run_id="r", attempt=1, seq=0), 0.0)
    assert Resume("root.w") not in session.on_message(Ack(run_id="r", attempt=1, seq=1), 0.0)
    assert Resume("root.w") in session.on_message(Ack(run_id="r", attempt=1, seq=2), 0.0)


def test_a_cancelled_attempt_that_ends_in_time_keeps_its_runner() -> None:
    session = attached(new_session())
    session.on_message(start(), 0.0)
    cancel = CancelAttempt(run_id="r", attempt=1, grace=GRACE)
    assert session.on_message(cancel, 0.0) == [Tell("root.w", cancel)]
    session.on_frame("root.w", Finished(run_id="r", attempt=1, seq=1), 10)
    assert Kill("root.w") not in session.on_tick(11.0)


def test_a_cancelled_attempt_that_does_not_end_is_killed_and_cancelled() -> None:
    session = attached(new_session())
    session.on_message(start(), 0.0)
    session.on_message(CancelAttempt(run_id="r", attempt=1, grace=GRACE), 0.0)
    assert Kill("root.w") not in session.on_tick(9.9)
    assert Kill("root.w") in session.on_tick(10.0)
    (end,) = sent(session.on_exit("root.w", DIED))
    assert isinstance(end, Finished)
    assert end.failure is not None
    assert end.failure.reason is FailureReason.CANCELLED


def test_the_next_run_after_a_crash_begins_in_a_new_runner() -> None:
    session = attached(new_session())
    session.on_message(start("r"), 0.0)
    assert Spawn("root.w") not in session.on_message(start("s"), 0.0)
    end = Finished(run_id="r", attempt=1, seq=1, failure=DIED)
    assert session.on_exit("root.w", DIED) == [Send(end), Spawn("root.w"), Tell("root.w", start("s"))]


def test_vars_that_change_while_a_run_waits_are_in_it_when_it_begins() -> None:
    session = attached(new_session())
    session.on_message(start("r"), 0.0)
    session.on_message(start("s"), 0.0)
    session.on_message(VarsChanged(work="root.w", number=7, changes=(Set(("x",), 5),)), 0.0)
    (begun,) = told(session.on_frame("root.w", Finished(run_id="r", attempt=1, seq=1), 1))
    assert isinstance(begun, StartRun)
    assert (begun.run_id, begun.vars, begun.vars_number) == ("s", {"x": 5}, 7)


def test_a_waiting_run_is_cancelled_without_a_runner() -> None:
    session = attached(new_session())
    session.on_message(start("r"), 0.0)
    session.on_message(start("s"), 0.0)
    (end,) = sent(session.on_message(CancelAttempt(run_id="s", attempt=1, grace=GRACE), 0.0))
    assert isinstance(end, Finished)
    assert (end.run_id, end.seq) == ("s", 1)


@pytest.mark.parametrize("reason", [FailureReason.EXITED, FailureReason.NOT_BUILT])
def test_a_runner_that_can_do_no_more_is_killed(reason: FailureReason) -> None:
    session = attached(new_session())
    session.on_message(start(), 0.0)
    end = Finished(run_id="r", attempt=1, seq=1, failure=Failure(reason=reason, message="m"))
    assert session.on_frame("root.w", end, 1) == [Send(end), Kill("root.w")]


def test_stopping_a_runner_cancels_what_it_executes_first() -> None:
    session = attached(new_session())
    session.on_message(start(), 0.0)
    effects = session.on_message(StopRunner(work="root.w", grace=GRACE), 0.0)
    assert told(effects) == [CancelAttempt(run_id="r", attempt=1, grace=GRACE)]
    assert End("root.w") in session.on_frame("root.w", Finished(run_id="r", attempt=1, seq=1), 1)


def test_a_hello_names_the_works_whose_process_has_nothing_to_do() -> None:
    session = attached(new_session())
    for name in ("idle", "busy", "ended", "killed", "stopping"):
        session.on_message(start(run_id=name, work=f"root.{name}"), 0.0)
    for name in ("idle", "ended", "killed", "stopping"):
        finished = Finished(run_id=name, attempt=1, seq=1)
        session.on_frame(f"root.{name}", finished, 10)
    session.on_exit("root.ended", DIED)
    session.on_message(start(run_id="again", work="root.killed"), 0.0)
    session.on_message(Fence(run_id="again", attempt=1), 0.0)
    session.on_message(StopRunner(work="root.stopping", grace=GRACE), 0.0)
    session.on_disconnected(1.0)
    (hello,) = sent(session.on_connected(2.0))
    assert isinstance(hello, Hello)
    assert hello.idle_works == ("root.idle",)


def test_a_newer_attempt_replaces_the_older_one() -> None:
    session = attached(new_session())
    session.on_message(start(attempt=1), 0.0)
    effects = session.on_message(start(attempt=2), 0.0)
    assert effects == [Send(Accepted(run_id="r", attempt=2)), Kill("root.w")]
    assert session.on_exit("root.w", DIED) == [Spawn("root.w"), Tell("root.w", start(attempt=2))]


def test_beats_are_numbered_and_sent_when_due() -> None:
    session = attached(new_session())
    assert session.next_deadline() == 1.0
    assert session.on_tick(0.5) == []
    assert session.on_tick(1.0) == [Send(Beat(number=1))]
    assert session.on_tick(2.5) == [Send(Beat(number=2))]
    assert session.next_deadline() == 3.5


def test_a_flow_that_answers_nothing_is_dialled_again() -> None:
    session = new_session()
    session.on_connected(0.0)
    assert session.on_tick(SILENCE_SECONDS - 0.1) == []
    assert [type(effect) for effect in session.on_tick(SILENCE_SECONDS)] == [Redial]


def test_a_drained_agent_takes_no_more_and_leaves_when_all_is_known() -> None:
    session = attached(new_session())
    session.on_message(start(), 0.0)
    assert session.on_message(Drain(), 0.0) == [Send(Draining())]
    assert isinstance(sent(session.on_message(start("s"), 0.0))[0], Rejected)
    session.on_frame("root.w", Finished(run_id="r", attempt=1, seq=1), 1)
    assert [type(e) for e in session.on_message(Ack(run_id="r", attempt=1, seq=1), 0.0)] == [Leave]


def test_an_agent_whose_time_to_drain_is_over_gives_the_rest_back() -> None:
    session = attached(new_session())
    session.on_message(start(), 0.0)
    session.on_message(Drain(grace=GRACE), 0.0)
    assert not any(isinstance(effect, Leave) for effect in session.on_tick(9.9))
    assert session.next_deadline() == 10.0
    (leave,) = [effect for effect in session.on_tick(10.0) if isinstance(effect, Leave)]
    assert leave.reason == "drained: its time is over, the rest is given back"
    assert not any(isinstance(effect, Leave) for effect in session.on_tick(11.0)), "once"


def test_an_agent_that_drains_takes_as_long_as_it_needs_if_nobody_said_how_long() -> None:
    session = attached(new_session())
    session.on_message(start(), 0.0)
    session.on_message(Drain(), 0.0)
    assert not any(isinstance(effect, Leave) for effect in session.on_tick(400.0))


def test_an_agent_that_drains_says_so_in_every_hello() -> None:
    session = attached(new_session())
    session.on_message(start(), 0.0)
    session.on_message(Drain(), 0.0)
    session.on_disconnected(1.0)
    (hello,) = sent(session.on_connected(2.0))
    assert isinstance(hello, Hello)
    assert hello.draining


def test_stopping_kills_everything_and_holds_nothing() -> None:
    session = attached(new_session())
    session.on_message(start("r", work="root.a"), 0.0)
    session.on_message(start("s", work="root.b"), 0.0)
    assert session.stop() == [Kill("root.a"), Kill("root.b")]
    assert session.holds == 0


def test_frames_out_of_sequence_kill_the_runner() -> None:
    session = attached(new_session())
    session.on_message(start(), 0.0)
    assert session.on_frame("root.w", delta(2), 1) == [Kill("root.w")]


class ModelFlow:
    """Is as much of a flow as the session can tell: it applies each frame once and in order."""

    def __init__(self) -> None:
        self.applied: dict[tuple[str, int], list[int]] = {}
        self.ended: set[tuple[str, int]] = set()

    def take(self, message: AgentMessage | PackedDelta) -> list[FlowMessage]:
        if not isinstance(message, PackedDelta | Finished):
            return []
        key = message.run_id, message.attempt
        seqs = self.applied.setdefault(key, [])
        if message.seq == len(seqs) + 1:
            assert key not in self.ended, "a frame came after the end"
            seqs.append(message.seq)
            if isinstance(message, Finished):
                self.ended.add(key)
        elif message.seq > len(seqs):
            return [Nack(run_id=key[0], attempt=key[1], seq=len(seqs), reason=NackReason.GAP)]
        return [Ack(run_id=key[0], attempt=key[1], seq=len(seqs))]

    def verdict(self, run_id: str, attempt: int) -> HeldVerdict:
        seq = len(self.applied.get((run_id, attempt), []))
        return HeldVerdict(run_id=run_id, attempt=attempt, verdict=Verdict.CONTINUE, applied_seq=seq)


class SessionMachine(RuleBasedStateMachine):
    """Two works; what is on the wire is lost when the connection breaks, and may come twice or be dropped."""

    WORKS = ("root.a", "root.b")

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.flow = ModelFlow()
        self.session = new_session(outbox_bytes=30)
        self.connected = False
        self.up: list[AgentMessage | PackedDelta] = []
        self.down: list[FlowMessage] = []
        self.made: dict[tuple[str, int], int] = {}
        self.asked: set[tuple[str, int]] = set()
        self.executing: dict[str, tuple[str, int] | None] = {}
        self.paused: set[str] = set()
        self.killed: set[str] = set()

    def perform(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Send):
                assert self.connected, "nothing is sent while nobody listens"
                self.up.append(effect.message)
            elif isinstance(effect, Spawn):
                assert effect.work not in self.executing, "one runner per work"
                self.executing[effect.work] = None
            elif isinstance(effect, Tell):
                self.tell(effect)
            elif isinstance(effect, Kill | End):
                assert effect.work in self.executing
                self.killed.add(effect.work)
            elif isinstance(effect, Pause):
                self.paused.add(effect.work)
            elif isinstance(effect, Resume):
                self.paused.remove(effect.work)
            else:
                raise AssertionError(f"nobody asked for {effect}")

    def tell(self, effect: Tell) -> None:
        assert effect.work in self.executing
        if isinstance(effect.request, StartRun):
            assert self.executing[effect.work] is None, "one attempt at a time"
            key = effect.request.run_id, effect.request.attempt
            assert key not in self.made, "an attempt begins once"
            self.executing[effect.work] = key
            self.made[key] = 0

    @precondition(lambda self: not self.connected)
    @rule()
    def connect(self) -> None:
        self.connected = True
        self.perform(self.session.on_connected(self.now))

    @precondition(lambda self: self.connected)
    @rule()
    def disconnect(self) -> None:
        self.connected = False
        self.up.clear()
        self.down.clear()
        self.perform(self.session.on_disconnected(self.now))

    @precondition(lambda self: self.session.attached)
    @rule(work=st.sampled_from(WORKS))
    def ask_for_a_run(self, work: str) -> None:
        run_id = f"run {len(self.asked)}"
        self.asked.add((run_id, 1))
        self.down.append(start(run_id, work=work))

    @precondition(lambda self: self.up)
    @rule(twice=st.booleans(), lost=st.booleans())
    def flow_hears(self, *, twice: bool, lost: bool) -> None:
        message = self.up.pop(0)
        if isinstance(message, Hello):
            verdicts = [self.flow.verdict(held.run_id, held.attempt) for held in message.held]
            self.down.append(welcome(*verdicts))
            return
        if lost and isinstance(message, PackedDelta):
            return  # as if a fault of the flow had dropped it; it asks again when the next one comes
        for _ in range(1 + twice):
            self.down += self.flow.take(message)

    @precondition(lambda self: self.down)
    @rule()
    def agent_hears(self) -> None:
        self.perform(self.session.on_message(self.down.pop(0), self.now))

    @precondition(lambda self: any(self.executing.values()))
    @rule(data=st.data(), end=st.booleans())
    def runner_sends(self, data: st.DataObject, *, end: bool) -> None:
        live = [work for work, key in self.executing.items() if key and work not in self.paused | self.killed]
        if not live:
            return
        work = data.draw(st.sampled_from(live))
        key = self.executing[work]
        assert key is not None
        self.made[key] += 1
        frame: PackedDelta | Finished = delta(self.made[key], *key)
        if end:
            frame = Finished(run_id=key[0], attempt=key[1], seq=self.made[key])
            self.executing[work] = None
        self.perform(self.session.on_frame(work, frame, 10))

    @precondition(lambda self: self.executing)
    @rule(data=st.data())
    def runner_dies(self, data: st.DataObject) -> None:
        self.exit(data.draw(st.sampled_from(sorted(self.executing))))

    def exit(self, work: str) -> None:
        key = self.executing.pop(work)
        self.killed.discard(work)
        self.paused.discard(work)
        if key is not None:
            self.made[key] += 1  # the agent makes the end
        self.perform(self.session.on_exit(work, DIED))

    @precondition(lambda self: self.session.attached and any(self.executing.values()))
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        run_id, attempt = data.draw(st.sampled_from([key for key in self.executing.values() if key]))
        self.down.append(CancelAttempt(run_id=run_id, attempt=attempt, grace=GRACE))

    @rule(seconds=st.sampled_from([0.1, 1.0, 11.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.perform([effect for effect in self.session.on_tick(self.now) if not isinstance(effect, Redial)])

    @invariant()
    def what_was_applied_was_made_in_order(self) -> None:
        for key, seqs in self.flow.applied.items():
            assert seqs == list(range(1, len(seqs) + 1))
            assert len(seqs) <= self.made.get(key, 1)

    def teardown(self) -> None:
        """Lets everything end over a connection that holds: the flow then knows every attempt to its end."""
        if self.connected:
            self.disconnect()
        self.connect()
        for _ in range(1000):
            if self.up:
                self.flow_hears(twice=False, lost=False)
            elif self.down:
                self.agent_hears()
            elif self.executing:
                self.exit(next(iter(self.executing)))
            else:
                break
        for key, made in self.made.items():
            assert key in self.flow.ended
            assert len(self.flow.applied[key]) == made
        assert self.session.holds == 0


SessionMachine.TestCase.settings = settings(
    max_examples=150, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
TestSessionMachine = SessionMachine.TestCase


def test_a_fence_forgets_the_deltas() -> None:
    session = attached(new_session())
    session.on_message(start(), 0.0)
    session.on_frame("root.w", delta(1), 1)
    assert session.on_message(Fence(run_id="r", attempt=1), 0.0) == [Kill("root.w")]
    assert session.on_frame("root.w", delta(2), 1) == []
    session.on_disconnected(1.0)
    (hello,) = sent(session.on_connected(2.0))
    assert isinstance(hello, Hello)
    assert hello.held == ()


def test_a_new_runner_takes_the_place_of_the_one_that_is_idle_for_longest() -> None:
    session = attached(Session(Identity(agent_id="a", capacity=2)))
    for run, work in (("r", "root.a"), ("s", "root.b")):
        session.on_message(start(run, work=work), 0.0)
    for run, work in (("s", "root.b"), ("r", "root.a")):
        session.on_frame(work, Finished(run_id=run, attempt=1, seq=1), 10)

    effects = session.on_message(start("t", work="root.c"), 0.0)

    assert End("root.b") in effects
    assert Spawn("root.c") in effects
    assert not any(effect in effects for effect in (Kill("root.a"), End("root.a")))


def test_winding_down_cancels_what_is_executed_and_ends_what_is_idle() -> None:
    session = attached(new_session())
    session.on_message(start("r", work="root.a"), 0.0)
    session.on_message(start("q", work="root.a"), 0.0)
    session.on_message(start("s", work="root.b"), 0.0)
    session.on_frame("root.b", Finished(run_id="s", attempt=1, seq=1), 10)

    effects = session.wind_down(0.0, timedelta(seconds=2))

    assert End("root.b") in effects
    assert Tell("root.a", CancelAttempt(run_id="r", attempt=1, grace=timedelta(seconds=2))) in effects
    cleanup = session.on_frame("root.a", delta(1), 10)
    end = session.on_frame("root.a", Finished(run_id="r", attempt=1, seq=2), 10)
    assert not any(
        isinstance(effect, Send | Spawn) for effect in (*cleanup, *end, *session.on_exit("root.a", DIED))
    )


def test_an_agent_that_ends_begins_nothing_more() -> None:
    """The flow takes back what it has asked for when it hears the farewell: another agent may execute it by then."""
    session = attached(new_session())
    session.wind_down(0.0, GRACE)
    assert session.on_message(start(), 0.0) == []
    session.stop()
    assert session.on_message(start("q"), 0.0) == []


SERVING = Serving(work="root.w", port=8080, url="http://127.0.0.1:8080")


def test_the_flow_hears_where_a_work_serves_and_again_on_every_new_stream() -> None:
    session = attached(new_session())
    session.on_message(start(), 0.0)
    assert session.on_serving(SERVING) == [Send(SERVING)]
    session.on_frame("root.w", Finished(run_id="r", attempt=1, seq=1), 1)

    session.on_disconnected(1.0)
    assert session.on_serving(SERVING) == [], "nobody would hear it"
    session.on_connected(2.0)
    verdict = HeldVerdict(run_id="r", attempt=1, verdict=Verdict.CONTINUE, applied_seq=1)

    assert sent(session.on_message(welcome(verdict), 2.0)) == [SERVING]


def test_what_a_process_served_ends_with_it() -> None:
    session = attached(new_session())
    session.on_message(start(), 0.0)
    session.on_serving(SERVING)
    session.on_message(Fence(run_id="r", attempt=1), 0.0)

    assert sent(session.on_exit("root.w", DIED)) == [Serving(work="root.w")]
    assert session.on_serving(SERVING) == [], "it has no process that could serve"


def test_a_runner_that_takes_too_long_to_end_is_killed_when_the_agent_stops() -> None:
    session = attached(new_session())
    session.on_message(start(), 0.0)
    session.on_frame("root.w", Finished(run_id="r", attempt=1, seq=1), 1)
    assert session.wind_down(0.0, GRACE) == [End("root.w")]
    assert session.stop() == [Kill("root.w")]
