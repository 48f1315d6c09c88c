"""A read of a thousand vars, of which one changed since the last, against a fixed answer of the same size."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

from flowrpc.protocol.requests import GetState
from flowrpc.wire.requests import encode_get_state

from benchmarks.calls import echo_call, service_call, timed
from benchmarks.harness import Result, Settings, alternate, at_most, microseconds, p50, ratio
from benchmarks.processes import command_bytes, echo_server, flow_service

CALLS = 50


def measure(settings: Settings) -> Iterator[Result]:
    """Changes a var before each call, on both sides; only the call is timed."""
    with (
        flow_service("thousand_vars", settings.directory) as service,
        echo_server() as echo,
        service.channel() as channel,
        echo.channel() as bare_channel,
    ):
        read = service_call(service, channel, "GetState")
        request: bytes = encode_get_state(GetState(component="root")).SerializeToString()
        change = _changing(service_call(service, channel, "CallCommand"), request)
        size = len(read(request))
        times = alternate(
            {
                "bare": timed(echo_call(bare_channel, size), change, CALLS),
                "service": timed(read, change, CALLS),
            },
            blocks=settings.choose(12, 4),
        )
    yield Result(
        what="GetState of 1,000 vars, one changed ÷ a fixed answer, p50",
        value=ratio(times["service"], times["bare"]),
        unit="x",
        goal=at_most(1.4),
        detail=f"{microseconds(p50(times['service']))} ÷ {microseconds(p50(times['bare']))}, {size:,} bytes",
    )


def _changing(call: Callable[[bytes], bytes], request: bytes) -> Callable[[], bytes]:
    """Returns what changes another var and then gives the request."""
    numbers = itertools.count()

    def make() -> bytes:
        number = next(numbers)
        call(command_bytes("change", number=number, value=number + 1_000_000))
        return request

    return make
