"""The protocol of agent and flow as a game: both real sides, and streams that break, repeat and are late."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

import pytest
from flowrpc.component import LightningFlow, LightningWork, Retry
from flowrpc.component.hosting import HostedWork
from flowrpc.flow_service.agents import LEASE
from flowrpc.flow_service.core import Core
from flowrpc.flow_service.effects import CloseSession, Send
from flowrpc.flow_service.events import AgentAttached, AgentDetached, AgentSpoke, CommandCalled, Event
from flowrpc.flow_service.instant import Instant
from flowrpc.protocol.messages import (
    Ack,
    Finished,
    Hello,
    Nack,
    StartRun,
    VarsChanged,
    Verdict,
    WorkDelta,
)
from flowrpc.state import Value, untrack
from flowrpc.state.records import Failure, FailureReason, RunStatus
from flowrpc.store import MemoryStore
from flowrpc.v1 import work_service_pb2
from flowrpc.wire.attach import (
    agent_message_bytes,
    decode_agent_message,
    encode_flow_message,
    flow_message_from_bytes,
    packed_response_from_bytes,
)
from flowrpc.work_service.effects import Kill, Redial, Spawn, Tell
from flowrpc.work_service.effects import Send as AgentSend
from flowrpc.work_service.framing import FrameBuffer
from flowrpc.work_service.identity import Identity
from flowrpc.work_service.inbox import Inbox
from flowrpc.work_service.lane import End, Lane
from flowrpc.work_service.sender import Sender
from flowrpc.work_service.session import Session
from flowrpc.work_service.unacknowledged import Unacknowledged
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.simulation.planted import planted
from tests.simulation.timeline import BEGIN

GRACE = 2.0
VARS = ("steps", "odd", "even", "notes", "setting")
FAILED = Failure(reason=FailureReason.EXCEPTION, message="it failed")
DIED = Failure(reason=FailureReason.SIGNALLED, signal=9, message="killed by signal 9")


class Job(LightningWork):
    def __init__(self) -> None:
        retry = Retry(attempts=2, delay=timedelta(seconds=1))
        super().__init__(
            parallel=True, raise_exception=False, retry=retry, orphan_grace=timedelta(seconds=GRACE)
        )
        self.steps: list[str] = []
        """The work's alone."""
        self.odd = self.even = 0
        """The newest steps, in turn: what one delta sets, the next one does not."""
        self.notes: list[str] = []
        """Both sides put things in."""
        self.setting = 0
        """The flow's alone, which only grows."""

    def run(self, number: int) -> None: ...


class Root(LightningFlow):
    def __init__(self) -> None:
        self.wanted = 0
        self.one = Job()
        self.two = Job()

    def run(self) -> None:
        for number in range(self.wanted):
            (self.one if number % 2 else self.two).run(number)

    def order(self) -> None:
        self.wanted += 1

    def adjust(self, token: str) -> None:
        for job in (self.one, self.two):
            job.setting += 1
            if len(job.notes) > 3:
                job.notes = [token]
            else:
                job.notes.append(token)

    def configure_commands(self) -> list[dict[str, Any]]:
        return [{"order": self.order, "adjust": self.adjust}]


@dataclass
class Stream:
    """What was said in both directions and did not arrive yet."""

    number: int
    up: list[bytes] = field(default_factory=list)
    down: list[bytes] = field(default_factory=list)
    greeted: bool = False


class Play:
    """An attempt that a runner plays: the real inbox, lane and sender."""

    def __init__(self, start: StartRun) -> None:
        self.key = start.run_id, start.attempt
        self.steps: list[str] = []
        self.notes = 0
        self.job, self.lane, unacknowledged = Job(), Lane(), Unacknowledged()
        self.inbox = Inbox(self.lane, unacknowledged)
        self.hosted = HostedWork(self.job, name=start.work, vars=start.vars, log=self.lane)
        self.end: End | None = None
        """How user code ended, once it has."""
        self._sender = Sender(self.lane, unacknowledged, cast("Any", self))
        self._frames = FrameBuffer()
        self._sent: list[bytes] = []
        self.inbox.begin(start)

    def sendall(self, data: bytes) -> None:
        self._sent += self._frames.feed(data)

    def hear(self, news: VarsChanged | Ack | Nack) -> None:
        before = self.job.setting
        self.inbox.put(news)
        self.inbox.catch_up(self.hosted)
        assert self.job.setting >= before, "the newest change wins"

    def step(self) -> None:
        self.steps.append(f"{self.key[0]}/{self.key[1]}/{len(self.steps) + 1}")
        self.job.steps.append(self.steps[-1])
        setattr(self.job, "odd" if len(self.steps) % 2 else "even", len(self.steps))

    def note(self) -> None:
        self.notes += 1
        self.job.notes.append(f"note {self.key[0]}/{self.key[1]}/{self.notes}")

    def take(self) -> list[bytes]:
        """Returns what is to be sent."""
        self._sender.flush()
        if self.end is not None and self.inbox.settled(self.hosted):
            self.lane.put(self.end)
        self._sender.flush()
        sent, self._sent = self._sent, []
        return sent

    @property
    def ours(self) -> dict[str, Value]:
        return {name: self.hosted.current(name) for name in VARS}


