"""The flow service without threads and sockets: the real engine, core and publisher, and a shell around them."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from flowrpc.errors import FlowrpcError
from flowrpc.flow_service.core import Core
from flowrpc.flow_service.effects import CloseSession, Effect, Exit, Reply, Send
from flowrpc.flow_service.engine import Engine
from flowrpc.flow_service.events import (
    AgentAttached,
    AgentDetached,
    AgentExited,
    AgentSpoke,
    Event,
)
from flowrpc.flow_service.instant import Instant
from flowrpc.flow_service.publisher import Publisher
from flowrpc.flow_service.watching import Watch as FollowedWatch
from flowrpc.protocol.answers import WatchEnd
from flowrpc.protocol.messages import Hello, LogBatch
from flowrpc.protocol.requests import WatchState
from flowrpc.state.records import Revision
from flowrpc.v1 import work_service_pb2
from flowrpc.wire.attach import decode_agent_message, encode_flow_message
from flowrpc.wire.watch import encode_watch_update

from tests.simulation.app import Root
from tests.simulation.disk import Crash
from tests.simulation.network import Connection, Process

if TYPE_CHECKING:
    from tests.simulation.agent import AgentProcess
    from tests.simulation.world import World

LOCAL = "local"


class Watch:
    """One watch, read without waiting."""

    def __init__(self, publisher: Publisher, request: WatchState) -> None:
        self._publisher = publisher
        self._request = request
        self._watch: FollowedWatch | None = None

    def take(self) -> list[bytes] | None:
        """Returns the next messages, as the servicer would send them; None if there are none yet.

        Raises:
            CallError: It cannot begin.
            StopAsyncIteration: It ended.
        """
        watch = self._watch = self._watch or self._publisher.follow(self._request)
        if watch.over:
            raise StopAsyncIteration
        update = watch.step()
        if update is None:
            return None
        if isinstance(update, WatchEnd):
            return [encode_watch_update(update).SerializeToString()]
        return list(self._publisher.messages(watch, update))

    def close(self) -> None:
        if self._watch is not None:
            self._watch.close()


class FlowProcess(Process):
    """One life of the flow service.

    Raises:
        Crash: It was killed while it began.
    """

    def __init__(self, world: World) -> None:
        super().__init__(world.timeline, "flow")
        self.world = world
        self.accepting = False
        """Whether agents and clients can reach it."""
        self.ending = False
        self.disk_full = False
        self._random = world.timeline.random
        self._connections: dict[int, Connection] = {}
        self._sessions = itertools.count(1)
        self._calls = itertools.count(1)
        self._replies: dict[int, Callable[[Any], None]] = {}
        self._waiting_events = 0
        self._turn_at: float | None = None
        self._delivered_at = 0.0
        self.crash_in_effects: int | None = None
        """After how many more effects it dies; None: it does not."""
        recovered = world.disk.open()
        self.publisher = Publisher(recovered.replica, journal_id=recovered.journal_id)
        self.number = recovered.life
        self.note(f"life {self.number} at revision {recovered.replica.revision}")
        world.truth.begin_life(recovered)
        self._engine = Engine(
            lambda now: self._make_core(recovered, now),
            world.disk,
            self._deliver,
            world.truth.fault,
            read_clocks=self.timeline.read_clocks,
            monotonic=self.timeline.monotonic,
        )

    def start(self) -> None:
        """Builds the app and serves it."""
        with self.world.dying(self):
            self.core = self._engine.begin()
            self._plan_turn(0.001)
            self.after(self._random.uniform(0.01, 0.05), self._accept)

    def _make_core(self, recovered: Any, now: Instant) -> Core:
        return Core(
            Root(self.world.grace), recovered, now, remote_works=self.world.remote, audit=self.world.audited
        )

    def _accept(self) -> None:
        self.accepting = True
        self.world.place_local_agent()

    # Events

    def submit(self, event: Event) -> None:
        """Hands the engine an event."""
        self._engine.submit(event)
        self._waiting_events += 1
        self._plan_turn(self._random.uniform(0.00005, 0.001))

    def _plan_turn(self, delay: float) -> None:
        at = self.timeline.now + delay
        if self._turn_at is None or at < self._turn_at:
            self._turn_at = at
            self.at(at, lambda: self._turn(at))

    def _turn(self, planned: float) -> None:
        if self._turn_at != planned:
            return
        self._turn_at = None
        with self.world.dying(self):
            if self._has_something_to_do:
                self._waiting_events = 0
                self._engine.turn(self.core)
            self._plan_next()

    @property
    def _has_something_to_do(self) -> bool:
        deadline = self.core.deadline()
        due = deadline is not None and deadline <= self.timeline.now
        return bool(self._waiting_events or due or (self.core.wants_pass and self.core.ended is None))

    def _plan_next(self) -> None:
        if self._waiting_events or (self.core.wants_pass and self.core.ended is None):
            self._plan_turn(0.0002)
            return
        deadline = self.core.deadline()
        if deadline is not None:
            late = self.world.lateness() + 0.00001
            self._plan_turn(max(deadline - self.timeline.now, 0.0) + late)

    # What comes out

    def _deliver(self, revision: Revision | None, data: bytes, effects: list[Effect]) -> None:
        self._delivered_at = max(
            self._delivered_at, self.timeline.now + self._random.uniform(0.00002, 0.0005)
        )
        self.at(self._delivered_at, lambda: self._carry_out(revision, data, effects))

    def _carry_out(self, revision: Revision | None, data: bytes, effects: list[Effect]) -> None:
        with self.world.dying(self):
            if revision is not None:
                self.world.truth.published(revision)
                self.publisher.publish(revision, data)
                self.world.wake_watchers()
            for effect in effects:
                self._count_down()
                carry = self._CARRIERS.get(type(effect))
                if carry is not None:
                    carry(self, effect)

    def _count_down(self) -> None:
        if self.crash_in_effects is not None:
            self.crash_in_effects -= 1
            if self.crash_in_effects < 0:
                raise Crash

    def _send(self, effect: Send) -> None:
        self.world.truth.said(effect.message)
        connection = self._connections.get(effect.session)
        if connection is not None:
            connection.down.send(encode_flow_message(effect.message).SerializeToString())

    def _reply(self, effect: Reply) -> None:
        answer = self._replies.pop(effect.call_id, None)
        if answer is not None:
            answer(effect.answer)

    def _close(self, effect: CloseSession) -> None:
        connection = self._connections.get(effect.session)
        if connection is not None:
            connection.close_by_flow()

    def _exit(self, effect: Exit) -> None:
        """Ends in order, as the service does when the app has ended."""
        self.note(f"ends: {effect.status.stage.value}")
        self.ending, self.accepting = True, False
        self.publisher.end("the app has ended", effect.status)
        self.world.wake_watchers()
        for connection in list(self._connections.values()):
            connection.close_by_flow()
        self.world.stop_local_agent()
        self.after(self._random.uniform(0.05, 1.0), lambda: self.die("ended"))

    _CARRIERS: ClassVar[dict[type, Callable[[FlowProcess, Any], None]]] = {
        Send: _send,
        Reply: _reply,
        CloseSession: _close,
        Exit: _exit,
    }

    # Agents

    def take_connection(self, connection: Connection, agent: AgentProcess) -> None:
        """Serves a stream from hello to end."""
        number: list[int] = []
        connection.up.receive = lambda data: self._hear(number, connection, data)
        connection.on_flow_broken = lambda: self._broken(number)

    def _hear(self, number: list[int], connection: Connection, data: bytes) -> None:
        message: Any
        try:
            message = decode_agent_message(work_service_pb2.AttachRequest.FromString(data))
        except FlowrpcError as error:
            self.world.truth.fault(error)
            return
        if isinstance(message, Hello):
            number.append(next(self._sessions))
            self._connections[number[0]] = connection
            self.submit(AgentAttached(session=number[0], hello=message))
        elif number and not isinstance(message, LogBatch):
            self.submit(AgentSpoke(session=number[0], message=message))

    def _broken(self, number: list[int]) -> None:
        if number and self._connections.pop(number[0], None) is not None:
            self.submit(AgentDetached(session=number[0]))

    def agent_exited(self, boot_id: str) -> None:
        """Is told by the placement that its agent ended."""
        self.submit(AgentExited(boot_id=boot_id))

    # Clients

    def ask(self, make: Callable[[int], Event], answer: Callable[[Any], None]) -> None:
        """Takes a request of a client."""
        call_id = next(self._calls)
        self._replies[call_id] = answer
        self.submit(make(call_id))

    # The end

    def die(self, how: str = "killed") -> None:
        """Ends at once."""
        if not self.alive:
            return
        self.note(how)
        self.alive = self.accepting = self.frozen = False
        self.world.disk.crash()
        for connection in list(self._connections.values()):
            connection.on_flow_broken = lambda: None
            connection.cut()
        self.world.flow_ended(self)
