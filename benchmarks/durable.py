"""Round trip of a command that changes a var, against a bare unary call and a bare commit."""

from __future__ import annotations

import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

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
    percentile,
)
from benchmarks.processes import command_bytes, echo_server, flow_service

CALLS = 100
ROW_BYTES = 100
"""About what a revision of one change takes."""


def measure(settings: Settings) -> Iterator[Result]:
    """Calls one after another, in turns with the two things that no durable command can do without."""
    times = over_lives(lambda: _life(settings), settings)
    yield _result(times, "plain", "durable command ÷ (bare echo + bare FULL commit)")
    yield _result(times, "named", "the same with a request id, whose answer is stored too")


def _life(settings: Settings) -> Blocks:
    with (
        flow_service("commanded", settings.directory) as service,
        echo_server(settings.directory) as echo,
        service.channel() as channel,
        echo.channel() as bare_channel,
        _bare_commits(settings.directory) as commit,
    ):
        call = service_call(service, channel, "CallCommand")
        plain = command_bytes("change")
        return alternate(
            {
                "echo": timed(echo_call(bare_channel, len(call(plain))), lambda: plain, CALLS),
                "commit": lambda: [commit() for _ in range(CALLS)],
                "plain": timed(call, lambda: plain, CALLS),
                "named": timed(call, lambda: command_bytes("change", request_id=new_request_id()), CALLS),
            },
            blocks=settings.choose(5, 2),
        )


def _result(times: Blocks, side: str, what: str) -> Result:
    floors = zip(times["echo"], times["commit"], strict=True)
    turns = zip(times[side], floors, strict=True)
    return Result(
        what=f"{what}, p50",
        value=statistics.median(
            percentile(block, 50) / (percentile(echo, 50) + percentile(commit, 50))
            for block, (echo, commit) in turns
        ),
        unit="x",
        goal=at_most(1.2),
        detail=f"{microseconds(p50(times[side]))} ÷ ({microseconds(p50(times['echo']))} + "
        f"{microseconds(p50(times['commit']))})",
    )


@contextmanager
def _bare_commits(directory: Path) -> Iterator[Callable[[], float]]:
    """Yields what commits one row durably and tells how long that took."""
    with (
        tempfile.TemporaryDirectory(dir=directory) as scratch,
        closing(sqlite3.connect(Path(scratch, "bare.db"), isolation_level=None)) as connection,
    ):
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE journal (revision INTEGER PRIMARY KEY, record BLOB)")
        record = b"x" * ROW_BYTES

        def commit() -> float:
            begin = time.perf_counter()
            connection.execute("INSERT INTO journal (record) VALUES (?)", (record,))
            return time.perf_counter() - begin

        yield commit
