"""A hundred watchers: how many revisions per second reach them, and how soon the last one has one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import grpc
from flowrpc.protocol.requests import WatchState
from flowrpc.state.records import Revision
from flowrpc.v1 import flow_service_pb2
from flowrpc.wire.requests import encode_watch_state
from flowrpc.wire.watch import decode_watch_update

from benchmarks.echo_server import STREAM
from benchmarks.harness import Result, Settings, at_least, at_most, percentile
from benchmarks.processes import FLOW, Echo, Service, command_bytes, echo_server, flow_service

WATCHERS = 100
TIMEOUT_SECONDS = 60.0
_REVISION = flow_service_pb2.WatchStateResponse.REVISION_FIELD_NUMBER << 3 | 2
"""The first byte of a message that is a revision."""

Call: TypeAlias = Callable[[], Awaitable[bytes]]


@dataclass(slots=True)
class _Audience:
    """What the watchers have received: of all but the first message, how many came and the newest."""

    wanted: int = 0
    received: int = 0
    newest: bytes = b""
    done: asyncio.Event = field(default_factory=asyncio.Event)

    def expect(self, messages: int) -> None:
        self.received, self.wanted = 0, messages * WATCHERS
        self.done.clear()

    def take(self, message: bytes) -> None:
        if message[0] != _REVISION:
            return  # a bookmark
        self.received += 1
        if self.received == self.wanted:
            self.newest = message
            self.done.set()


def measure(settings: Settings) -> Iterator[Result]:
    """Changes a var again and again: as fast as the watchers follow, then once at a time."""
    changes = settings.choose(400, 100)
    with flow_service("commanded", settings.directory) as service, echo_server(settings.directory) as echo:
        rate, bare, lags = asyncio.run(_measure(service, echo, changes))
    yield Result(
        what=f"{WATCHERS} watchers, revisions delivered",
        value=rate,
        unit="/s",
        goal=at_least(40_000),
        detail="all watchers in one client process, which may be what limits it",
    )
    yield Result(
        what="the same ÷ bare streams to as many readers",
        value=rate / bare,
        unit="x",
        detail=f"bare {bare:,.0f}/s",
    )
    yield Result(
        what="revision sealed → last watcher has it, p50",
        value=percentile(lags, 50) * 1e3,
        unit="ms",
        goal=at_most(5.0),
        detail=f"one change at a time; p99 {percentile(lags, 99) * 1e3:.1f} ms",
    )


async def _measure(service: Service, echo: Echo, changes: int) -> tuple[float, float, list[float]]:
    async with (
        grpc.aio.insecure_channel(service.address) as channel,
        grpc.aio.insecure_channel(echo.address) as bare_channel,
        _watching(channel, service) as audience,
    ):
        call = _change(channel, service)
        bare, rates = [], []
        for _ in range(3):
            rates.append(await _rate(audience, call, changes))
            bare.append(await _bare_rate(bare_channel, len(audience.newest), changes))
        lags = [await _lag(audience, call) for _ in range(min(changes, 100))]
    return percentile(rates, 50), percentile(bare, 50), lags


@asynccontextmanager
async def _watching(channel: grpc.aio.Channel, service: Service) -> AsyncIterator[_Audience]:
    """Opens the watches and waits until each has its snapshot."""
    audience, ready = _Audience(), asyncio.Semaphore(0)
    watch: Any = channel.unary_stream(f"{FLOW}WatchState")
    request = encode_watch_state(WatchState(component="root", after_revision=None)).SerializeToString()

    async def follow() -> None:
        call = watch(request, metadata=service.metadata)
        try:
            await call.read()
            ready.release()
            while isinstance(message := await call.read(), bytes):  # otherwise the watch has ended
                audience.take(message)
        finally:
            call.cancel()

    tasks = [asyncio.create_task(follow()) for _ in range(WATCHERS)]
    try:
        for _ in tasks:
            await asyncio.wait_for(ready.acquire(), TIMEOUT_SECONDS)
        yield audience
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _change(channel: grpc.aio.Channel, service: Service) -> Call:
    command: Any = channel.unary_unary(f"{FLOW}CallCommand")
    request = command_bytes("change")
    return lambda: command(request, timeout=TIMEOUT_SECONDS, metadata=service.metadata)


async def _rate(audience: _Audience, call: Call, changes: int) -> float:
    """Makes revisions one after another as fast as it goes, and tells deliveries per second."""
    audience.expect(changes)
    begin = time.perf_counter()
    for _ in range(changes):
        await call()
    await asyncio.wait_for(audience.done.wait(), TIMEOUT_SECONDS)
    return changes * WATCHERS / (time.perf_counter() - begin)


async def _bare_rate(channel: grpc.aio.Channel, size: int, messages: int) -> float:
    stream: Any = channel.unary_stream(f"{STREAM}{size}")

    async def follow() -> None:
        async for _ in stream(b"%d" % messages, timeout=TIMEOUT_SECONDS):
            pass

    begin = time.perf_counter()
    await asyncio.gather(*(follow() for _ in range(WATCHERS)))
    return messages * WATCHERS / (time.perf_counter() - begin)


async def _lag(audience: _Audience, call: Call) -> float:
    """Makes one revision, and tells how long after its sealing the last watcher had it."""
    audience.expect(1)
    answer = call()
    await asyncio.wait_for(audience.done.wait(), TIMEOUT_SECONDS)
    received = time.time()
    await answer
    update = decode_watch_update(flow_service_pb2.WatchStateResponse.FromString(audience.newest))
    assert isinstance(update, Revision)
    return received - update.time.timestamp()
