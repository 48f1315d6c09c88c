"""Commands per second of fifty callers at once, against bare calls."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeAlias

import grpc

from benchmarks.echo_server import UNARY
from benchmarks.harness import Blocks, Result, Settings, at_least, figure, over_lives, p50, ratio
from benchmarks.processes import FLOW, Echo, Service, command_bytes, echo_server, flow_service

CALLERS = 50
CALLS_EACH = 20
TIMEOUT_SECONDS = 60.0

Call: TypeAlias = Callable[[], Awaitable[bytes]]


def measure(settings: Settings) -> Iterator[Result]:
    """Lets fifty tasks of one client call one after another each."""
    rates = over_lives(lambda: _life(settings), settings)
    for what in ("read", "change"):
        yield Result(
            what=f"{CALLERS} callers: commands/s ({what}) ÷ bare echo/s",
            value=ratio(rates[what], rates["bare"]),
            unit="x",
            goal=at_least(0.8),
            detail=f"{figure(p50(rates[what]))}/s ÷ {figure(p50(rates['bare']))}/s",
        )


def _life(settings: Settings) -> Blocks:
    with flow_service("commanded", settings.directory) as service, echo_server(settings.directory) as echo:
        return asyncio.run(_rates(service, echo, blocks=settings.choose(4, 2)))


async def _rates(service: Service, echo: Echo, *, blocks: int) -> Blocks:
    async with (
        grpc.aio.insecure_channel(service.address) as channel,
        grpc.aio.insecure_channel(echo.address) as bare_channel,
    ):
        command: Any = channel.unary_unary(f"{FLOW}CallCommand")
        requests = {what: command_bytes(what) for what in ("read", "change")}
        reply = await command(requests["read"], metadata=service.metadata)
        bare: Any = bare_channel.unary_unary(f"{UNARY}{len(reply)}")
        sides: dict[str, Call] = {
            "bare": lambda: bare(requests["read"], timeout=TIMEOUT_SECONDS),
            **{what: _command(command, service, request) for what, request in requests.items()},
        }
        return await _alternate(sides, blocks)


def _command(command: Any, service: Service, request: bytes) -> Call:
    return lambda: command(request, timeout=TIMEOUT_SECONDS, metadata=service.metadata)


async def _alternate(sides: dict[str, Call], blocks: int) -> Blocks:
    """Does what `harness.alternate` does, in one event loop."""
    measured: Blocks = {name: [] for name in sides}
    for turn in range(blocks + 1):
        for name in sides if turn % 2 else reversed(sides):
            rate = await _rate(sides[name])
            if turn:
                measured[name].append([rate])
    return measured


async def _rate(call: Call) -> float:
    async def caller() -> None:
        for _ in range(CALLS_EACH):
            await call()

    begin = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    return CALLERS * CALLS_EACH / (time.perf_counter() - begin)
