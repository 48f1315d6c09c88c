"""Round trip of a command that changes nothing, against a bare unary call."""

from __future__ import annotations

from collections.abc import Iterator

from flowrpc_client.request_id import new_request_id

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

CALLS = 200


def measure(settings: Settings) -> Iterator[Result]:
    """Calls one after another, in turns of two hundred."""
    times = over_lives(lambda: _life(settings), settings)
    for what, over, under in (
        ("read-only command ÷ bare echo", "plain", "bare"),
        ("read-only command with a request id ÷ bare echo", "named", "bare named"),
    ):
        yield Result(
            what=f"{what}, p50",
            value=ratio(times[over], times[under]),
            unit="x",
            goal=at_most(1.2),
            detail=f"{microseconds(p50(times[over]))} ÷ {microseconds(p50(times[under]))}",
        )


def _life(settings: Settings) -> Blocks:
    with (
        flow_service("commanded", settings.directory) as service,
        echo_server(settings.directory) as echo,
        service.channel() as channel,
        echo.channel() as bare_channel,
    ):
        call = service_call(service, channel, "CallCommand")
        plain = command_bytes("read")
        bare = echo_call(bare_channel, len(call(plain)))
        return alternate(
            {
                "bare": timed(bare, lambda: plain, CALLS),
                "plain": timed(call, lambda: plain, CALLS),
                "bare named": timed(bare, _named, CALLS),
                "named": timed(call, _named, CALLS),
            },
            blocks=settings.choose(5, 2),
        )


def _named() -> bytes:
    return command_bytes("read", request_id=new_request_id())
