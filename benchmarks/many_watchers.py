"""Ten thousand watchers: how soon all of them have a revision, and what each costs."""

from __future__ import annotations

import asyncio
import resource
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from flowrpc.protocol.requests import WatchState
from flowrpc.state.records import Revision
from flowrpc.v1 import flow_service_pb2
from flowrpc.wire.requests import encode_watch_state
from flowrpc.wire.watch import decode_watch_update

from benchmarks.harness import Result, Settings, at_most, percentile
from benchmarks.processes import FLOW, Service, command_bytes, flow_service

CHANNELS = 20
BEGINNING = 200
"""How many watches are begun at a time."""
TIMEOUT_SECONDS = 300.0


@dataclass(slots=True)
class _Audience:
    """When each watcher received what was sent last."""

    size: int
    times: list[float] = field(default_factory=list)
    newest: bytes = b""
    done: asyncio.Event = field(default_factory=asyncio.Event)

    def expect(self) -> None:
        self.times.clear()
        self.done.clear()

    def take(self, message: bytes) -> None:
        if message[0] != _REVISION:
            return  # a bookmark
        self.times.append(time.time())
        if len(self.times) == self.size:
            self.newest = message
            self.done.set()


_REVISION = flow_service_pb2.WatchStateResponse.REVISION_FIELD_NUMBER << 3 | 2


def measure(settings: Settings) -> Iterator[Result]:
    """Opens the watches, then changes a var again and again, when all have the last change."""
    watchers = settings.choose(10_000, 1_000)
    _allow_files()
    with flow_service("commanded", settings.directory) as service:
        lags, each_bytes, after_bytes = asyncio.run(_measure(service, watchers, settings.choose(10, 5)))
    yield Result(
        what=f"{watchers:,} watchers, revision sealed → a watcher has it, p99",
        value=percentile(lags, 99),
        unit="s",
        goal=at_most(1.0),
        detail=f"p50 {percentile(lags, 50):.2f} s; all of them in one client process",
    )
    yield Result(
        what="memory of the service per watcher",
        value=each_bytes / 1e3,
        unit="kB",
        goal=at_most(40.0),
        detail=f"{after_bytes / 1e6:,.0f} MB above the start when all had left",
    )


async def _measure(service: Service, watchers: int, changes: int) -> tuple[list[float], float, float]:
    async with AsyncExitStack() as stack:
        channels = [
            await stack.enter_async_context(
                # Without a setting of their own they would share one connection.
                grpc.aio.insecure_channel(service.address, options=[("grpc.use_local_subchannel_pool", 1)])
            )
            for _ in range(CHANNELS)
        ]
        change: Any = channels[0].unary_unary(f"{FLOW}CallCommand")
        lags: list[float] = []
        before = resident_bytes(service.pid)
        async with _watching(channels, service, watchers) as audience:
            for _ in range(changes):
                audience.expect()
                await change(command_bytes("change"), timeout=TIMEOUT_SECONDS, metadata=service.metadata)
                await asyncio.wait_for(audience.done.wait(), TIMEOUT_SECONDS)
                update = decode_watch_update(flow_service_pb2.WatchStateResponse.FromString(audience.newest))
                assert isinstance(update, Revision)
                lags += [received - update.time.timestamp() for received in audience.times]
            during = resident_bytes(service.pid)
        await change(command_bytes("change"), timeout=TIMEOUT_SECONDS, metadata=service.metadata)
    return lags, (during - before) / watchers, resident_bytes(service.pid) - before


@asynccontextmanager
async def _watching(
    channels: list[grpc.aio.Channel], service: Service, watchers: int
) -> AsyncIterator[_Audience]:
    """Opens the watches and waits until each has its snapshot."""
    audience, ready = _Audience(watchers), asyncio.Semaphore(0)
    beginning = asyncio.Semaphore(BEGINNING)
    request = encode_watch_state(WatchState()).SerializeToString()

    async def follow(channel: grpc.aio.Channel) -> None:
        watch: Any = channel.unary_stream(f"{FLOW}WatchState")
        async with beginning:
            call = watch(request, metadata=service.metadata)
            await call.read()
        ready.release()
        try:
            while isinstance(message := await call.read(), bytes):  # otherwise the watch has ended
                audience.take(message)
        finally:
            call.cancel()

    tasks = [asyncio.create_task(follow(channels[number % CHANNELS])) for number in range(watchers)]
    try:
        for _ in tasks:
            await asyncio.wait_for(ready.acquire(), TIMEOUT_SECONDS)
        yield audience
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def resident_bytes(pid: int) -> int:
    """Reads how much memory a process has; `/proc/PID/statm`, proc(5)."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()


def _allow_files() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
