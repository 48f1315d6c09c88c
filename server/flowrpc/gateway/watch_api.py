"""Watches as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html).

The `id` of an event is `REVISION@JOURNAL`: a browser that lost its connection sends it back as `Last-Event-ID`, and the
watch goes on there, or begins with a snapshot if that is too long ago or of another journal.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace
from typing import Annotated, Any

from fastapi import FastAPI, Header, Query
from starlette.responses import Response, StreamingResponse

from flowrpc.errors import CallError
from flowrpc.flow_service.door import Door
from flowrpc.flow_service.publisher import Published
from flowrpc.gateway.facts import fact_json
from flowrpc.gateway.replies import json_bytes
from flowrpc.protocol.answers import Bookmark, StateSnapshot, WatchEnd
from flowrpc.protocol.requests import WatchState

WATCH_PATH = "/api/v1/watch"
BEAT_SECONDS = 15.0
"""How often a stream that has nothing to say says that it lives; proxies end silent ones."""
MAX_STREAMS = 1_000
"""How many streams may be open; the next one is refused and may be asked for later."""

_EVENT_ID = re.compile(r"(\d{1,18})(?:@(\S+))?")

Updates = AsyncIterator[list[StateSnapshot] | Published | Bookmark | WatchEnd]


def add_watch_api(app: FastAPI, door: Door) -> None:
    """Adds it to an application."""
    open_streams: set[object] = set()

    @app.get(
        WATCH_PATH,
        tags=["state"],
        summary="Follows the state: events snapshot, revision, bookmark and end, as they come.",
    )
    async def watch(
        component: str = "root",
        after_revision: Annotated[int | None, Query(ge=0, lt=2**63)] = None,
        journal_id: str = "",
        last_event_id: Annotated[str, Header()] = "",
    ) -> Response:
        if len(open_streams) >= MAX_STREAMS:
            message = f"{MAX_STREAMS:,} streams are open already; close some or try again"
            raise CallError("OVERLOADED", message, queue="streams", limit=str(MAX_STREAMS))
        asked = WatchState(component=component, after_revision=after_revision, journal_id=journal_id)
        request = resume_request(asked, last_event_id, door.publisher.journal_id)
        if request.after_revision is None:
            door.publisher.check_component(component)
        events = with_beats(encoded(door.publisher.watch(request), door.publisher.journal_id))
        return StreamingResponse(_counted(events, open_streams), media_type="text/event-stream")


def resume_request(asked: WatchState, event_id: str, journal_id: str) -> WatchState:
    """Makes the request that goes on after an event, or where it was asked to if there was none yet.

    The id of an event without its journal is taken for one of this app's.

    Raises:
        CallError: It is no id of an event, or a revision without its journal.
    """
    if not event_id:
        if asked.after_revision is not None and not asked.journal_id:
            raise CallError(
                "INVALID_REQUEST",
                "journal_id: is empty; send the journal that `after_revision` is of",
                field="journal_id",
            )
        return asked
    found = _EVENT_ID.fullmatch(event_id)
    if found is None:
        raise CallError(
            "INVALID_REQUEST",
            f"{event_id[:100]!r} is no id of an event; send one back as it came, or none for a snapshot",
            field="Last-Event-ID",
        )
    revision, journal = found.groups()
    return replace(asked, after_revision=int(revision), journal_id=journal or journal_id)


async def encoded(updates: Updates, journal_id: str) -> AsyncGenerator[list[bytes], None]:
    """Makes events of updates, at once: a snapshot holds live vars."""
    async for update in updates:
        if isinstance(update, Published):
            content = fact_json(update.revision)
            yield [_event("revision", content, f"{update.revision.number}@{journal_id}")]
        elif isinstance(update, Bookmark):
            yield [_event("bookmark", fact_json(update), f"{update.revision}@{journal_id}")]
        elif isinstance(update, WatchEnd):
            yield [_event("end", fact_json(update), f"{update.revision}@{journal_id}")]
        else:
            yield [_snapshot_event(part) for part in update]


async def with_beats(events: AsyncGenerator[list[bytes], None]) -> AsyncIterator[bytes]:
    """Passes events on, and a comment whenever there was none for a while."""
    coming: asyncio.Future[list[bytes]] | None = None
    try:
        while True:
            coming = coming or asyncio.ensure_future(_next(events))
            done, _ = await asyncio.wait([coming], timeout=BEAT_SECONDS)
            if not done:
                yield b": alive\n\n"
                continue
            chunks, coming = coming.result(), None
            if not chunks:
                return
            for chunk in chunks:
                yield chunk
    finally:
        if coming is not None:
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)
        await events.aclose()


async def _next(events: AsyncGenerator[list[bytes], None]) -> list[bytes]:
    return await anext(events, [])


async def _counted(events: AsyncIterator[bytes], open_streams: set[object]) -> AsyncIterator[bytes]:
    mark = object()
    open_streams.add(mark)
    try:
        async for event in events:
            yield event
    finally:
        open_streams.discard(mark)
        await events.aclose()  # type: ignore[attr-defined]  # a generator; its cleanup must not wait for the collector


def _snapshot_event(part: StateSnapshot) -> bytes:
    # Only the last part has an id: who lost the connection before it has no state to go on from.
    return _event("snapshot", fact_json(part), f"{part.revision}@{part.journal_id}" if part.last else "")


def _event(kind: str, content: Any, event_id: str) -> bytes:
    head = f"event: {kind}\n" + (f"id: {event_id}\n" if event_id else "")
    return head.encode() + b"data: " + json_bytes(content) + b"\n\n"
