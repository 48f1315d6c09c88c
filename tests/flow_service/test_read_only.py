"""What an engine does while its store is full, and what it makes up for afterwards."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any, TypeVar

import pytest
from flowrpc import LightningFlow, LightningWork
from flowrpc.errors import CallError, StoreFullError
from flowrpc.flow_service import read_only
from flowrpc.flow_service.effects import (
    CloseSession,
    Effect,
    ReadOnlyChanged,
    Reply,
    Send,
    StreamEnded,
    StreamItem,
)
from flowrpc.flow_service.events import (
    AgentAttached,
    AgentDetached,
    AgentExited,
    AgentsListed,
    AgentSpoke,
    CancelRequested,
    CommandCalled,
    CommandsListed,
    Event,
    SourceRequested,
    StopRequested,
    StreamClosed,
    StreamOpened,
    StreamWanted,
    UpdateRequested,
    WorksListed,
)
from flowrpc.protocol.messages import (
    Accepted,
    Ack,
    AgentMessage,
    Beat,
    Finished,
    Hello,
    Nack,
    NackReason,
    StartRun,
    Welcome,
    WorkDelta,
)
from flowrpc.state import Set
from flowrpc.state.records import Revision, RunStatus
from flowrpc.store import MemoryStore
from flowrpc_client.request_id import new_request_id

from tests.flow_service.engine_harness import Harness

T = TypeVar("T", bound=Effect)


class Job(LightningWork):
    def __init__(self) -> None:
        super().__init__(parallel=True)
        self.step = 0

    def run(self) -> None:
        pass


class Late(LightningFlow):
    def run(self) -> None:
        pass

    def configure_commands(self) -> Any:
        return {"late": self.run}


class Root(LightningFlow):
    def __init__(self) -> None:
        self.count = 0
        self.job = Job()
        self.working = False

    def run(self) -> None:
        if self.working:
            self.job.run()

    def add(self) -> int:
        self.count += 1
        return self.count

    def counts(self) -> Iterator[int]:
        try:
            while True:
                yield self.add()
        finally:
            self.count = -1

    def work(self) -> None:
        self.working = True

    def grow(self) -> None:
        self.late = Late()

    def configure_commands(self) -> Any:
        return {"add": self.add, "work": self.work, "grow": self.grow, "counts": self.counts}


class App:
    """An engine on a store that can be full; it notes what is delivered."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.harness = Harness(Root(), self.store)
        self.seen: list[Effect] = []
        self.revisions: list[Revision] = []
        self._calls = 0
        self.wait_for(lambda: bool(self.revisions))

    def submit(self, event: Event) -> None:
        self.harness.engine.submit(event)

    def call(self, command: str, request_id: str = "") -> int:
        self._calls += 1
        self.submit(
            CommandCalled(
                call_id=self._calls, command=command, arguments={}, request_id=request_id, digest=b"d"
            )
        )
        return self._calls

    def ask(self, kind: type[Any], **facts: Any) -> Any:
        self._calls += 1
        self.submit(kind(call_id=self._calls, **facts))
        return self.answer(self._calls)

    def say(self, message: AgentMessage, session: int = 1) -> None:
        self.submit(AgentSpoke(session=session, message=message))

    def wait_for(self, came: Any) -> None:
        while not came():
            revision, effects = self.harness.next()
            if revision is not None:
                self.revisions.append(revision)
            self.seen.extend(effects)

    def next(self, kind: type[T]) -> T:
        """Waits for an effect of a kind, and takes it out."""
        self.wait_for(lambda: any(isinstance(effect, kind) for effect in self.seen))
        found = next(effect for effect in self.seen if isinstance(effect, kind))
        self.seen.remove(found)
        return found

    def heard(self, kind: type[Any]) -> Any:
        """Waits until an agent is told something of a kind, and takes it out."""

        def found() -> Send | None:
            sent = (effect for effect in self.seen if isinstance(effect, Send))
            return next((effect for effect in sent if isinstance(effect.message, kind)), None)

        self.wait_for(found)
        effect = found()
        assert effect is not None
        self.seen.remove(effect)
        return effect.message

    def answer(self, call_id: int) -> Any:
        self.wait_for(lambda: call_id in self.answers())
        return self.answers()[call_id]

    def answers(self) -> dict[int, Any]:
        return {effect.call_id: effect.answer for effect in self.seen if isinstance(effect, Reply)}

    def fill(self) -> int:
        """Makes the store full, and has a command wait for that; returns its call."""
        self.store.full = True
        waiting = self.call("add", new_request_id())
        assert "full" in self.next(ReadOnlyChanged).reason
        return waiting

    def free(self) -> None:
        self.store.full = False
        assert self.next(ReadOnlyChanged).reason == ""

    def start_job(self) -> StartRun:
        """Attaches an agent and has it take the job."""
        self.submit(AgentAttached(session=1, hello=Hello(agent_id="local", boot_id="b", works=("*",))))
        self.heard(Welcome)
        self.answer(self.call("work"))
        start = self.heard(StartRun)
        assert isinstance(start, StartRun)
        self.say(Accepted(run_id=start.run_id, attempt=start.attempt))
        return start

    def change(self, start: StartRun, seq: int) -> None:
        changes = (Set(("step",), seq),)
        self.say(WorkDelta(run_id=start.run_id, attempt=start.attempt, seq=seq, changes=changes, base=0))


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    monkeypatch.setattr("flowrpc.flow_service.engine.RETRY_SECONDS", 0.05)
    app = App()
    yield app
    app.store.full = False
    assert app.harness.engine.stop(20)


