"""An agent without a process: the real session, and what its shell does around it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from flowrpc.protocol.messages import Ack, AgentMessage, Bye, LogBatch, Serving, StartRun, Welcome
from flowrpc.state.records import Failure
from flowrpc.wire.attach import (
    PackedDelta,
    agent_message_bytes,
    flow_message_from_bytes,
    packed_response_from_bytes,
)
from flowrpc.work_service.effects import Effect, End, Kill, Leave, Pause, Redial, Resume, Send, Spawn, Tell
from flowrpc.work_service.identity import Identity
from flowrpc.work_service.session import Session

from tests.simulation.network import Connection, Process
from tests.simulation.runner import Runner

if TYPE_CHECKING:
    from tests.simulation.world import World

CLEANUP_SECONDS = 2.5
"""As in `flowrpc.work_service.agent`."""


class AgentProcess(Process):
    """One process of an agent, from its begin to its end."""

    def __init__(self, world: World, agent_id: str, boot: int) -> None:
        super().__init__(world.timeline, agent_id)
        self.world = world
        self.agent_id = agent_id
        self.boot_id = f"{agent_id}-boot-{boot}"
        identity = Identity(
            agent_id=agent_id, boot_id=self.boot_id, host="host", pid=boot, capacity=world.capacity
        )
        self.session = Session(identity, outbox_bytes=world.outbox_bytes)
        self.runners: dict[str, Runner] = {}
        self.connection: Connection | None = None
        self.acknowledged: dict[tuple[str, int], int] = {}
        """What the flow said it has, by attempt."""
        self._tick_at: float | None = None
        self._stopping = False
        self.leaves = False
        self._random = world.timeline.random
        self.note(f"begins as {self.boot_id}")
        self.after(self._random.uniform(0.0, 0.05), self._dial)

    # The connection

    def _dial(self) -> None:
        if self._stopping or self.connection is not None:
            return
        flow = self.world.flow_for(self)
        if flow is None:
            self.after(self._random.uniform(0.05, 0.5), self._dial)
            return
        connection = self.connection = Connection(self.timeline, self._random, self, flow)
        connection.down.receive = lambda data: self._hear(connection, data)
        connection.on_agent_broken = lambda: self._broken(connection)
        flow.take_connection(connection, self)
        self._act(self.session.on_connected(self.timeline.monotonic()))

    def _broken(self, connection: Connection) -> None:
        if self.connection is connection:
            self.connection = None
            self._act(self.session.on_disconnected(self.timeline.monotonic()))
            self.after(self._random.uniform(0.02, 0.4), self._dial)

    def _hear(self, connection: Connection, data: bytes) -> None:
        message = flow_message_from_bytes(data)
        if message is None or connection is not self.connection:
            return
        if isinstance(message, Ack):
            self._note_acknowledged((message.run_id, message.attempt), message.seq)
        elif isinstance(message, Welcome):
            for verdict in message.verdicts:
                self._note_acknowledged((verdict.run_id, verdict.attempt), verdict.applied_seq)
        elif isinstance(message, StartRun):
            self.world.truth.asked(message)
        self._act(self.session.on_message(message, self.timeline.monotonic()))

    def _note_acknowledged(self, key: tuple[str, int], seq: int) -> None:
        self.acknowledged[key] = max(seq, self.acknowledged.get(key, 0))

    # Effects

    def _act(self, effects: list[Effect]) -> None:
        for effect in effects:
            self._HANDLERS[type(effect)](self, effect)
        self.world.truth.check_agent(self)
        self._arm()

    def _send(self, effect: Send) -> None:
        if self.connection is not None:
            self.say(effect.message)

    def say(self, message: AgentMessage | PackedDelta) -> None:
        assert self.connection is not None, "only a connected agent speaks"
        self.connection.up.send(agent_message_bytes(message))

    def _spawn(self, effect: Spawn) -> None:
        self.runners[effect.work] = Runner(self, effect.work)

    def _tell(self, effect: Tell) -> None:
        if effect.work in self.runners:
            self.runners[effect.work].tell(effect.request)

    def _end(self, effect: End) -> None:
        runner = self.runners.get(effect.work)
        if runner is not None:
            runner.end()
            self.after(2.0, runner.kill)

    def _kill(self, effect: Kill) -> None:
        if effect.work in self.runners:
            self.runners[effect.work].kill()

    def _pause(self, effect: Pause) -> None:
        if effect.work in self.runners:
            self.runners[effect.work].pause()

    def _resume(self, effect: Resume) -> None:
        if effect.work in self.runners:
            self.runners[effect.work].resume()

    def _redial(self, effect: Redial) -> None:
        self.note(f"redials: {effect.reason}")
        if self.connection is not None:
            self.connection.close_by_agent()

    def _leave(self, effect: Leave) -> None:
        self.stop()

    _HANDLERS: ClassVar[dict[type, Any]] = {
        Send: _send,
        Spawn: _spawn,
        Tell: _tell,
        End: _end,
        Kill: _kill,
        Pause: _pause,
        Resume: _resume,
        Redial: _redial,
        Leave: _leave,
    }

    # Runners

    def hear_runner(self, runner: Runner, payload: bytes) -> None:
        message = packed_response_from_bytes(payload)
        if message is not None and not isinstance(message, LogBatch | Serving):
            self._act(self.session.on_frame(runner.work, message, len(payload)))

    def runner_ended(self, runner: Runner, failure: Failure) -> None:
        if self.runners.get(runner.work) is runner:
            del self.runners[runner.work]
        self._act(self.session.on_exit(runner.work, failure))

    # Time

    def _arm(self) -> None:
        deadline = self.session.next_deadline()
        if deadline is None or (self._tick_at is not None and self._tick_at <= deadline):
            return
        self._tick_at = deadline
        self.at(deadline + self.world.lateness(), lambda: self._tick(deadline))

    def _tick(self, planned: float) -> None:
        if self._tick_at == planned:
            self._tick_at = None
            self._act(self.session.on_tick(self.timeline.monotonic()))

    # The end

    def stop(self) -> None:
        """Ends in order, as SIGTERM asks for."""
        if self._stopping:
            return
        self._stopping = True
        self.note("stops")
        grace = timedelta(seconds=CLEANUP_SECONDS)
        self._act(self.session.wind_down(self.timeline.monotonic(), grace))
        self._wait_for_runners(CLEANUP_SECONDS, self._stop_hard)

    def _stop_hard(self) -> None:
        self._act(self.session.stop())
        self._wait_for_runners(2.0, self._say_bye)

    def _wait_for_runners(self, seconds: float, then: Any) -> None:
        if not self.runners or seconds <= 0:
            then()
        else:
            self.after(0.1, lambda: self._wait_for_runners(seconds - 0.1, then))

    def _say_bye(self) -> None:
        if self.session.attached and self.connection is not None:
            self.say(Bye(message="the agent was stopped"))
        self.after(0.05, lambda: self.kill("ended"))

    def kill(self, how: str = "killed") -> None:
        """Ends at once, and every runner with it; whoever watches the process sees it."""
        if not self.alive:
            return
        self.note(how)
        if self.frozen:
            self.frozen = False
        for runner in list(self.runners.values()):
            runner.kill()
        self.alive = False
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.on_agent_broken = lambda: None
            connection.cut()
        self.world.agent_ended(self)
