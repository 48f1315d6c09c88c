"""The app's log: kept records, followers, slow readers, what the flow's code prints."""

from __future__ import annotations

import asyncio
import io
import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from flowrpc.flow_service import logs as logging_room
from flowrpc.flow_service.logs import MAX_TEXT, HubHandler, LogHub, OwnLane, Tee
from flowrpc.protocol.messages import LogRecord, LogSource
from flowrpc.protocol.requests import StreamLogs


def record(message: str, component: str = "root.work", level: int = 20) -> LogRecord:
    return LogRecord(time=datetime(2026, 1, 1, tzinfo=UTC), message=message, component=component, level=level)


async def read(hub: LogHub, request: StreamLogs) -> list[tuple[str, int]]:
    return [(found.message, dropped) async for found, dropped in hub.read(request)]


def test_kept_records_are_read_by_component_level_and_number() -> None:
    async def scenario() -> None:
        hub = LogHub()
        hub.add(
            [record("a"), record("b", "root.worker"), record("c", level=40), record("d", "root.work.sub")]
        )

        assert await read(hub, StreamLogs()) == [("a", 0), ("b", 0), ("c", 0), ("d", 0)]
        assert await read(hub, StreamLogs(component="root.work")) == [("a", 0), ("c", 0), ("d", 0)]
        assert await read(hub, StreamLogs(minimum_level=30)) == [("c", 0)]
        assert await read(hub, StreamLogs(tail=1)) == [("d", 0)]

    asyncio.run(scenario())


def test_a_follower_gets_new_records_until_the_app_ends() -> None:
    async def scenario() -> None:
        hub = LogHub()
        hub.add([record("before")])
        reading = asyncio.ensure_future(read(hub, StreamLogs(follow=True)))
        await asyncio.sleep(0)
        hub.add([record("after")])
        hub.end()

        assert await asyncio.wait_for(reading, 60) == [("before", 0), ("after", 0)]

    asyncio.run(scenario())


def test_a_slow_reader_loses_the_oldest_and_is_told_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging_room, "READER_RECORDS", 3)

    async def scenario() -> None:
        hub = LogHub()
        reader = hub.read(StreamLogs(follow=True))
        first = asyncio.ensure_future(anext(reader))
        await asyncio.sleep(0)
        hub.add([record("0")])
        await first
        hub.add([record(str(number)) for number in range(1, 10)])
        hub.end()

        rest = [(found.message, dropped) async for found, dropped in reader]
        assert rest == [("7", 6), ("8", 0), ("9", 0)]

    asyncio.run(scenario())


def test_records_of_agents_are_shown_on_the_terminal_and_our_own_are_not() -> None:
    shown: list[str] = []
    hub = LogHub(lambda record: shown.append(record.message))

    hub.add([record("work")])
    hub.add_own(record("own"))

    assert shown == ["work"]


def test_what_the_engines_thread_prints_is_sent_line_by_line() -> None:
    sent: list[LogRecord] = []
    stream = io.StringIO()
    tee = Tee(stream, LogSource.STDOUT, sent.append, "engine")

    def user_code() -> None:
        tee.write("one\ntw")
        tee.write("o\n")

    thread = threading.Thread(target=user_code, name="engine")
    thread.start()
    thread.join()
    tee.write("not user code\n")

    assert [found.message for found in sent] == ["one", "two"]
    assert (sent[0].component, sent[0].source) == ("root", LogSource.STDOUT)
    assert stream.getvalue() == "one\ntwo\nnot user code\n"


def test_long_records_are_cut_and_broken_ones_are_not_ours() -> None:
    sent: list[LogRecord] = []
    handler = HubHandler(sent.append)
    logger = logging.getLogger("mine")
    logger.addHandler(handler)
    try:
        logger.warning("x" * (MAX_TEXT + 5))
    finally:
        logger.removeHandler(handler)

    assert len(sent[0].message) == MAX_TEXT
    assert sent[0].message.endswith("…")
    assert (sent[0].level, sent[0].logger) == (30, "mine")


def test_kept_records_are_bounded_in_characters_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging_room, "KEPT_CHARACTERS", 10)
    hub = LogHub()
    hub.add(record(text) for text in ("12345", "67890", "abc"))

    assert asyncio.run(read(hub, StreamLogs())) == [("67890", 0), ("abc", 0)]


def test_records_of_this_process_that_come_too_fast_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging_room, "OWN_RECORDS", 2)
    hub = LogHub()
    scheduled: list[Callable[[], None]] = []
    lane = OwnLane(hub, scheduled.append)
    for text in "abcd":
        lane.submit(record(text))
    assert len(scheduled) == 1, "the other thread is woken once"
    scheduled.pop()()
    lane.submit(record("e"))
    scheduled.pop()()

    found = [message for message, _ in asyncio.run(read(hub, StreamLogs()))]
    missing = "2 log records are missing here: they came faster than they could be sent"
    assert found == ["a", "b", missing, "e"]
