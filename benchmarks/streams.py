"""Items of a command that streams, against unary calls of a command that does as much."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import grpc
from flowrpc.protocol.requests import StreamCommand
from flowrpc.wire.requests import encode_stream_command

from benchmarks.calls import TIMEOUT_SECONDS, service_call, timed
from benchmarks.harness import (
    Block,
    Blocks,
    Result,
    Settings,
    alternate,
    at_least,
    microseconds,
    over_lives,
    p50,
    ratio,
)
from benchmarks.processes import FLOW, Service, command_bytes, flow_service

CALLS = 200
ITEMS = 2_000
"""How many items a stream has: what it costs to open one is in the figure, and is little."""


def measure(settings: Settings) -> Iterator[Result]:
    """Streams of two thousand items, in turns with two hundred calls."""
    times = over_lives(lambda: _life(settings), settings)
    for what, item, call in (
        ("items that change a var ÷ such commands", "changes", "change"),
        ("items that only read ÷ such commands", "reads", "read"),
    ):
        yield Result(
            what=f"{what}, per second",
            value=ratio(times[call], times[item]),
            unit="x",
            goal=at_least(2.0),
            detail=f"{microseconds(p50(times[item]))} an item, {microseconds(p50(times[call]))} a command",
        )


def _life(settings: Settings) -> Blocks:
    with flow_service("commanded", settings.directory) as service, service.channel() as channel:
        call = service_call(service, channel, "CallCommand")
        return alternate(
            {
                "change": timed(call, lambda: command_bytes("change"), CALLS),
                "changes": partial(_stream, service, channel, "changes"),
                "read": timed(call, lambda: command_bytes("read"), CALLS),
                "reads": partial(_stream, service, channel, "reads"),
            },
            blocks=settings.choose(5, 2),
        )


def _stream(service: Service, channel: grpc.Channel, command: str) -> Block:
    """Reads a stream to its end; returns the seconds of an item."""
    request = encode_stream_command(StreamCommand(command=command, arguments={"count": ITEMS}))
    call: Any = channel.unary_stream(FLOW + "StreamCommand")
    begin = time.perf_counter()
    received = sum(
        1 for _ in call(request.SerializeToString(), timeout=TIMEOUT_SECONDS, metadata=service.metadata)
    )
    assert received == ITEMS
    return [(time.perf_counter() - begin) / ITEMS]
