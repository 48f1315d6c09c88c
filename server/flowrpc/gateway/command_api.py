"""Commands over HTTP: the ones that `FlowService.CallCommand` calls, with arguments as JSON."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Annotated, Any

from fastapi import FastAPI, Header, Query, Request
from starlette.responses import Response

from flowrpc.errors import CallError, InvalidValueError
from flowrpc.flow_service.door import Door
from flowrpc.flow_service.events import CommandCalled, CommandsListed
from flowrpc.flow_service.list_page import cut_page
from flowrpc.gateway.command_streams import MEDIA_TYPE, CommandStream
from flowrpc.gateway.facts import fact_json
from flowrpc.gateway.replies import Json
from flowrpc.gateway.state_api import PageSize
from flowrpc.protocol.requests import CallCommand
from flowrpc.state import Value
from flowrpc.state.exact_json import from_json
from flowrpc.wire.requests import PAGE_SIZE, encode_call_command, request_digest

MAX_SECONDS = 600.0
"""How long a caller may wait at most."""

_BODY = {"content": {"application/json": {"schema": {"type": "object"}, "example": {"name": "ann"}}}}


def add_command_api(app: FastAPI, door: Door) -> None:
    """Adds it to an application."""

    @app.get("/api/v1/commands", tags=["commands"], summary="Lists the commands.")
    async def list_commands(page_size: PageSize = PAGE_SIZE, page_token: str = "") -> Response:
        listed = await door.waiting.ask(lambda call_id: CommandsListed(call_id=call_id))
        commands, token = cut_page(listed, page_size, page_token)
        return Json({"commands": fact_json(commands), "next_page_token": token})

    @app.post(
        "/api/v1/commands/{command}",
        tags=["commands"],
        summary="Calls a command and answers when what it did is durable; one that streams, with a line for each item.",
        openapi_extra={"requestBody": _BODY},
        responses={200: {"content": {MEDIA_TYPE: {"schema": {"type": "object"}}}}},
    )
    async def call_command(
        request: Request,
        command: str,
        idempotency_key: Annotated[str, Header()] = "",
        timeout_seconds: Annotated[float, Query(gt=0, le=MAX_SECONDS)] = 30,
    ) -> Response:
        arguments = read_arguments(await request.body())
        call = CallCommand(command=command, arguments=arguments, request_id=idempotency_key.strip('"'))
        try:
            outcome = await _in_time(door, call, timeout_seconds)
        except CallError as error:
            if error.reason != "WRONG_METHOD":
                raise
            return _streamed(door, call, timeout_seconds)
        return Json(fact_json(outcome), 200 if outcome.failure is None else 500)


def read_arguments(body: bytes) -> dict[str, Value]:
    """Reads the arguments of a command: a JSON object, or nothing.

    Raises:
        CallError: It is something else, or holds what is no value.
    """
    content = read_object(body, 'send the arguments by name: {"name": …}') if body.strip() else {}
    try:
        return {name: from_json(value, f"arguments.{name}") for name, value in content.items()}
    except InvalidValueError as error:
        raise CallError("INVALID_VALUE", str(error), place=error.place, problem=error.problem) from None


def read_object(body: bytes, hint: str) -> dict[str, Any]:
    """Reads a JSON object; the hint tells what is wanted.

    Raises:
        CallError: It is something else.
    """
    content = _read_json(body)
    if not isinstance(content, dict):
        raise _invalid_body(f"is no JSON object; {hint}")
    return content


def _read_json(body: bytes) -> Any:
    try:
        return json.loads(body, parse_constant=_refuse_constant)
    except RecursionError:
        raise _invalid_body("nests too deep") from None
    except ValueError as error:
        raise _invalid_body(f"is no JSON: {error}") from None


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not in JSON")


def _invalid_body(problem: str) -> CallError:
    return CallError("INVALID_REQUEST", f"the body {problem}", field="body")


def _streamed(door: Door, call: CallCommand, seconds: float) -> Response:
    if call.request_id:
        raise CallError(
            "INVALID_REQUEST",
            f"{call.command} streams, and what a stream sent is not kept: send it without an Idempotency-Key",
            field="Idempotency-Key",
        )
    return CommandStream(door, call.command, call.arguments, seconds)


async def _in_time(door: Door, call: CallCommand, seconds: float) -> Any:
    facts: dict[str, Any] = {}
    if call.request_id:
        facts = {"request_id": call.request_id, "digest": request_digest(encode_call_command(call))}

    def event(call_id: int) -> CommandCalled:
        return CommandCalled(
            call_id=call_id,
            command=call.command,
            arguments=call.arguments,
            deadline=time.monotonic() + seconds,
            **facts,
        )

    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            return await door.waiting.ask(event)
    except TimeoutError:
        if not limit.expired():
            raise
        message = (
            f"{call.command} was not answered within {seconds:g} s; ask again with the same Idempotency-Key"
        )
        raise CallError("DEADLINE_EXCEEDED", message) from None
