"""Logs in batches, as pages read them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from flowrpc.flow_service.logs import BATCH_RECORDS, KEPT_RECORDS, LogHub
from flowrpc.protocol.messages import LogRecord
from flowrpc.protocol.requests import StreamLogs


def record(number: int, level: int = 20) -> LogRecord:
    return LogRecord(time=datetime(2026, 1, 1, tzinfo=UTC), message=str(number), level=level)


async def read(hub: LogHub, request: StreamLogs) -> tuple[list[str], int]:
    """Reads to the end; returns the messages, and how many were dropped."""
    messages, missing = [], 0
    async for records, dropped in hub.read_batches(request, 0.0):
        assert len(records) <= BATCH_RECORDS
        messages += [one.message for one in records]
        missing += dropped
    return messages, missing


def test_a_burst_of_all_that_is_kept_reaches_a_reader_whole() -> None:
    async def run() -> tuple[list[str], int]:
        hub = LogHub()
        hub.add([record(0)])
        reading = asyncio.create_task(read(hub, StreamLogs(follow=True)))
        await asyncio.sleep(0)
        hub.add(record(number) for number in range(1, KEPT_RECORDS))
        hub.end()
        return await reading

    messages, missing = asyncio.run(run())
    assert messages == [str(number) for number in range(KEPT_RECORDS)]
    assert missing == 0


def test_what_is_kept_no_more_is_counted() -> None:
    async def run() -> tuple[list[str], int]:
        hub = LogHub()
        reading = asyncio.create_task(read(hub, StreamLogs(follow=True, minimum_level=40)))
        await asyncio.sleep(0)
        hub.add(record(number) for number in range(KEPT_RECORDS + 7))
        hub.end()
        return await reading

    assert asyncio.run(run()) == ([], 7)


def test_a_reader_begins_with_the_tail_of_what_it_wants() -> None:
    async def run() -> tuple[list[str], int]:
        hub = LogHub()
        hub.add(record(number, level=40 if number % 2 else 20) for number in range(10))
        return await read(hub, StreamLogs(minimum_level=30, tail=2))

    assert asyncio.run(run()) == (["7", "9"], 0)
