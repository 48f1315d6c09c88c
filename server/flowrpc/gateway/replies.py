"""Answers of the gateway: JSON, and errors as JSON with a status."""

from __future__ import annotations

import json
import logging
import secrets
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from flowrpc.component.failures import failure_of
from flowrpc.errors import CallError
from flowrpc.state.exact_json import to_json

logger = logging.getLogger(__name__)

REFUSALS = "flowrpc.refusals"
"""Where the guard puts what counts refusals into a request's scope."""

STATUS = {
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "UNKNOWN_COMPONENT": 404,
    "UNKNOWN_COMMAND": 404,
    "UNKNOWN_RUN": 404,
    "INVALID_VALUE": 422,
    "INVALID_ARGUMENTS": 422,
    "INVALID_CHANGE": 422,
    "INVALID_REQUEST": 422,
    "INVALID_REQUEST_ID": 422,
    "REVISION_CONFLICT": 409,
    "REQUEST_ID_REUSED": 409,
    "RUN_ENDED": 409,
    "WRONG_METHOD": 409,
    "OVERLOADED": 429,
    "STOPPING": 503,
    "READ_ONLY": 507,
    "DEADLINE_EXCEEDED": 504,
}
"""Of each reason its HTTP status; of one that is missing here it is 500."""


class Json(Response):
    """Is JSON whose ints no reader changes, see `state.exact_json`."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Writes it."""
        return json_bytes(content)


def json_bytes(content: Any) -> bytes:
    """Writes JSON, as small as it can be."""
    return json.dumps(
        to_json(content, safe_ints=True), ensure_ascii=False, allow_nan=False, separators=(",", ":")
    ).encode()


class Refusal(Json):
    """Is the answer of a refused request, and has it counted by what the scope holds as `REFUSALS`."""

    def __init__(self, error: CallError) -> None:
        headers = {"www-authenticate": "Bearer"} if error.reason == "UNAUTHENTICATED" else None
        super().__init__(refusal_content(error), STATUS.get(error.reason, 500), headers)
        self._reason = error.reason

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends it."""
        scope[REFUSALS].count(self._reason)
        await super().__call__(scope, receive, send)


def refusal_content(error: CallError) -> dict[str, Any]:
    """Tells an error."""
    return {"detail": error.message, "reason": error.reason, "metadata": error.metadata}


def fault(what: str, error: BaseException) -> Refusal:
    """Logs what user code or ours raised, and makes the answer: nothing but where to find it in the log."""
    error_id = secrets.token_hex(8)
    logger.error("error %s: %s raised\n%s", error_id, what, failure_of(error).traceback.rstrip())
    message = f"the app met an error; look for {error_id} in its log"
    return Refusal(CallError("INTERNAL", message, error_id=error_id))
