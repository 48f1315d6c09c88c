"""The agent: dials its flow, and lets runners execute what that asks for. The session decides, this acts."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeAlias, cast

from grpc import aio

from flowrpc.errors import CallError, FlowrpcError, StartError
from flowrpc.protocol.messages import AgentMessage, Bye, LogBatch, Serving
from flowrpc.state.records import Failure
from flowrpc.wire.attach import ATTACH_METHOD, PackedDelta, agent_message_bytes, flow_message_from_bytes
from flowrpc.wire.errors import call_error
from flowrpc.work_service.backoff import Backoff
from flowrpc.work_service.channel import open_channel, read_token
from flowrpc.work_service.effects import Effect, End, Kill, Leave, Pause, Redial, Resume, Send, Spawn, Tell
from flowrpc.work_service.guard import Guard
from flowrpc.work_service.identity import Identity
from flowrpc.work_service.launcher import Start
from flowrpc.work_service.log_lane import LogLane
from flowrpc.work_service.outbox import Frame
from flowrpc.work_service.runner_files import RunnerFiles
from flowrpc.work_service.runners import Runners
from flowrpc.work_service.session import Session

logger = logging.getLogger(__name__)

Call: TypeAlias = "aio.StreamStreamCall[bytes, bytes]"

CLEANUP_SECONDS = 2.5
"""How long user code may take to clean up when the agent is stopped, before it is killed."""
KILL_SECONDS = 2.0
"""How long a stopping agent waits for its killed runners."""

BYE_SECONDS = 1.0
"""How long a stopping agent waits until the flow has taken its bye."""

_REFUSED = ("UNAUTHENTICATED", "PERMISSION_DENIED", "INVALID_HELLO", "UNIMPLEMENTED")


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentOptions:
    """Where an agent finds its flow and its app."""

    app_file: Path
    address: str
    """The flow's `HOST:PORT`."""
    token_file: Path
    tls_ca: Path | None = None
    """Root certificates; absent: no TLS."""
    files_dir: Path | None = None
    """Where works have their files on this host; absent: they have none."""
    start: Start = Start.PRELOAD
    """How runners start."""


