"""The app's log as server-sent events, in batches."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Annotated, Any

from fastapi import FastAPI, Query
from starlette.responses import Response, StreamingResponse

from flowrpc.flow_service.door import Door
from flowrpc.flow_service.logs import KEPT_RECORDS
from flowrpc.gateway.facts import fact_json
from flowrpc.gateway.replies import json_bytes
from flowrpc.gateway.watch_api import with_beats
from flowrpc.protocol.messages import LogRecord
from flowrpc.protocol.requests import StreamLogs

LOGS_PATH = "/api/v1/logs"
PAUSE_SECONDS = 0.2
"""How long records are collected for a batch."""


def add_logs_api(app: FastAPI, door: Door) -> None:
    """Adds it to an application."""

    @app.get(LOGS_PATH, tags=["app"], summary="Sends log records, recent ones first: events of many each.")
    async def stream_logs(
        component: str = "",
        minimum_level: Annotated[int, Query(ge=0, le=100)] = 0,
        tail: Annotated[int, Query(ge=1, le=KEPT_RECORDS)] = 100,
        follow: bool = True,
    ) -> Response:
        if component and not door.logs.knows(component):
            door.publisher.check_component(component)
        wanted = StreamLogs(component=component, minimum_level=minimum_level, tail=tail, follow=follow)
        return StreamingResponse(with_beats(_encoded(door, wanted)), media_type="text/event-stream")


async def _encoded(door: Door, wanted: StreamLogs) -> AsyncGenerator[list[bytes], None]:
    batches = door.logs.read_batches(wanted, PAUSE_SECONDS)
    try:
        async for records, dropped in batches:
            content = {"records": list(map(record_json, records)), "dropped": dropped}
            yield [b"event: logs\ndata: " + json_bytes(content) + b"\n\n"]
    finally:
        await batches.aclose()  # type: ignore[attr-defined]  # a generator; its reader must not wait for the collector


def record_json(record: LogRecord) -> dict[str, Any]:
    """Makes JSON of a record."""
    return {
        "time": fact_json(record.time),
        "level": record.level,
        "component": record.component,
        "run_id": record.run_id,
        "logger": record.logger,
        "source": fact_json(record.source),
        "message": record.message,
    }
