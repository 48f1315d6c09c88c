"""Schemas of what HTTP says in every app: values, outcomes, errors, components and runs.

Their names have a dot, which no name of an app's own types has. A `$ref` is the name alone.
"""

from __future__ import annotations

from typing import Any

from flowrpc.state.exact_json import SAFE_INT
from flowrpc.state.extension import JSON_KEY

INT = "flowrpc.Int"
VALUE = "flowrpc.Value"
FAILURE = "flowrpc.Failure"
ERROR = "flowrpc.Error"
COMPONENT = "flowrpc.Component"
RECIPE = "flowrpc.Recipe"
RUN = "flowrpc.Run"

_TEXT = {"type": "string"}
_COUNT = {"type": "integer", "minimum": 0}
_MOMENT = {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]}


def an_object(description: str, optional: tuple[str, ...] = (), /, **properties: Any) -> dict[str, Any]:
    """Makes the schema of an object all of whose properties are there, but for some."""
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "required": [name for name in properties if name not in optional],
    }


REVISION = _COUNT | {"description": "The revision of the app that holds it."}

FIXED: dict[str, dict[str, Any]] = {
    INT: {
        "description": "An int of any size; one that not every reader of JSON keeps is written as text.",
        "anyOf": [
            {"type": "integer", "minimum": -SAFE_INT, "maximum": SAFE_INT},
            {
                "type": "object",
                "properties": {
                    JSON_KEY: {"const": "int"},
                    "value": {"type": "string", "pattern": "^-?[0-9]+$"},
                },
                "required": [JSON_KEY, "value"],
                "additionalProperties": False,
            },
        ],
    },
    VALUE: {
        "description": f"Any value. A reference says its type in `{JSON_KEY}`; such a key is written `${JSON_KEY}`.",
        "anyOf": [
            {"type": ["null", "boolean", "number", "string"]},
            {"type": "array", "items": {"$ref": VALUE}},
            {"type": "object", "properties": {JSON_KEY: False}, "additionalProperties": {"$ref": VALUE}},
            {
                "type": "object",
                "properties": {JSON_KEY: _TEXT, "value": {"$ref": VALUE}},
                "required": [JSON_KEY, "value"],
                "additionalProperties": False,
            },
        ],
    },
    FAILURE: an_object(
        "What user code raised, or what ended it.",
        reason=_TEXT,
        message=_TEXT,
        type=_TEXT,
        traceback=_TEXT,
        exit_code={"type": "integer"},
        signal={"type": "integer"},
    ),
    ERROR: an_object(
        "Why a request was refused; the reasons are those of gRPC.",
        detail=_TEXT,
        reason=_TEXT,
        metadata={"type": "object", "additionalProperties": _TEXT},
    ),
    RECIPE: an_object(
        "How to build a component again; null if the constructor of the one around it does.",
        type=_TEXT,
        args={"type": "array", "items": {"$ref": VALUE}},
        kwargs={"type": "object", "additionalProperties": {"$ref": VALUE}},
    ),
    COMPONENT: an_object(
        "A component that comes and goes, or has no types.",
        name=_TEXT,
        kind={"enum": ["flow", "work", "list", "dict"]},
        type=_TEXT,
        vars={"type": "object", "additionalProperties": {"$ref": VALUE}},
        recipe={"anyOf": [{"$ref": RECIPE}, {"type": "null"}]},
    ),
    RUN: an_object(
        "A run of a work.",
        run_id=_TEXT,
        work=_TEXT,
        call_key=_TEXT,
        args={"type": "array", "items": {"$ref": VALUE}},
        kwargs={"type": "object", "additionalProperties": {"$ref": VALUE}},
        status={"enum": ["pending", "running", "succeeded", "failed", "cancelled"]},
        attempt=_COUNT,
        failure={"anyOf": [{"$ref": FAILURE}, {"type": "null"}]},
        requested_at=_MOMENT,
        started_at=_MOMENT,
        ended_at=_MOMENT,
        agent_id=_TEXT,
        pending_reason=_TEXT,
    ),
}
