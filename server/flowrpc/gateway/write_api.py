"""Changes from outside over HTTP: vars of a component, and runs that are cancelled."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any

from fastapi import FastAPI, Header, Query, Request
from starlette.responses import Response

from flowrpc.errors import CallError, InvalidValueError
from flowrpc.flow_service.door import Door
from flowrpc.flow_service.events import CancelRequested, UpdateRequested
from flowrpc.gateway.command_api import read_object
from flowrpc.gateway.facts import fact_json
from flowrpc.gateway.replies import Json
from flowrpc.protocol.requests import UpdateState
from flowrpc.state.changes import Set
from flowrpc.state.exact_json import from_json
from flowrpc.state.values import Value
from flowrpc.wire.requests import GRACE, MAX_GRACE, encode_update_state, request_digest

_BODY = {
    "content": {
        "application/json": {
            "schema": {"type": "object", "properties": {"vars": {"type": "object"}}, "required": ["vars"]},
            "example": {"vars": {"count": 3}},
        }
    }
}


def add_write_api(app: FastAPI, door: Door) -> None:
    """Adds it to an application."""

    @app.patch(
        "/api/v1/state",
        tags=["state"],
        summary="Sets vars of one component, whole or not at all; answers when they are durable.",
        openapi_extra={"requestBody": _BODY},
    )
    async def update_state(
        request: Request,
        component: str = "root",
        expected_revision: Annotated[int | None, Query(ge=0)] = None,
        idempotency_key: Annotated[str, Header()] = "",
    ) -> Response:
        values = read_vars(await request.body())
        update = UpdateState(
            component=component,
            changes=tuple(Set((name,), value) for name, value in values.items()),
            expected_revision=expected_revision,
            request_id=idempotency_key.strip('"'),
        )
        return Json(fact_json(await door.waiting.ask(_event_of(update))))

    @app.post("/api/v1/runs/{run_id}/cancel", tags=["works"], summary="Cancels a run that has not ended.")
    async def cancel_run(
        run_id: str,
        grace_seconds: Annotated[float, Query(ge=0, le=MAX_GRACE.total_seconds())] = GRACE.total_seconds(),
    ) -> Response:
        grace = timedelta(seconds=grace_seconds)
        revision = await door.waiting.ask(
            lambda call_id: CancelRequested(call_id=call_id, run_id=run_id, grace=grace)
        )
        return Json({"revision": revision})


def read_vars(body: bytes) -> dict[str, Value]:
    """Reads what vars are to be set to: `{"vars": {"count": 3}}`.

    Raises:
        CallError: It is something else, or holds what is no value.
    """
    hint = 'send what to set: {"vars": {"count": 3}}'
    content = read_object(body, hint)
    wanted = content.get("vars")
    if content.keys() != {"vars"} or not isinstance(wanted, dict) or not wanted:
        raise CallError("INVALID_REQUEST", f"the body has no vars, or more than that; {hint}", field="body")
    try:
        return {name: from_json(value, name) for name, value in wanted.items()}
    except InvalidValueError as error:
        raise CallError("INVALID_VALUE", str(error), place=error.place, problem=error.problem) from None


def _event_of(update: UpdateState) -> Callable[[int], UpdateRequested]:
    facts: dict[str, Any] = {}
    if update.request_id:
        facts = {"request_id": update.request_id, "digest": request_digest(encode_update_state(update))}

    def event(call_id: int) -> UpdateRequested:
        return UpdateRequested(
            call_id=call_id,
            component=update.component,
            changes=update.changes,
            expected_revision=update.expected_revision,
            **facts,
        )

    return event
