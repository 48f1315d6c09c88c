"""Round trip of a command while the flow spins, against the same while it is idle."""

from __future__ import annotations

from collections.abc import Iterator

from flowrpc_client import FlowClient

from benchmarks.calls import service_call, timed
from benchmarks.harness import (
    Block,
    Blocks,
    Result,
    Settings,
    Side,
    alternate,
    at_most,
    microseconds,
    over_lives,
    p50,
    percentile,
    pooled,
    ratio,
)
from benchmarks.processes import command_bytes, flow_service

CALLS = 100


def measure(settings: Settings) -> Iterator[Result]:
    """Calls one after another; the flow spins in every other turn."""
    times = over_lives(lambda: _life(settings), settings)
    idle_p50, busy_p50 = p50(times["idle"]), p50(times["busy"])
    busy_p99 = percentile(pooled(times["busy"]), 99)
    yield Result(
        what="command while the flow spins ÷ while idle, p50",
        value=ratio(times["busy"], times["idle"]),
        unit="x",
        goal=at_most(2.5),
        detail=f"{microseconds(busy_p50)} ÷ {microseconds(idle_p50)}; it waits for a commit",
    )
    yield Result(
        what="the same, p99 while spinning ÷ p50 while idle",
        value=busy_p99 / idle_p50,
        unit="x",
        goal=at_most(10),
        detail=microseconds(busy_p99),
    )


def _life(settings: Settings) -> Blocks:
    with (
        flow_service("commanded", settings.directory) as service,
        service.client() as client,
        service.channel() as channel,
    ):
        call, request = service_call(service, channel, "CallCommand"), command_bytes("read")
        idle = timed(call, lambda: request, CALLS)
        return alternate({"idle": idle, "busy": _while_spinning(client, idle)}, settings.choose(8, 3))


def _while_spinning(client: FlowClient, side: Side) -> Side:
    def block() -> Block:
        client.call("spin", on=True)
        try:
            return side()
        finally:
            client.call("spin", on=False)

    return block
