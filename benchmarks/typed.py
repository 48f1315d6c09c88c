"""A command of the app's own contract, against the same one by the generic method."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.calls import service_call, timed
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
from benchmarks.processes import command_bytes, flow_service

CALLS = 200
SERVICE = "/commanded.v1.RootService/"
READ = b""
"""A `ReadRequest`: the command takes nothing."""
ADD = b"\x08\x03\x12\x05hello\x19\x00\x00\x00\x00\x00\x00\xf8\x3f"
"""An `AddRequest` of 3, hello and 1.5."""


def measure(settings: Settings) -> Iterator[Result]:
    """Calls one after another, in turns of two hundred."""
    times = over_lives(lambda: _life(settings), settings)
    for what, typed, generic in (
        ("typed command without arguments ÷ CallCommand", "typed", "generic"),
        ("typed command with three arguments ÷ CallCommand", "typed with", "generic with"),
    ):
        yield Result(
            what=f"{what}, p50",
            value=ratio(times[typed], times[generic]),
            unit="x",
            goal=at_most(1.15),
            detail=f"{microseconds(p50(times[typed]))} ÷ {microseconds(p50(times[generic]))}",
        )


def _life(settings: Settings) -> Blocks:
    with flow_service("commanded", settings.directory) as service, service.channel() as channel:
        generic = service_call(service, channel, "CallCommand")
        plain, named = command_bytes("read"), command_bytes("add", number=3, text="hello", share=1.5)
        typed_read = service_call(service, channel, SERVICE + "Read")
        typed_add = service_call(service, channel, SERVICE + "Add")
        return alternate(
            {
                "generic": timed(generic, lambda: plain, CALLS),
                "typed": timed(typed_read, lambda: READ, CALLS),
                "generic with": timed(generic, lambda: named, CALLS),
                "typed with": timed(typed_add, lambda: ADD, CALLS),
            },
            blocks=settings.choose(5, 2),
        )