def reason_of(answer: Any) -> str:
    assert isinstance(answer, CallError), answer
    return answer.reason


def test_what_changes_something_is_refused_and_what_waits_is_answered_when_it_is_saved(app: App) -> None:
    waiting = app.fill()
    revision = len(app.revisions)

    refused = app.answer(app.call("add"))
    assert reason_of(refused) == "READ_ONLY"
    assert "the app is read-only: the memory store is full" in refused.message
    assert reason_of(app.ask(UpdateRequested, component="root", changes=(Set(("count",), 9),))) == "READ_ONLY"
    assert reason_of(app.ask(CancelRequested, run_id="r", grace=None)) == "READ_ONLY"
    assert reason_of(app.ask(WorksListed)) == "READ_ONLY"
    assert waiting not in app.answers()
    assert len(app.revisions) == revision, "nothing is published"

    app.free()
    assert app.answer(waiting).result == 1
    assert app.answer(app.call("add")).result == 2, "the refused ones did not happen"


def test_reads_of_what_no_revision_holds_are_answered(app: App) -> None:
    app.fill()

    assert [command.name for command in app.ask(CommandsListed)] == ["add", "counts", "grow", "work"]
    assert app.ask(AgentsListed) == ()
    assert reason_of(app.ask(SourceRequested, command="add")) == "NO_CLIENT_PART"
    app.free()


def test_streams_rest_and_go_on_with_what_was_wanted_meanwhile(app: App) -> None:
    assert app.ask(StreamOpened, stream=1, command="counts", arguments={}, wanted=1) is None
    assert app.next(StreamItem).item.value == 1
    app.fill()

    app.submit(StreamWanted(stream=1, count=1))
    app.submit(StreamWanted(stream=1, count=1))
    app.submit(StreamWanted(stream=99, count=1))
    assert reason_of(app.ask(StreamOpened, stream=2, command="counts", arguments={})) == "READ_ONLY"
    assert not [effect for effect in app.seen if isinstance(effect, StreamItem)]
    app.free()
    assert [app.next(StreamItem).item.value for _ in range(2)] == [3, 4]
    app.submit(StreamClosed(stream=1))
    assert app.answer(app.call("add")).result == 0


def test_streams_that_were_left_meanwhile_are_closed_when_it_can_be_saved(app: App) -> None:
    app.ask(StreamOpened, stream=1, command="counts", arguments={}, wanted=1)
    app.next(StreamItem)
    app.fill()

    app.submit(StreamWanted(stream=1, count=5))
    app.submit(StreamClosed(stream=1))
    app.free()
    assert app.answer(app.call("add")).result == 0
    assert not [effect for effect in app.seen if isinstance(effect, StreamItem | StreamEnded)]


def test_commands_of_a_flow_that_is_not_saved_yet_are_not_shown(app: App) -> None:
    app.store.full = True
    waiting = app.call("grow")
    app.next(ReadOnlyChanged)

    assert "late.late" not in [command.name for command in app.ask(CommandsListed)]
    app.free()
    app.answer(waiting)
    assert "late.late" in [command.name for command in app.ask(CommandsListed)]


def test_a_repeat_of_a_saved_request_gets_its_first_answer(app: App) -> None:
    request_id = new_request_id()
    assert app.answer(app.call("add", request_id)).result == 1
    app.fill()

    repeated = app.answer(app.call("add", request_id))
    assert (repeated.result, repeated.replayed) == (1, True)
    app.free()


def test_a_repeat_of_a_request_that_waits_waits_with_it(app: App) -> None:
    request_id = new_request_id()
    app.store.full = True
    first = app.call("add", request_id)
    app.next(ReadOnlyChanged)
    second = app.call("add", request_id)

    assert reason_of(app.answer(app.call("add"))) == "READ_ONLY"
    assert not {first, second} & app.answers().keys()
    app.free()
    assert (app.answer(first).result, app.answer(second).result) == (1, 1)
    assert app.answer(second).replayed


