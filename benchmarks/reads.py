"""A read of a thousand vars, of which one changed since the last, against a fixed answer of the same size."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

from flowrpc.protocol.requests import GetState
from flowrpc.wire.requests import encode_get_state

from benchmarks.calls import echo_call, service_call, timed
from benchmarks.harness import (
    Blocks,
    Result,
    Settings,
    alternate,
    at_most,
    microseconds,
    over_lives,
    p50,
    ratio,
)
from benchmarks.processes import command_bytes, echo_server, flow_service

CALLS = 50


def measure(settings: Settings) -> Iterator[Result]:
    """Changes a var before each call, on both sides; only the call is timed."""
    times = over_lives(lambda: _life(settings), settings)
    yield Result(
        what="GetState of 1,000 vars, one changed ÷ a fixed answer, p50",
        value=ratio(times["service"], times["bare"]),
        unit="x",
        goal=at_most(1.4),
        detail=f"{microseconds(p50(times['service']))} ÷ {microseconds(p50(times['bare']))}, about 16 kB",
    )


def _life(settings: Settings) -> Blocks:
    with (
        flow_service("thousand_vars", settings.directory) as service,
        echo_server(settings.directory) as echo,
        service.channel() as channel,
        echo.channel() as bare_channel,
    ):
        read = service_call(service, channel, "GetState")
        request: bytes = encode_get_state(GetState(component="root")).SerializeToString()
        change = _changing(service_call(service, channel, "CallCommand"), request)
        return alternate(
            {
                "bare": timed(echo_call(bare_channel, len(read(request))), change, CALLS),
                "service": timed(read, change, CALLS),
            },
            blocks=settings.choose(4, 2),
        )


def _changing(call: Callable[[bytes], bytes], request: bytes) -> Callable[[], bytes]:
    """Returns what changes another var and then gives the request."""
    numbers = itertools.count()

    def make() -> bytes:
        number = next(numbers)
        call(command_bytes("change", number=number, value=number + 1_000_000))
        return request

    return make
