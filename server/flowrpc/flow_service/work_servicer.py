"""WorkService: the streams of agents. Frames go to the engine as events, effects come back as frames."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

from flowrpc.errors import CallError, FlowrpcError
from flowrpc.flow_service.effects import CloseSession, Send
from flowrpc.flow_service.events import AgentAttached, AgentDetached, AgentSpoke, FrameRefused
from flowrpc.flow_service.logs import LogHub
from flowrpc.flow_service.refusals import FRAME_BROKEN, FRAME_TOO_LARGE, Refusals
from flowrpc.protocol.messages import (
    AgentMessage,
    FlowMessage,
    Hello,
    LogBatch,
    Rejected,
    StartRun,
    VarsChanged,
)
from flowrpc.state.records import Failure, FailureReason
from flowrpc.v1 import work_service_pb2_grpc
from flowrpc.wire.attach import attempt_of, decode_agent_message, encode_flow_message
from flowrpc.wire.sizes import MAX_TO_AGENT_BYTES, size_of

logger = logging.getLogger(__name__)

HELLO_SECONDS = 10.0
"""How long a stream may take to say hello."""


MAX_UNSENT = 10_000
"""How many frames may wait for an agent that does not read; with more, its stream ends, and it dials again."""


class _Stream:
    """What is to be sent over one stream."""

    def __init__(self) -> None:
        self.out: asyncio.Queue[FlowMessage | CallError | None] = asyncio.Queue()

    def send(self, message: FlowMessage) -> None:
        """Adds a frame; if too many wait, the stream ends instead: the next one begins with what counts."""
        if self.out.qsize() < MAX_UNSENT:
            self.out.put_nowait(message)
            return
        while not self.out.empty():
            self.out.get_nowait()
        problem = f"{MAX_UNSENT:,} frames wait to be read; dial again"
        self.out.put_nowait(CallError("OVERLOADED", problem, queue="frames", limit=str(MAX_UNSENT)))


class WorkServicer(work_service_pb2_grpc.WorkServiceServicer):
    """Serves agents."""

    def __init__(
        self,
        submit: Callable[[Any], None],
        logs: LogHub,
        refusals: Refusals,
        is_full: Callable[[], bool] = lambda: False,
    ) -> None:
        """Takes what hands an event to the engine, where log records go, and whether the engine has enough to do."""
        self._refusals = refusals
        self._submit = submit
        self._logs = logs
        self._is_full = is_full
        self._room = asyncio.Event()
        self._numbers = itertools.count(1)
        self._streams: dict[int, _Stream] = {}

    async def Attach(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        """Serves one stream from hello to end."""
        hello = await self._hello(requests, context)
        number, stream = next(self._numbers), _Stream()
        self._streams[number] = stream
        self._submit(AgentAttached(session=number, hello=hello))
        reader = asyncio.create_task(self._read(number, requests, stream))
        try:
            while (message := await stream.out.get()) is not None:
                if isinstance(message, CallError):
                    await self._refusals.abort(context, message)
                frame = encode_flow_message(message)
                if refused := _refused(number, message, frame):
                    self._refusals.count(FRAME_TOO_LARGE)
                    self._submit(refused)
                else:
                    yield frame
        finally:
            reader.cancel()
            del self._streams[number]
            self._submit(AgentDetached(session=number))

    def send(self, effect: Send) -> None:
        """Says something to an agent, if its stream is still there."""
        self._refusals.count_message(effect.message)
        stream = self._streams.get(effect.session)
        if stream is not None:
            stream.send(effect.message)

    def close(self, effect: CloseSession) -> None:
        """Ends a stream."""
        stream = self._streams.get(effect.session)
        if stream is not None:
            stream.out.put_nowait(effect.error)

    def close_all(self) -> None:
        """Ends every stream, after what is to be sent."""
        for stream in self._streams.values():
            stream.out.put_nowait(None)

    def read_on(self) -> None:
        """Reads frames again that were not read because too many waited."""
        self._room.set()

    async def _wait_for_room(self) -> None:
        self._room.clear()
        await self._room.wait()

    async def _hello(self, requests: AsyncIterator[Any], context: Any) -> Hello:
        message: Any = None
        reason, problem = "INVALID_HELLO", "the first message of the stream must be Hello"
        try:
            async with asyncio.timeout(HELLO_SECONDS):
                message = decode_agent_message(await anext(requests))
        except TimeoutError:
            reason, problem = "AGENT_SILENT", f"no Hello within {HELLO_SECONDS:g} s"
        except (StopAsyncIteration, FlowrpcError) as error:
            problem = str(error) or problem
        if isinstance(message, Hello) and message.agent_id and message.boot_id and message.works:
            return message
        if isinstance(message, Hello):
            problem = "a Hello names agent_id, boot_id and at least one work"
        return await self._refusals.abort(context, CallError(reason, problem, problem=problem))

    async def _read(self, number: int, requests: AsyncIterator[Any], stream: _Stream) -> None:
        """Takes the frames of a stream until it ends."""
        async for request in requests:
            try:
                message = decode_agent_message(request)
            except FlowrpcError as error:
                self._refusals.count(FRAME_BROKEN)
                message = _broken(request, error)
            if isinstance(message, LogBatch):
                if message.dropped:
                    self._logs.note_dropped(
                        message.dropped, message.records[0].component if message.records else ""
                    )
                self._logs.add(message.records)
            elif message is not None:
                self._submit(AgentSpoke(session=number, message=message, size_bytes=size_of(request)))
                while self._is_full():
                    await self._wait_for_room()
        stream.out.put_nowait(None)


def _refused(session: int, message: FlowMessage, frame: Any) -> FrameRefused | None:
    """Refuses a frame that gRPC would: it ends the stream, and on the next one the flow would say the same again.

    All but those that carry state are small.
    """
    if not isinstance(message, StartRun | VarsChanged):
        return None
    size, limit = size_of(frame), MAX_TO_AGENT_BYTES
    if size <= limit:
        return None
    return FrameRefused(session=session, message=message, size_bytes=size, limit_bytes=limit)


def _broken(request: Any, error: FlowrpcError) -> AgentMessage | None:
    """Ends the attempt whose delta cannot be read: sent again, it would be as unreadable."""
    logger.error("an agent sent what cannot be read: %s", error)
    attempt = attempt_of(request)
    if attempt is None:
        return None
    failure = Failure(reason=FailureReason.BROKEN_RULE, message=f"the work sent what is no state: {error}")
    return Rejected(run_id=attempt[0], attempt=attempt[1], failure=failure)