class Protocol(RuleBasedStateMachine):
    """One flow and one agent. Frames of an old stream may still arrive when the next one has begun."""

    def __init__(self) -> None:
        super().__init__()
        self.time = 0.0
        self.store = MemoryStore()
        self.numbers = itertools.count(1)
        self.calls = itertools.count(1)
        self.boots = itertools.count(1)
        self.durable: dict[tuple[str, int], float] = {}
        self.ended: dict[str, RunStatus] = {}
        self.old: list[Stream] = []
        self.stream: Stream | None = None
        self.plays: dict[str, Play] = {}
        self.complete: dict[tuple[str, int], list[str]] = {}
        self.worked = 0
        """How many steps were made since the last trouble: without any, more trouble shows nothing."""
        self.begin_flow()
        self.begin_agent()
        self.order()
        self.order()
        self.dial()
        self.exchange()

    # The two sides

    def begin_flow(self) -> None:
        self.core = Core(Root(), self.store.open(), self.now)
        self.streams: dict[int, Stream] = {}
        self.settle()

    def begin_agent(self) -> None:
        boot_id = f"boot-{next(self.boots)}"
        self.session = Session(Identity(agent_id="far", boot_id=boot_id, host="h", pid=1))
        self.acknowledged: dict[tuple[str, int], int] = {}
        self.plays = {}
        self._heard: dict[str, None] = {}

    @property
    def now(self) -> Instant:
        return Instant(self.time, BEGIN + timedelta(seconds=self.time))

    def feed(self, event: Event) -> None:
        self.core.receive(event, self.now)
        self.settle()

    def settle(self) -> None:
        """Does what the engine does: passes, then a commit, and only then what was to be said."""
        for _ in range(50):
            if not self.core.wants_pass:
                break
            self.core.run_pass(self.now)
        commit = self.core.seal(self.now)
        if commit is not None:
            self.store.commit(commit)
            self.core.committed()
            self._note(commit)
        for effect in self.core.take_effects():
            if isinstance(effect, Send):
                self._check_said(effect.message)
                if effect.session in self.streams:
                    data = encode_flow_message(effect.message).SerializeToString()
                    self.streams[effect.session].down.append(data)
            elif isinstance(effect, CloseSession):
                self.streams.pop(effect.session, None)

    def _note(self, commit: Any) -> None:
        for record in commit.records:
            run = record.run
            key = run.run_id, run.attempt
            over = run.status.terminal or not run.agent_id
            self.durable[key] = float("inf") if over else max(self.durable.get(key, 0), record.applied_seq)
            for number in range(1, run.attempt):
                self.durable[run.run_id, number] = float("inf")
            before = self.ended.get(run.run_id)
            assert before in (None, run.status), f"{run.run_id} was {before} and is {run.status}"
            if run.status.terminal:
                self.ended[run.run_id] = run.status
        for applied in commit.applied:
            key = applied.run_id, applied.attempt
            self.durable[key] = max(self.durable.get(key, 0), applied.seq)

    def _check_said(self, message: Any) -> None:
        if isinstance(message, Ack):
            assert message.seq <= self.durable[message.run_id, message.attempt]
        for verdict in getattr(message, "verdicts", ()):
            if verdict.verdict is Verdict.CONTINUE:
                assert verdict.applied_seq <= self.durable[verdict.run_id, verdict.attempt]

    def act(self, effects: list[Any]) -> None:
        for effect in effects:
            if isinstance(effect, AgentSend) and self.stream is not None:
                self.stream.up.append(agent_message_bytes(effect.message))
            elif isinstance(effect, Tell) and isinstance(effect.request, StartRun):
                self.plays[effect.work] = Play(effect.request)
            elif isinstance(effect, Tell) and isinstance(effect.request, VarsChanged | Ack | Nack):
                if effect.work in self.plays:
                    self.plays[effect.work].hear(effect.request)
                    self._heard[effect.work] = None
            elif isinstance(effect, Kill):
                self.plays.pop(effect.work, None)
                self.act(self.session.on_exit(effect.work, DIED))
            elif isinstance(effect, Redial):
                self._leave_stream()
            else:
                assert not isinstance(effect, Spawn) or effect.work not in self.plays

    def answer(self) -> None:
        """Lets runners say what comes of what they have heard."""
        while self._heard:
            self.say(self._heard.popitem()[0])

    def say(self, work: str) -> None:
        """Passes on what a runner has to say."""
        play = self.plays.get(work)
        for data in play.take() if play is not None else []:
            frame: Any = packed_response_from_bytes(data)
            if isinstance(frame, Finished):
                del self.plays[work]
            self.act(self.session.on_frame(work, frame, len(data)))

    # What may happen

    @rule()
    def order(self) -> None:
        self.feed(CommandCalled(call_id=next(self.calls), command="order", arguments={}))

    @rule()
    def adjust(self) -> None:
        """The flow changes vars of its works, whether they are executed or not."""
        call_id = next(self.calls)
        token = f"adjust {call_id}"
        self.feed(CommandCalled(call_id=call_id, command="adjust", arguments={"token": token}))

    @precondition(lambda self: self.stream is None)
    @rule()
    def dial(self) -> None:
        self.stream = Stream(next(self.numbers))
        self.act(self.session.on_connected(self.time))

    @precondition(lambda self: self.stream is not None and self.worked > 0)
    @rule(lost=st.booleans())
    def cut(self, lost: bool) -> None:
        """The agent notices now; the flow when it hears of it, after what still arrives."""
        if lost and self.stream is not None:
            self.stream.up.clear()
        self._leave_stream()

    def _leave_stream(self) -> None:
        if self.stream is not None:
            self.old.append(self.stream)
            self.stream = None
            self.act(self.session.on_disconnected(self.time))

    @rule()
    def exchange(self) -> None:
        """Everything arrives that is said on the newest stream."""
        for _ in range(20):
            self.hear_at_flow(10)
            self.hear_at_agent(10)

    @rule(count=st.integers(1, 4))
    def hear_at_flow(self, count: int) -> None:
        for _ in range(count):
            if self.stream is not None and self.stream.up:
                self._arrive(self.stream)

    @precondition(lambda self: self.plays and self.stream is not None)
    @rule(data=st.data(), how=st.sampled_from(["repeat", "swap", "lose"]), at_once=st.booleans())
    def disturb(self, data: st.DataObject, how: str, at_once: bool) -> None:
        """Frames repeat, overtake each other or are lost: no stream of gRPC does that, and both sides survive it."""
        self.step(data=data, count=3)
        up = self.up
        if how == "repeat" and self.disturbable:
            at, _ = data.draw(st.sampled_from(self.disturbable))
            up.insert(data.draw(st.integers(at + 1, len(up))), up[at])
        elif how == "swap" and self.overtakable:
            at = data.draw(st.sampled_from(self.overtakable))
            up[at : at + 2] = reversed(up[at : at + 2])
        elif how == "lose" and self.followed:
            del up[data.draw(st.sampled_from(self.followed))]
        if at_once:
            self.get_over_it()

    @property
    def up(self) -> list[bytes]:
        """What is on its way to the flow on the newest stream."""
        return self.stream.up if self.stream is not None else []

    @property
    def disturbable(self) -> list[tuple[int, WorkDelta | Finished]]:
        """The frames on their way, and where they are; none that the flow has asked for: it asks once."""
        found: list[tuple[int, WorkDelta | Finished]] = []
        for at, data in enumerate(self.up):
            frame: Any = decode_agent_message(work_service_pb2.AttachRequest.FromString(data))
            if isinstance(frame, WorkDelta | Finished):
                attempt = self.core._dispatcher.under_way.get(frame.run_id)
                if attempt is None or attempt.asked_above != attempt.applied_seq:
                    found.append((at, frame))
        return found

    @property
    def overtakable(self) -> list[int]:
        """Where a frame stands right before the next one of its attempt."""
        pairs = itertools.pairwise(self.disturbable)
        return [at for (at, frame), (after, later) in pairs if after == at + 1 and _follows(frame, later)]

    @property
    def followed(self) -> list[int]:
        """Where a delta stands that a later frame of its attempt comes after."""
        frames = self.disturbable
        return [
            at
            for number, (at, frame) in enumerate(frames)
            if isinstance(frame, WorkDelta) and any(_follows(frame, later) for _, later in frames[number:])
        ]

    @precondition(lambda self: any(stream.up for stream in self.old))
    @rule(data=st.data())
    def hear_late(self, data: st.DataObject) -> None:
        """Something of an old stream arrives, whatever came over newer ones."""
        self._arrive(data.draw(st.sampled_from([stream for stream in self.old if stream.up])))

    @precondition(lambda self: self.old)
    @rule(data=st.data())
    def hear_of_the_end(self, data: st.DataObject) -> None:
        stream = data.draw(st.sampled_from(self.old))
        self.old.remove(stream)
        if stream.greeted and self.streams.pop(stream.number, None) is not None:
            self.feed(AgentDetached(session=stream.number))

    def _arrive(self, stream: Stream) -> None:
        data = stream.up.pop(0)
        message: Any = decode_agent_message(work_service_pb2.AttachRequest.FromString(data))
        if isinstance(message, Hello):
            stream.greeted = True
            self.streams[stream.number] = stream
            self.feed(AgentAttached(session=stream.number, hello=message))
        elif stream.greeted:
            self.feed(AgentSpoke(session=stream.number, message=message))

    @rule(count=st.integers(1, 4))
    def hear_at_agent(self, count: int) -> None:
        for _ in range(count):
            if self.stream is None or not self.stream.down:
                return
            message: Any = flow_message_from_bytes(self.stream.down.pop(0))
            for said in (message, *getattr(message, "verdicts", ())):
                if isinstance(said, Ack) or hasattr(said, "applied_seq"):
                    key = said.run_id, said.attempt
                    seq = said.seq if isinstance(said, Ack) else said.applied_seq
                    self.acknowledged[key] = max(self.acknowledged.get(key, 0), seq)
            self.act(self.session.on_message(message, self.time))
            self.answer()

    @precondition(lambda self: self.plays)
    @rule(data=st.data(), count=st.integers(1, 3))
    def step(self, data: st.DataObject, count: int) -> None:
        work = data.draw(st.sampled_from(sorted(self.plays)))
        for _ in range(count):
            if work in self.plays and self.plays[work].end is None:
                self.worked += 1
                self.plays[work].step()
                self.say(work)

    @precondition(lambda self: self.plays)
    @rule(data=st.data())
    def note(self, data: st.DataObject) -> None:
        """User code changes inside a var that the flow changes too."""
        work = data.draw(st.sampled_from(sorted(self.plays)))
        if self.plays[work].end is None:
            self.plays[work].note()
            self.say(work)

    @precondition(lambda self: self.plays)
    @rule(data=st.data(), count=st.integers(1, 3))
    def step_and_exchange(self, data: st.DataObject, count: int) -> None:
        self.step(data=data, count=count)
        self.exchange()

    @precondition(lambda self: self.worked > 2 or not self.plays)
    @rule()
    def get_over_it(self) -> None:
        """The agent is there again, and both have said what they have to say."""
        if self.stream is None:
            self.dial()
        self.exchange()
        self.pass_time(1.1)
        self.exchange()
        self.check_agreement()

    def check_agreement(self) -> None:
        """Both sides have heard everything: they have the same, what either changed last."""
        for work, play in self.plays.items():
            attempt = self.core._dispatcher.under_way.get(play.key[0])
            quiet = self.stream is not None and not self.stream.up and not self.stream.down
            if attempt is None or attempt.key != play.key or attempt.session is None or not quiet:
                continue
            theirs = {name: untrack(attempt.work.__dict__[name]) for name in VARS}
            assert play.ours == theirs, work

    @precondition(lambda self: self.worked > 2 and self.plays)
    @rule(data=st.data(), fails=st.booleans())
    def end_run(self, data: st.DataObject, fails: bool) -> None:
        work = data.draw(st.sampled_from(sorted(self.plays)))
        self._end(work, FAILED if fails else None)

    def _end(self, work: str, failure: Failure | None) -> None:
        """User code has ended; the attempt ends when nothing of it can have to be sent again."""
        play = self.plays[work]
        if play.end is None:
            play.end = End(failure)
            if failure is None:
                self.complete[play.key] = play.steps
        self.say(work)

    @precondition(lambda self: self.worked > 2)
    @rule()
    def be_away_for_long(self) -> None:
        self.worked = 0
        self.pass_time(GRACE + 16.0)

    @rule(seconds=st.sampled_from([0.2, 0.5, 1.1]))
    def pass_time(self, seconds: float) -> None:
        """Everybody looks at the clock; the agent first, since its grace is over before the flow's is."""
        self.time += seconds
        self.act(self.session.on_tick(self.time))
        self.core.tick(self.now)
        self.settle()

    @precondition(lambda self: self.worked > 2)
    @rule()
    def crash_flow(self) -> None:
        self.worked = 0
        self.store.crash()
        self._leave_stream()
        self.old.clear()
        self.begin_flow()

    @precondition(lambda self: self.worked > 2)
    @rule()
    def crash_agent(self) -> None:
        self.worked = 0
        if self.stream is not None:
            self.old.append(self.stream)
            self.stream = None
        self.begin_agent()

    # What holds

    @invariant()
    def the_agent_forgets_only_what_is_acknowledged(self) -> None:
        for key, attempt in self.session._roster.attempts.items():
            assert attempt.outbox.acknowledged <= self.acknowledged.get(key, 0)

    @invariant()
    def each_step_is_there_once_and_in_order(self) -> None:
        """Of each run there are the steps of one attempt, from the first on."""
        for work in (self.core.root.one, self.core.root.two):  # type: ignore[attr-defined]
            last: dict[str, tuple[str, int]] = {}
            for step in work.steps:
                run_id, attempt, number = step.split("/")
                before = last.get(run_id, (attempt, 0))
                assert (attempt, int(number)) == (before[0], before[1] + 1), work.steps
                last[run_id] = attempt, int(number)

    @invariant()
    def what_succeeded_is_complete(self) -> None:
        steps = [*self.core.root.one.steps, *self.core.root.two.steps]  # type: ignore[attr-defined]
        for (run_id, attempt), made in self.complete.items():
            record = self.core._ledger.record(run_id)
            run = record.run if record is not None else None
            if run is not None and (run.status, run.attempt) == (RunStatus.SUCCEEDED, attempt):
                assert [step for step in steps if step in made] == made

    def teardown(self) -> None:
        """When nothing goes wrong any more, every run ends."""
        self._leave_stream()
        while self.old:
            stream = self.old.pop()
            if stream.greeted and self.streams.pop(stream.number, None) is not None:
                self.feed(AgentDetached(session=stream.number))
        self.dial()
        for _ in range(400):
            self.hear_at_flow(4)
            if self.stream is None:
                self.dial()
            if self.stream is not None and self.stream.down:
                self.hear_at_agent(4)
            for work in sorted(self.plays):
                self._end(work, None)
            self.pass_time(LEASE.total_seconds() / 10)
            if not any(True for _ in self.core._ledger.unfinished()):
                break
        left = [record.run for record in self.core._ledger.unfinished()]
        assert not left, left
        self.each_step_is_there_once_and_in_order()
        self.what_succeeded_is_complete()


def _follows(frame: WorkDelta | Finished, later: WorkDelta | Finished) -> bool:
    return (later.run_id, later.attempt) == (frame.run_id, frame.attempt) and later.seq > frame.seq


Protocol.TestCase.settings = settings(
    derandomize=True, deadline=None, max_examples=120, stateful_step_count=40
)
test_agent_and_flow = Protocol.TestCase


@pytest.mark.parametrize(
    "name",
    [
        "vars not taken back",
        "resend applied again",
        "repeated frame applied again",
        "gap not noticed",
        "forget before acknowledgement",
        "continue after wrong seq",
        "missed changes not told",
        "refusals not told",
        "changes told under an old number",
    ],
)
def test_the_game_finds_a_planted_bug(name: str) -> None:
    found = settings(Protocol.TestCase.settings, phases=[Phase.generate])
    with planted(name), pytest.raises(AssertionError):  # of whatever invariant breaks
        run_state_machine_as_test(Protocol, settings=found)
