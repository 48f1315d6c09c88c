"""Drives a core without threads, sockets or disk: the shell of the tests."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from flowrpc.component import LightningFlow
from flowrpc.errors import CallError
from flowrpc.flow_service.core import Core
from flowrpc.flow_service.effects import CloseSession, Effect, Exit, Reply, Send, StreamEnded, StreamItem
from flowrpc.flow_service.events import (
    AgentAttached,
    AgentDetached,
    AgentExited,
    AgentSpoke,
    CommandCalled,
    Event,
    UpdateRequested,
    Writing,
)
from flowrpc.flow_service.instant import Instant
from flowrpc.protocol.answers import CommandItem
from flowrpc.protocol.messages import (
    Accepted,
    AgentMessage,
    Beat,
    Finished,
    FlowMessage,
    HeldAttempt,
    Hello,
    StartRun,
    WorkDelta,
)
from flowrpc.state import Change, Value, untrack
from flowrpc.state.records import AppStatus, Failure, Revision, Run
from flowrpc.state.replica import Replica
from flowrpc.store import MemoryStore

BEGIN = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MAX_PASSES = 1_000


class Driver:
    """One life of a core on a store; `restart` begins the next one as a crash would."""

    def __init__(self, make_root: Callable[[], LightningFlow], **options: Any) -> None:
        self.make_root = make_root
        self.options = options
        self.store = MemoryStore()
        self.clock = 1_000.0
        self._ids = itertools.count(1)
        self._begin()

    def _begin(self) -> None:
        recovered = self.store.open()
        self.replica = Replica(
            revision=recovered.replica.revision,
            components=recovered.replica.components.values(),
            runs=recovered.replica.runs.values(),
            app=recovered.replica.app,
        )
        self.revisions: list[Revision] = []
        self.replies: dict[int, Any] = {}
        self.sent: dict[int, list[FlowMessage]] = {}
        self.closed: list[int] = []
        self.why_closed: list[str] = []
        self.streamed: dict[int, list[CommandItem | StreamEnded]] = {}
        self.exit: AppStatus | None = None
        self.passes = 0
        self.core = Core(self.make_root(), recovered, self.now, **self.options)
        self.commit()

    @property
    def now(self) -> Instant:
        return Instant(self.clock, BEGIN + timedelta(seconds=self.clock))

    @property
    def root(self) -> Any:
        return self.core.root

    def restart(self, make_root: Callable[[], LightningFlow] | None = None) -> None:
        """Loses everything that was not committed and begins the next life."""
        self.make_root = make_root or self.make_root
        self.store.crash()
        self._begin()

    def run_pass(self) -> None:
        self.core.run_pass(self.now)
        self.passes += 1

    def settle(self) -> None:
        """Runs passes until nothing changes, and commits."""
        for _ in range(MAX_PASSES):
            if not self.core.wants_pass or self.core.ended is not None:
                break
            self.run_pass()
        else:
            raise AssertionError("the flow never settles")
        self.commit()

    def commit(self) -> None:
        commit = self.core.seal(self.now)
        if commit is not None:
            self.store.commit(commit)
            self.core.committed()
            self.revisions.append(commit.revision)
            self.replica.fold(commit.revision)
            self.check()
        self.carry_out(self.core.take_effects())

    def check(self) -> None:
        """The fold of what was committed is the tree."""
        tree = {c.name: c._plain_vars(private=True) for c in self.root._walk()}
        assert {name: record.vars for name, record in self.replica.components.items()} == tree

    def carry_out(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Reply():
                    self.replies[effect.call_id] = effect.answer
                case Send():
                    self.sent.setdefault(effect.session, []).append(effect.message)
                case StreamItem():
                    self.streamed.setdefault(effect.stream, []).append(effect.item)
                case StreamEnded():
                    self.streamed.setdefault(effect.stream, []).append(effect)
                case CloseSession():
                    self.closed.append(effect.session)
                    self.why_closed.append(effect.error.reason if effect.error else "")
                case Exit():
                    self.exit = effect.status

    def feed(self, event: Event) -> None:
        if isinstance(event, Writing) and event.request_id:
            event = replace(event, earlier=self.store.answer(event.request_id))
        self.core.receive(event, self.now)

    def submit(self, event: Event) -> None:
        self.feed(event)
        self.settle()

    def advance(self, seconds: float) -> None:
        self.clock += seconds
        self.core.tick(self.now)
        self.settle()

    # Clients

    def call(self, command: str, /, request_id: str = "", digest: bytes = b"", **arguments: Value) -> Any:
        """Calls a command and returns its answer; raises what the call is refused with."""
        call_id = next(self._ids)
        self.submit(
            CommandCalled(
                call_id=call_id, command=command, arguments=arguments, request_id=request_id, digest=digest
            )
        )
        return self.answer(call_id)

    def update(
        self, component: str, *changes: Change, expected: int | None = None, request_id: str = ""
    ) -> Any:
        call_id = next(self._ids)
        self.submit(
            UpdateRequested(
                call_id=call_id,
                component=component,
                changes=changes,
                expected_revision=expected,
                request_id=request_id,
            )
        )
        return self.answer(call_id)

    def ask(self, event_type: Callable[..., Event], **facts: Any) -> Any:
        call_id = next(self._ids)
        self.submit(event_type(call_id=call_id, **facts))
        return self.answer(call_id)

    def answer(self, call_id: int) -> Any:
        answer = self.replies.pop(call_id)
        if isinstance(answer, CallError):
            raise answer
        return answer

    def runs(self) -> list[Run]:
        return list(self.replica.runs.values())

    def vars(self, name: str = "root") -> dict[str, Value]:
        """Reads what clients see."""
        return {k: untrack(v) for k, v in self.replica.components[name].vars.items() if not k.startswith("_")}


class FakeAgent:
    """An agent that a test plays by hand."""

    def __init__(
        self,
        driver: Driver,
        *,
        session: int = 1,
        agent_id: str = "local",
        boot_id: str = "boot-1",
        works: str = "*",
        capacity: int = 0,
        **facts: Any,
    ) -> None:
        self.driver = driver
        self.session = session
        self.hello = Hello(agent_id=agent_id, boot_id=boot_id, works=(works,), capacity=capacity, **facts)
        self.seq: dict[str, int] = {}

    def attach(self, *held: HeldAttempt) -> FakeAgent:
        self.driver.submit(AgentAttached(session=self.session, hello=replace(self.hello, held=held)))
        return self

    def detach(self) -> None:
        self.driver.submit(AgentDetached(session=self.session))

    def exit(self) -> None:
        self.driver.submit(AgentExited(boot_id=self.hello.boot_id))

    def say(self, message: AgentMessage) -> None:
        self.driver.submit(AgentSpoke(session=self.session, message=message))

    def heartbeat(self) -> None:
        """Tells the flow that it lives."""
        self.say(Beat(number=1))

    def heard(self, kind: type) -> list[Any]:
        """Takes out what the flow said of a kind."""
        said = self.driver.sent.get(self.session, [])
        found = [message for message in said if isinstance(message, kind)]
        self.driver.sent[self.session] = [message for message in said if not isinstance(message, kind)]
        return found

    def take_start(self) -> StartRun:
        """Takes the one run that the flow asks for, and accepts it."""
        (start,) = self.heard(StartRun)
        assert isinstance(start, StartRun)
        self.say(Accepted(run_id=start.run_id, attempt=start.attempt))
        return start

    def change(self, start: StartRun, *changes: Change, base: int = 0, seq: int | None = None) -> None:
        key = f"{start.run_id}/{start.attempt}"
        number = self.seq.get(key, 0) + 1 if seq is None else seq
        self.seq[key] = max(number, self.seq.get(key, 0))
        self.say(
            WorkDelta(run_id=start.run_id, attempt=start.attempt, seq=number, changes=changes, base=base)
        )

    def finish(self, start: StartRun, failure: Failure | None = None) -> None:
        seq = self.seq.get(f"{start.run_id}/{start.attempt}", 0) + 1
        self.say(Finished(run_id=start.run_id, attempt=start.attempt, seq=seq, failure=failure))

    def do(self, *changes: Change) -> StartRun:
        """Takes a run, makes the changes and succeeds."""
        start = self.take_start()
        if changes:
            self.change(start, *changes)
        self.finish(start)
        return start