def test_deltas_are_not_acknowledged_and_asked_for_again(app: App) -> None:
    start = app.start_job()
    app.change(start, 1)
    assert app.heard(Ack).seq == 1
    waiting = app.fill()
    app.change(start, 2)
    app.change(start, 3)
    app.say(Beat(number=7))

    assert app.heard(Beat).number == 7, "the agent hears that the flow lives"
    assert not [e for e in app.seen if isinstance(e, Send) and isinstance(e.message, Ack)]
    app.free()
    app.answer(waiting)
    nack = app.heard(Nack)
    assert (nack.reason, nack.seq) == (NackReason.GAP, 1)
    for seq in (2, 3):
        app.change(start, seq)
    while app.heard(Ack).seq < 3:
        pass


def test_what_is_missing_is_asked_for_once_however_much_comes_after_it(app: App) -> None:
    start = app.start_job()
    waiting = app.fill()
    app.change(start, 1)
    app.say(Beat(number=1))
    app.heard(Beat)
    app.free()
    app.answer(waiting)
    for seq in range(2, 10):
        app.change(start, seq)
    for seq in range(1, 10):
        app.change(start, seq)

    while app.heard(Ack).seq < 9:
        pass
    assert app.heard(Nack).seq == 0
    assert not [e for e in app.seen if isinstance(e, Send) and isinstance(e.message, Nack)]


def test_the_end_of_a_run_is_kept_until_it_can_be_saved(app: App) -> None:
    start = app.start_job()
    waiting = app.fill()
    app.say(Finished(run_id=start.run_id, attempt=start.attempt, seq=1))
    app.say(Beat(number=1))
    app.heard(Beat)
    app.free()
    app.answer(waiting)

    app.wait_for(lambda: any(run.status is RunStatus.SUCCEEDED for r in app.revisions for run in r.runs))


def test_an_agent_that_came_while_nothing_was_saved_is_welcomed_afterwards_unless_it_left(app: App) -> None:
    waiting = app.fill()
    for session, agent in ((5, "left"), (6, "stays")):
        app.submit(AgentAttached(session=session, hello=Hello(agent_id=agent, boot_id=agent, works=("*",))))
    app.submit(AgentDetached(session=5))
    assert app.ask(AgentsListed) == ()
    app.free()
    app.answer(waiting)
    app.heard(Welcome)

    assert [agent.agent_id for agent in app.ask(AgentsListed)] == ["stays"]


def test_a_run_whose_agent_died_meanwhile_is_made_again(app: App) -> None:
    app.start_job()
    waiting = app.fill()
    app.submit(AgentDetached(session=1))
    app.submit(AgentExited(boot_id="b"))
    app.submit(AgentAttached(session=2, hello=Hello(agent_id="local", boot_id="c", works=("*",))))
    app.free()
    app.answer(waiting)

    again = app.heard(StartRun)
    assert again.attempt == 2


def test_an_agent_that_says_too_much_is_let_go(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_only, "MAX_KEPT", 3)
    start = app.start_job()
    app.fill()
    for _ in range(4):
        app.say(Accepted(run_id=start.run_id, attempt=start.attempt))

    closed = app.next(CloseSession)
    assert closed.session == 1
    assert closed.error is not None
    assert closed.error.reason == "OVERLOADED"
    app.free()


def test_an_app_that_is_stopped_meanwhile_says_what_was_not_saved(app: App) -> None:
    app.fill()
    number = app.revisions[-1].number
    app.submit(StopRequested(message="enough"))

    with pytest.raises(StoreFullError, match="stopped while read-only: the memory store is full") as error:
        app.answer(99)
    assert f"Revision {number + 1} could not be saved" in str(error.value)
    app.store.full = False
    app.store.close()
    assert app.store.open().replica.revision == number


def test_an_app_that_is_stopped_just_when_there_is_room_ends_in_order(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flowrpc.flow_service.engine.RETRY_SECONDS", 600.0)
    waiting = app.fill()
    app.store.full = False
    app.submit(StopRequested(message="enough"))

    assert app.answer(waiting).result == 1
    app.wait_for(lambda: any(r.app is not None and r.app.message == "enough" for r in app.revisions))


def test_a_life_whose_first_revision_cannot_be_saved_does_not_begin() -> None:
    class Full(MemoryStore):
        def open(self) -> Any:
            self.full = True
            return super().open()

    harness = Harness(Root(), Full())
    with pytest.raises(StoreFullError):
        harness.next()
    assert "flowrpc-engine" not in [t.name for t in threading.enumerate() if not t.daemon]
