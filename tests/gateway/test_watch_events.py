"""Server-sent events: what is sent, where a watch goes on, and what a slow reader costs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from flowrpc.errors import CallError
from flowrpc.flow_service import publisher as publishing
from flowrpc.flow_service.publisher import Publisher
from flowrpc.gateway import watch_api
from flowrpc.gateway.watch_api import encoded, resume_request, with_beats
from flowrpc.protocol.requests import WatchState
from flowrpc.state import Set
from flowrpc.state.records import ComponentKind, ComponentRecord, Delta, Revision
from flowrpc.state.replica import Replica

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def publisher() -> Publisher:
    root = ComponentRecord(name="root", kind=ComponentKind.FLOW, type="a:Root", vars={"number": 0})
    return Publisher(Replica(revision=1, components=[root]), journal_id="journal")


def publish(to: Publisher, count: int = 1) -> None:
    for _ in range(count):
        number = to.replica.revision + 1
        delta = Delta(component="root", changes=(Set(("number",), number),))
        to.publish(Revision(number=number, time=NOW, deltas=(delta,)), b"x" * 100)


def read(event: bytes) -> dict[str, Any]:
    lines = event.decode().rstrip("\n").split("\n")
    fields = dict(line.split(": ", 1) for line in lines)
    return fields | {"data": json.loads(fields["data"])}


def open_watch(of: Publisher, request: WatchState) -> AsyncIterator[bytes]:
    return with_beats(encoded(of.watch(request), of.journal_id))


async def take(events: AsyncIterator[bytes], count: int) -> list[dict[str, Any]]:
    return [read(await anext(events)) for _ in range(count)]


async def close(events: Any) -> None:
    await events.aclose()


def test_a_watch_begins_with_a_snapshot_and_goes_on() -> None:
    async def run() -> None:
        source = publisher()
        events = open_watch(source, WatchState())
        (snapshot,) = await take(events, 1)
        publish(source, 2)
        revisions = await take(events, 2)
        source.end("over", None)
        (end,) = await take(events, 1)
        assert (snapshot["event"], snapshot["id"]) == ("snapshot", "1@journal")
        assert snapshot["data"]["components"][0]["vars"] == {"number": 0}
        assert [(r["event"], r["id"]) for r in revisions] == [
            ("revision", "2@journal"),
            ("revision", "3@journal"),
        ]
        change = {"op": "set", "path": ["number"], "value": 3}
        assert revisions[1]["data"]["deltas"][0]["changes"] == [change]
        assert (end["event"], end["data"]["message"]) == ("end", "over")
        with pytest.raises(StopAsyncIteration):
            await anext(events)

    asyncio.run(run())


def test_a_slow_reader_gets_a_snapshot_of_what_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "KEPT_REVISIONS", 3)

    async def run() -> None:
        source = publisher()
        events = open_watch(source, WatchState())
        await take(events, 1)
        publish(source, 50)
        assert len(source._kept) == 3
        (late,) = await take(events, 1)
        assert (late["event"], late["id"]) == ("snapshot", "51@journal")
        await close(events)

    asyncio.run(run())


def test_only_the_last_part_of_a_snapshot_can_be_resumed_after(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "SNAPSHOT_PART_VARS", 2)

    async def run() -> None:
        names = {f"v{number}": number for number in range(5)}
        root = ComponentRecord(name="root", kind=ComponentKind.FLOW, type="a:Root", vars=dict(names))
        source = Publisher(Replica(revision=1, components=[root]), journal_id="journal")
        events = open_watch(source, WatchState())
        parts = await take(events, 3)
        assert ["id" in part for part in parts] == [False, False, True]
        assert [part["data"]["last"] for part in parts] == [False, False, True]
        await close(events)

    asyncio.run(run())


def test_a_watch_that_has_nothing_to_say_says_that_it_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_api, "BEAT_SECONDS", 0.001)

    async def run() -> None:
        source = publisher()
        events = open_watch(source, WatchState())
        await take(events, 1)
        assert await anext(events) == b": alive\n\n"
        assert await anext(events) == b": alive\n\n"
        publish(source)
        event = await anext(events)
        while event == b": alive\n\n":
            event = await anext(events)
        assert read(event)["id"] == "2@journal", "waiting lost nothing"
        await close(events)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("event_id", "event", "reason"),
    [
        ("9@journal", "revision", None),
        ("5@journal", "snapshot", "too_old"),
        ("9@before", "snapshot", "other_journal"),
        ("99@journal", "snapshot", "ahead"),
        ("", "snapshot", "asked"),
    ],
)
def test_where_it_cannot_go_on_it_says_why(
    event_id: str, event: str, reason: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "KEPT_REVISIONS", 3)

    async def run() -> None:
        source = publisher()
        publish(source, 9)
        events = open_watch(source, resume_request(WatchState(), event_id, "journal"))
        (first,) = await take(events, 1)
        assert (first["event"], first["id"]) == (event, "10@journal")
        assert first["data"].get("reason") == reason
        publish(source)
        (second,) = await take(events, 1)
        assert (second["event"], second["id"]) == ("revision", "11@journal")
        await close(events)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("kept", "after", "numbers"), [(3, 7, [8, 9, 10]), (3, 6, []), (1, 9, [10]), (1, 8, [])]
)
def test_it_goes_on_after_exactly_what_is_kept(
    kept: int, after: int, numbers: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "KEPT_REVISIONS", kept)

    async def run() -> None:
        source = publisher()
        publish(source, 9)
        source.end("over", None)
        events = open_watch(source, resume_request(WatchState(), f"{after}@journal", "journal"))
        found = [read(event) async for event in events]
        assert [e["data"]["number"] for e in found if e["event"] == "revision"] == numbers
        assert [e["event"] for e in found][-1] == "end"
        assert ("snapshot" in [e["event"] for e in found]) is not bool(numbers)

    asyncio.run(run())


def test_a_bookmark_is_an_event_to_go_on_after() -> None:
    async def run() -> None:
        source = publisher()
        events = open_watch(source, WatchState())
        await take(events, 1)
        publish(source)
        await take(events, 1)
        source._bookmarks_due()
        (bookmark,) = await take(events, 1)
        assert (bookmark["event"], bookmark["id"]) == ("bookmark", "2@journal")
        assert bookmark["data"]["state_hash"] == source.state_hash()
        await close(events)

    asyncio.run(run())


def test_who_leaves_leaves_nothing_behind() -> None:
    closed: list[bool] = []

    async def source() -> AsyncGenerator[list[bytes], None]:
        try:
            yield [b"one"]
            await asyncio.Event().wait()
        finally:
            closed.append(True)

    async def run() -> None:
        events = with_beats(source())
        assert await anext(events) == b"one"
        waiting = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await close(events)
        assert closed == [True]
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(run())


@pytest.mark.parametrize(
    ("event_id", "after", "journal"),
    [("", None, ""), ("57@other", 57, "other"), ("57", 57, "mine"), ("0@mine", 0, "mine")],
)
def test_a_watch_goes_on_after_an_event(event_id: str, after: int | None, journal: str) -> None:
    request = resume_request(WatchState(component="root.a"), event_id, "mine")

    assert (request.component, request.after_revision, request.journal_id) == ("root.a", after, journal)


@pytest.mark.parametrize("event_id", ["x", "-1", "5@", "5 @mine", "9" * 40, "5@a b"])
def test_what_is_no_id_of_an_event_is_refused(event_id: str) -> None:
    with pytest.raises(CallError, match="is no id of an event"):
        resume_request(WatchState(), event_id, "mine")
