"""Two hundred streams of server-sent events, as of browsers: how soon a revision is there, and what each costs."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import grpc

from benchmarks.harness import Result, Settings, at_least, at_most, percentile
from benchmarks.many_watchers import resident_bytes
from benchmarks.processes import FLOW, Service, command_bytes, flow_service

WATCHERS = 200
TIMEOUT_SECONDS = 120.0
_LINE_BYTES = 1 << 20


@dataclass(slots=True)
class _Stream:
    """One stream, and what came."""

    reader: asyncio.StreamReader
    numbers: list[int] = field(default_factory=list)
    lags: list[float] = field(default_factory=list)

    async def snapshot(self) -> None:
        """Reads until the first event is there."""
        while not (await self._line()).startswith(b"event: snapshot"):
            pass

    async def revision(self) -> None:
        """Reads the next revision; bookmarks and beats are not looked at."""
        while not (await self._line()).startswith(b"event: revision"):
            pass
        while not (line := await self._line()).startswith(b"data: "):
            pass
        received, told = time.time(), json.loads(line.removeprefix(b"data: "))
        self.numbers.append(told["number"])
        self.lags.append(received - datetime.fromisoformat(told["time"]).timestamp())

    async def _line(self) -> bytes:
        line = await self.reader.readline()
        if not line:
            raise RuntimeError("a stream ended")
        return line


def measure(settings: Settings) -> Iterator[Result]:
    """Opens the streams, then changes a var again and again, when all have the last change."""
    changes = settings.choose(100, 20)
    with flow_service("commanded", settings.directory) as service, service.client() as client:
        address = client.app().http_address.removeprefix("http://")
        streams, each_bytes = asyncio.run(_measure(service, address, changes))
    (first, *others) = [stream.numbers for stream in streams]
    whole = first == list(range(first[0], first[0] + changes))
    same = [numbers for numbers in others if numbers == first]
    lags = [lag for stream in streams for lag in stream.lags]
    yield Result(
        what=f"{WATCHERS} SSE watchers, of them with every revision, once and in order",
        value=len(same) + 1 if whole else 0,
        unit="",
        goal=at_least(WATCHERS),
        detail=f"{changes} revisions, each when all had the last one",
    )
    yield Result(
        what="revision sealed → an SSE watcher has it, p99",
        value=percentile(lags, 99),
        unit="s",
        goal=at_most(0.5),
        detail=f"p50 {percentile(lags, 50):.3f} s; all of them in one client process",
    )
    yield Result(
        what="memory of the service per SSE watcher",
        value=each_bytes / 1e3,
        unit="kB",
        goal=at_most(200.0),
        detail="one connection each",
    )


async def _measure(service: Service, address: str, changes: int) -> tuple[list[_Stream], float]:
    options = [("grpc.enable_http_proxy", 0)]
    async with asyncio.timeout(TIMEOUT_SECONDS), AsyncExitStack() as stack:
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(service.address, options=options))
        change: Any = channel.unary_unary(f"{FLOW}CallCommand")
        token = service.metadata[0][1]
        await stack.enter_async_context(_stream(address, token))  # it makes the app load what HTTP needs
        before = resident_bytes(service.pid)
        streams = [await stack.enter_async_context(_stream(address, token)) for _ in range(WATCHERS)]
        for _ in range(changes):
            await change(command_bytes("change"), timeout=TIMEOUT_SECONDS, metadata=service.metadata)
            await asyncio.gather(*[stream.revision() for stream in streams])
        return streams, (resident_bytes(service.pid) - before) / WATCHERS


@asynccontextmanager
async def _stream(address: str, token: str) -> Any:
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=_LINE_BYTES)
    asked = f"GET /api/v1/watch HTTP/1.1\r\nHost: {address}\r\nAuthorization: {token}\r\n\r\n"
    try:
        writer.write(asked.encode())
        stream = _Stream(reader)
        await stream.snapshot()
        yield stream
    finally:
        writer.close()
