"""A flow service that only speaks the work protocol: a real server on loopback, driven by a test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from copy import deepcopy
from datetime import timedelta
from typing import Any, TypeVar

import grpc
from flowrpc.errors import CallError
from flowrpc.protocol.messages import (
    Ack,
    AgentMessage,
    Beat,
    Finished,
    FlowMessage,
    HeldVerdict,
    Hello,
    LogBatch,
    LogRecord,
    StartRun,
    Verdict,
    Welcome,
    WorkDelta,
)
from flowrpc.state import Change, Value
from flowrpc.state.fold import apply
from flowrpc.v1.work_service_pb2_grpc import WorkServiceServicer, add_WorkServiceServicer_to_server
from flowrpc.wire.attach import decode_agent_message, encode_flow_message
from flowrpc.wire.errors import status_of
from grpc import aio

TOKEN = "secret"
DEADLINE_SECONDS = 60.0

M = TypeVar("M")


class FlowDouble(WorkServiceServicer):
    """Welcomes agents, acknowledges what they say, and keeps it."""

    def __init__(self) -> None:
        self.acknowledging = True
        self.deaf = False
        self.welcoming = True
        self.refusal: grpc.StatusCode | CallError | None = None
        """How streams end at once, the one that is open too."""
        self.refused = 0
        self.fault: BaseException | None = None
        self.address = ""
        self.hellos: list[Hello] = []
        self.heard: list[AgentMessage] = []
        self.ends: dict[tuple[str, int], Finished] = {}
        self.vars: dict[str, Value] = {}
        self.applied: dict[tuple[str, int], int] = {}
        self.attached = asyncio.Event()
        self.detached = asyncio.Event()
        self._news = asyncio.Condition()
        self._outgoing: asyncio.Queue[FlowMessage | None] = asyncio.Queue()

    # The service

    async def Attach(self, request_iterator: Any, context: Any) -> AsyncIterator[Any]:
        if dict(context.invocation_metadata()).get("authorization") != f"Bearer {TOKEN}":
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "no such token")
        await self._refuse(context)
        outgoing: asyncio.Queue[FlowMessage | None] = asyncio.Queue()
        self._outgoing = outgoing
        reading = asyncio.create_task(self._read(request_iterator, outgoing))
        reading.add_done_callback(self._note_fault)
        try:
            while (message := await outgoing.get()) is not None:
                yield encode_flow_message(message)
            reading.cancel()
            await self._refuse(context)
        finally:
            reading.cancel()
            self.attached.clear()
            self.detached.set()

    async def _refuse(self, context: Any) -> None:
        if self.refusal is not None:
            self.refused += 1
            await self._tell()
            if isinstance(self.refusal, CallError):
                await context.abort(*status_of(self.refusal))
            await context.abort(self.refusal, "as the test wants it")

    async def _read(self, requests: Any, outgoing: asyncio.Queue[FlowMessage | None]) -> None:
        async for request in requests:
            if self.deaf:
                continue
            message = decode_agent_message(request)
            assert message is not None
            self._take(message, outgoing)
            async with self._news:
                self.heard.append(message)
                self._news.notify_all()
        outgoing.put_nowait(None)

    def _note_fault(self, reading: asyncio.Task[None]) -> None:
        """Lets the test fail with what went wrong in here."""
        if not reading.cancelled() and reading.exception() is not None:
            self.fault = reading.exception()
            asyncio.get_running_loop().create_task(self._tell())

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()

    def _take(self, message: AgentMessage, outgoing: asyncio.Queue[FlowMessage | None]) -> None:
        if isinstance(message, Hello):
            self.hellos.append(message)
            if not self.welcoming:
                return
            outgoing.put_nowait(self._welcome(message))
            self.detached.clear()
            self.attached.set()
        elif isinstance(message, Beat):
            outgoing.put_nowait(message)
        elif isinstance(message, WorkDelta | Finished):
            self._apply(message, outgoing)

    def _welcome(self, hello: Hello) -> Welcome:
        verdicts = tuple(
            HeldVerdict(
                run_id=held.run_id,
                attempt=held.attempt,
                verdict=Verdict.CONTINUE,
                applied_seq=self.applied.get((held.run_id, held.attempt), 0),
            )
            for held in hello.held
        )
        return Welcome(
            lease=timedelta(seconds=5), beat_interval=timedelta(seconds=1), epoch=1, verdicts=verdicts
        )

    def _apply(self, frame: WorkDelta | Finished, outgoing: asyncio.Queue[FlowMessage | None]) -> None:
        key = frame.run_id, frame.attempt
        if frame.seq <= self.applied.get(key, 0):
            return
        assert frame.seq == self.applied.get(key, 0) + 1, f"a hole before {frame}"
        self.applied[key] = frame.seq
        if isinstance(frame, Finished):
            self.ends[key] = frame
        else:
            for change in frame.changes:
                apply(self.vars, change)
        if self.acknowledging:
            outgoing.put_nowait(Ack(run_id=frame.run_id, attempt=frame.attempt, seq=frame.seq))

    # What tests do

    def say(self, *messages: FlowMessage) -> None:
        for message in messages:
            self._outgoing.put_nowait(message)

    def hang_up(self) -> None:
        """Ends the stream."""
        self._outgoing.put_nowait(None)

    def start(
        self, work: str, *args: Value, run_id: str = "run", attempt: int = 1, **kwargs: Any
    ) -> StartRun:
        self.vars = deepcopy(kwargs.pop("vars", self.vars))
        request = StartRun(
            run_id=run_id,
            attempt=attempt,
            work=work,
            recipe=kwargs.pop("recipe", None),
            vars=deepcopy(self.vars),
            args=args,
            **kwargs,
        )
        self.say(request)
        return request

    async def until(self, condition: Callable[[], M | None]) -> M:
        """Waits until something is true of what was heard, and returns it."""
        async with asyncio.timeout(DEADLINE_SECONDS), self._news:
            await self._news.wait_for(lambda: self.fault is not None or condition())
        if self.fault is not None:
            raise self.fault
        result = condition()
        assert result is not None
        return result

    async def finished(self, run_id: str = "run", attempt: int = 1) -> Finished:
        return await self.until(lambda: self.end_of(run_id, attempt))

    def end_of(self, run_id: str, attempt: int = 1) -> Finished | None:
        return self.ends.get((run_id, attempt))

    def of(self, kind: type[M]) -> list[M]:
        return [message for message in self.heard if isinstance(message, kind)]

    def changes(self) -> list[Change]:
        return [change for delta in self.of(WorkDelta) for change in delta.changes]

    def records(self) -> list[LogRecord]:
        return [record for batch in self.of(LogBatch) for record in batch.records]

    async def line(self, text: str) -> LogRecord:
        """Waits for a log record that contains the text."""
        return await self.until(lambda: next((r for r in self.records() if text in r.message), None))


@asynccontextmanager
async def flow_double(
    port: int = 0, credentials: grpc.ServerCredentials | None = None
) -> AsyncIterator[FlowDouble]:
    """Serves a double, with TLS if there are credentials."""
    flow = FlowDouble()
    server = aio.server(
        options=[
            ("grpc.so_reuseport", 0),
            ("grpc.http2.max_ping_strikes", 0),
            ("grpc.max_receive_message_length", 64 * 1024 * 1024),
        ]
    )
    add_WorkServiceServicer_to_server(flow, server)
    here = f"127.0.0.1:{port}"
    bound = server.add_secure_port(here, credentials) if credentials else server.add_insecure_port(here)
    flow.address = f"localhost:{bound}" if credentials else f"127.0.0.1:{bound}"
    await server.start()
    try:
        yield flow
    finally:
        flow.hang_up()
        await server.stop(0)
