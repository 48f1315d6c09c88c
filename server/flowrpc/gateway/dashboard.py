"""The dashboard: a page of static files at `/`, and the stream that it lives on.

The page is open to everybody and says nothing of the app: all that it shows and does, it asks for with the cookie of
the browser that it is in, so a visitor does what the visitor's role covers.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from starlette.responses import FileResponse, PlainTextResponse, Response, StreamingResponse

from flowrpc.errors import CallError
from flowrpc.flow_service.door import Door
from flowrpc.flow_service.security import ROLES
from flowrpc.gateway.dashboard_feed import Changed, events_of
from flowrpc.gateway.facts import fact_json
from flowrpc.gateway.figures import CommandTimes, Rates
from flowrpc.gateway.guard import ROLE
from flowrpc.gateway.replies import json_bytes
from flowrpc.gateway.static_files import Folder
from flowrpc.protocol.requests import WatchState
from flowrpc.state.exact_json import to_json

DASHBOARD = "/api/v1/dashboard"
FEED_PATH = f"{DASHBOARD}/feed"
FILES_PATH = f"{DASHBOARD}/files"
MAX_FEEDS = 100
"""How many dashboards may be open; the next one is refused and tries again."""
PAUSE_SECONDS = 0.2
"""How long a dashboard is told nothing after it was told something."""
FIGURES_SECONDS = 1.0
"""How often it is told figures."""

_FILES = Path(__file__).with_name("dashboard_files")
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-src 'self' http: https:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)


def add_dashboard(app: FastAPI, door: Door) -> None:
    """Adds it to an application."""
    times = CommandTimes(door.waiting)
    feeds: set[object] = set()

    @app.get("/", include_in_schema=False)
    async def page() -> Response:
        return FileResponse(_FILES / "index.html", headers={"content-security-policy": _POLICY})

    @app.get(FEED_PATH, include_in_schema=False)
    async def feed(request: Request) -> Response:
        if len(feeds) >= MAX_FEEDS:
            message = f"{MAX_FEEDS} dashboards are open already; close some or try again"
            raise CallError("OVERLOADED", message, queue="dashboards", limit=str(MAX_FEEDS))
        role = request.scope.get(ROLE) or "read"
        hello = {"app": fact_json(door.info()), "role": role, "may_call": "call" in ROLES[role]}
        return StreamingResponse(_counted(_feed(door, times, hello), feeds), media_type="text/event-stream")

    @app.get(f"{DASHBOARD}/value", include_in_schema=False)
    async def value(component: str, var: str) -> Response:
        door.publisher.check_component(component)
        vars_ = door.publisher.replica.components[component].vars
        if var not in vars_:
            raise CallError("INVALID_REQUEST", f"{component} has no var {var[:100]!r}", field="var")
        # Text, not JSON that a script reads: in a page, 1.0 would become 1 and 2**53 + 1 another number.
        return PlainTextResponse(json.dumps(to_json(vars_[var]), ensure_ascii=False, indent=2))

    app.mount(FILES_PATH, Folder(_FILES))


async def _counted(events: AsyncGenerator[bytes, None], feeds: set[object]) -> AsyncGenerator[bytes, None]:
    mark = object()
    feeds.add(mark)
    try:
        async for event in events:
            yield event
    finally:
        feeds.discard(mark)
        await events.aclose()


async def _feed(door: Door, times: CommandTimes, hello: dict[str, Any]) -> AsyncGenerator[bytes, None]:
    publisher = door.publisher
    mine = times.begin()
    rates = Rates(door.passes, lambda: publisher.replica.revision, time.monotonic())
    try:
        yield _event("hello", hello)
        with publisher.follow(WatchState()) as watch:
            due = time.monotonic() + FIGURES_SECONDS
            while not watch.over:
                if time.monotonic() >= due:
                    due = time.monotonic() + FIGURES_SECONDS
                    yield _event("figures", _figures(door, rates.since_last(time.monotonic(), mine)))
                changed = Changed()
                if changed.take(watch):
                    for content in events_of(changed, publisher):
                        yield _event("state", content)
                        await asyncio.sleep(0)  # others come between two parts
                    await asyncio.sleep(PAUSE_SECONDS)
                else:  # at once: what comes between a look and a wait would wake nobody
                    await _wait(watch, due - time.monotonic())
    finally:
        times.end(mine)


async def _wait(watch: Any, seconds: float) -> None:
    """Waits until the watch has something, so long at most."""
    try:
        async with asyncio.timeout(seconds):
            await watch.wait()
    except TimeoutError:
        return


def _figures(door: Door, rates: dict[str, Any]) -> dict[str, Any]:
    info = door.info()
    return rates | {
        "revision": door.publisher.replica.revision,
        "status": fact_json(info.status),
        "ready": info.ready,
        "unready": list(info.unready),
        "read_only": info.read_only,
    }


def _event(kind: str, content: Any) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (kind.encode(), json_bytes(content))
