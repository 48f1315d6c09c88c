"""Handing a file over from one work to another, against `cp` of it."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from flowrpc_client import FlowClient

from benchmarks.harness import Block, Result, Settings, alternate, p50, ratio
from benchmarks.processes import flow_service

MEGABYTES = 100


def measure(settings: Settings) -> Iterator[Result]:
    """Hands a file over and copies one as large, in turns."""
    source = settings.directory / "source.bin"
    source.write_bytes(os.urandom(1024 * 1024) * MEGABYTES)
    with flow_service("handing", settings.directory) as service, service.client() as client:
        parts: list[tuple[float, float]] = []
        blocks = alternate(
            {
                "cp": lambda: _copy(source, durable=False),
                "cp, durable": lambda: _copy(source, durable=True),
                "flowrpc": lambda: _hand(client, parts),
            },
            blocks=settings.choose(8, 3),
        )
    published, fetched = ([part[side] for part in parts] for side in (0, 1))
    yield Result(
        what=f"{MEGABYTES} MB from one work to another ÷ cp, then fsync",
        value=ratio(blocks["flowrpc"], blocks["cp, durable"]),
        unit="x",
        detail=f"{p50(blocks['flowrpc']) * 1e3:.0f} ms ÷ {p50(blocks['cp, durable']) * 1e3:.0f} ms; "
        f"published in {p50([published]) * 1e3:.0f} ms, then there in {p50([fetched]) * 1e3:.0f} ms",
    )
    yield Result(
        what=f"{MEGABYTES} MB from one work to another ÷ cp",
        value=ratio(blocks["flowrpc"], blocks["cp"]),
        unit="x",
        detail=f"÷ {p50(blocks['cp']) * 1e3:.0f} ms; two durable copies with three digests, and two runs",
    )


def _copy(source: Path, *, durable: bool) -> Block:
    target = source.with_suffix(".copy")
    begin = time.perf_counter()
    subprocess.run(["cp", source, target], check=True)
    if durable:
        descriptor = os.open(target, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
    seconds = time.perf_counter() - begin
    target.unlink()
    return [seconds]


def _hand(client: FlowClient, parts: list[tuple[float, float]]) -> Block:
    """Has a file handed over; returns the seconds from its being written until the other work has it."""
    with client.replica() as replica:
        number = client.call("hand", megabytes=MEGABYTES)
        replica.wait_for(lambda state: state.vars("root")["handed"] == number, timeout=120.0)
        write, read = replica.vars("root.write"), replica.vars("root.read")
    parts.append((write["published"] - write["written"], read["began"] - write["published"]))  # type: ignore[operator]
    return [read["began"] - write["written"]]  # type: ignore[operator]