class Agent:
    """Serves works until it is stopped or drained.

    Args:
        identity: Who it is.
        options: Where its flow and its app are.
        announce: Takes a line for people when the connection comes or goes.
        guard: Kills what its runners started if it cannot.
    """

    def __init__(
        self, identity: Identity, options: AgentOptions, announce: Callable[[str], None], guard: Guard
    ) -> None:
        self._identity = identity
        self._options = options
        self._announce = announce
        self._session = Session(identity)
        addresses = identity.internal_ip, identity.public_ip
        self._runners = Runners(
            options.app_file, self, guard, addresses, start=options.start, files=self._files
        )
        self._handlers = self._handlers_of(self._runners)
        self._loop = asyncio.get_running_loop()
        self._outgoing: deque[AgentMessage | PackedDelta] = deque()
        self._logs = LogLane()
        self._something_to_send = asyncio.Event()
        self._stopping = asyncio.Event()
        self._call: Call | None = None
        self._redialling = False
        self._said_bye = False
        self._timer: asyncio.TimerHandle | None = None
        self._was_attached = False
        self._lost = False
        self._backoff = Backoff()
        self._farewell = "the agent was stopped"

    async def run(self) -> None:
        """Serves until `stop`.

        Raises:
            StartError: The flow refuses the agent at the first contact, or a file cannot be read.
        """
        dialling = asyncio.create_task(self._dial())
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait([dialling, stopping], return_when=asyncio.FIRST_COMPLETED)
            await self._leave()
            await asyncio.wait([dialling], timeout=BYE_SECONDS if self._said_bye else 0)
        finally:
            for task in (dialling, stopping):
                task.cancel()
            await asyncio.wait([dialling, stopping])
            self._disarm()
            self._runners.close()
        if not dialling.cancelled():
            dialling.result()

    def stop(self) -> None:
        """Asks the agent to end its runners, say bye and end; at most 5 seconds later `run` returns."""
        self._stopping.set()

    # The connection

    async def _dial(self) -> None:
        while not self._stopping.is_set():
            try:
                await self._attach()
            except FlowrpcError as error:
                self._judge(error)
            if not self._stopping.is_set():
                await asyncio.sleep(self._backoff.delay())

    async def _attach(self) -> None:
        """Talks to the flow over one stream, until that ends."""
        async with self._stream() as call:
            writing = asyncio.create_task(self._write(call))
            try:
                self._act(self._session.on_connected(self._loop.time()))
                await self._read(call)
            except aio.AioRpcError as error:
                raise call_error(error, self._options.address) from error
            except asyncio.CancelledError:
                if not self._redialling:  # otherwise the session had the call cancelled
                    raise
            finally:
                writing.cancel()
                await asyncio.wait([writing])
                self._detach()

    @asynccontextmanager
    async def _stream(self) -> AsyncIterator[Call]:
        token = read_token(self._options.token_file)  # each time: it may have been replaced
        channel = open_channel(self._options.address, self._options.tls_ca)
        try:
            attach: Any = channel.stream_stream(ATTACH_METHOD)  # of bytes: most are passed on as they came
            call: Call = attach(metadata=(("authorization", f"Bearer {token}"),))
            self._call, self._redialling = call, False
            try:
                yield call
            finally:
                self._call = None
                call.cancel()  # one that is merely dropped is never cancelled
        finally:
            await channel.close()

    async def _read(self, call: Call) -> None:
        while (data := await call.read()) is not aio.EOF:
            try:
                message = flow_message_from_bytes(cast("bytes", data))
            except ValueError as error:
                logger.error("the flow sent what cannot be read and is ignored: %s", error)
                continue
            if message is not None:
                self._act(self._session.on_message(message, self._loop.time()))
            if self._session.attached:
                self._note_attached()

    async def _write(self, call: Call) -> None:
        """Sends what there is: log records only when nothing else waits."""
        with suppress(aio.AioRpcError, asyncio.InvalidStateError):  # whoever reads hears how the stream ended
            while True:
                while self._outgoing:
                    await call.write(agent_message_bytes(self._outgoing.popleft()))
                if self._logs and self._session.attached:
                    self._outgoing.append(self._logs.take())
                    continue
                if self._said_bye:
                    await call.done_writing()
                    return
                self._something_to_send.clear()
                await self._something_to_send.wait()

    def _detach(self) -> None:
        self._outgoing.clear()
        if self._session.attached and not self._stopping.is_set():
            self._lost = True
            self._announce(f"lost {self._options.address}; dialling again")
        self._act(self._session.on_disconnected(self._loop.time()))

    def _note_attached(self) -> None:
        if not self._was_attached or self._lost:
            me = self._identity
            verb = "regained" if self._lost else "attached to"
            self._announce(f"{verb} {self._options.address} as {me.agent_id} for {', '.join(me.works)}")
        self._was_attached, self._lost = True, False
        self._backoff.reset()

    def _judge(self, error: FlowrpcError) -> None:
        """Gives up if the flow refuses the agent before it ever took it; everything else may pass."""
        refused = isinstance(error, CallError) and error.reason in _REFUSED
        if (refused or isinstance(error, StartError)) and not self._was_attached:
            raise StartError(f"{self._options.address}: {error}") from error
        if not self._lost and not self._stopping.is_set():
            self._lost = True
            self._announce(f"{error}; dialling again")

    # Effects

    def _act(self, effects: list[Effect]) -> None:
        for effect in effects:
            self._handlers[type(effect)](effect)
        self._arm()

    def _send(self, effect: Send) -> None:
        self._outgoing.append(effect.message)
        self._something_to_send.set()

    def _redial(self, effect: Redial) -> None:
        logger.warning("dialling again: %s", effect.reason)
        if self._call is not None:
            self._redialling = True
            self._call.cancel()

    def _end(self, effect: Leave) -> None:
        self._farewell = effect.reason
        self._stopping.set()

    def _handlers_of(self, runners: Runners) -> dict[type, Callable[[Any], None]]:
        return {
            Send: self._send,
            Spawn: lambda effect: runners.spawn(effect.work),
            Tell: lambda effect: runners.tell(effect.work, effect.request),
            End: lambda effect: runners.end(effect.work),
            Kill: lambda effect: runners.kill(effect.work),
            Pause: lambda effect: runners.pause(effect.work),
            Resume: lambda effect: runners.resume(effect.work),
            Redial: self._redial,
            Leave: self._end,
        }

    def _files(self) -> RunnerFiles | None:
        folder, welcome = self._options.files_dir, self._session.welcome
        if folder is None or welcome is None or not welcome.journal_id:
            return None
        return RunnerFiles(folder=folder, journal_id=welcome.journal_id, storage_url=welcome.storage_url)

    # What runners tell

    def on_frame(self, work: str, frame: Frame, size_bytes: int) -> None:
        """Takes a frame of a runner."""
        self._act(self._session.on_frame(work, frame, size_bytes))

    def on_logs(self, work: str, batch: LogBatch) -> None:
        """Takes log records of a runner."""
        self._logs.add(batch.records, dropped=batch.dropped)
        self._something_to_send.set()

    def on_serving(self, work: str, serving: Serving) -> None:
        """Takes where a work serves; of another work than its own a runner says nothing."""
        if serving.work == work:
            self._act(self._session.on_serving(serving))

    def on_exit(self, work: str, failure: Failure) -> None:
        """Takes the end of a runner."""
        self._runners.forget(work)
        self._act(self._session.on_exit(work, failure))

    # Time

    def _arm(self) -> None:
        """Sets the one timer to the next deadline, if that is sooner than what it is set to."""
        deadline = self._session.next_deadline()
        if deadline is None or (self._timer is not None and self._timer.when() <= deadline):
            return
        self._disarm()
        self._timer = self._loop.call_at(deadline, self._tick)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tick(self) -> None:
        self._timer = None
        self._act(self._session.on_tick(self._loop.time()))

    # The end

    async def _leave(self) -> None:
        """Lets user code end, kills what does not, and then tells the flow that nothing is held any more."""
        self._stopping.set()
        self._act(self._session.wind_down(self._loop.time(), timedelta(seconds=CLEANUP_SECONDS)))
        with suppress(TimeoutError):
            await asyncio.wait_for(self._runners.wait_for_end(), CLEANUP_SECONDS)
        self._act(self._session.stop())
        with suppress(TimeoutError):
            await asyncio.wait_for(self._runners.wait_for_end(), KILL_SECONDS)
        if self._session.attached:
            self._said_bye = True
            self._send(Send(Bye(message=self._farewell)))
