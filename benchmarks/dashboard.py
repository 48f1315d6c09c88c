"""Round trip of a command while a dashboard is open, against the same while none is."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from flowrpc.protocol.run_directory import read_token

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

CALLS = 400
_READER = """
import sys, urllib.request
request = urllib.request.Request(sys.argv[1] + "/api/v1/dashboard/feed", headers={"Authorization": sys.argv[2]})
with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as stream:
    for line in stream:
        if line.startswith(b"event: figures"):
            print(flush=True)
"""
"""Reads the stream of a dashboard, and says so: in a process of its own, as a browser is."""


def measure(settings: Settings) -> Iterator[Result]:
    """Calls one after another, in turns of four hundred."""
    times = over_lives(lambda: _life(settings), settings)
    for what, command in (
        ("command that only reads", "read"),
        ("command that changes state, durable", "change"),
    ):
        with_it, without = times[f"{command} watched"], times[command]
        yield Result(
            what=f"{what}, 1 dashboard ÷ none, p50",
            value=ratio(with_it, without),
            unit="x",
            goal=at_most(1.1),
            detail=f"{microseconds(p50(with_it))} ÷ {microseconds(p50(without))}",
        )
        over, under = percentile(pooled(with_it), 99), percentile(pooled(without), 99)
        yield Result(
            what=f"{what}, the same, p99",
            value=over / under,
            unit="x",
            detail=f"{microseconds(over)} ÷ {microseconds(under)}",
        )


def _life(settings: Settings) -> Blocks:
    with (
        flow_service("commanded", settings.directory) as service,
        service.channel() as channel,
        service.client() as client,
    ):
        address = client.app().http_address
        token = f"Bearer {read_token(service.token_file)}"
        call = service_call(service, channel, "CallCommand")
        sides: dict[str, Side] = {}
        for command in ("read", "change"):
            request = command_bytes(command)
            sides[command] = timed(call, lambda request=request: request, CALLS)  # type: ignore[misc]
            sides[f"{command} watched"] = _watched(sides[command], address, token)
        return alternate(sides, blocks=settings.choose(5, 2))


def _watched(side: Side, address: str, token: str) -> Side:
    """Makes a side that is the same with a dashboard open; opening it is not timed."""

    def block() -> Block:
        with _dashboard(address, token):
            return side()

    return block


@contextmanager
def _dashboard(address: str, token: str) -> Iterator[None]:
    reader = subprocess.Popen([sys.executable, "-c", _READER, address, token], stdout=subprocess.PIPE)
    try:
        assert reader.stdout is not None
        if not reader.stdout.readline():
            raise RuntimeError("the dashboard's stream ended")
        yield
    finally:
        reader.kill()
        reader.wait()
        if reader.stdout is not None:
            reader.stdout.close()
