"""Facts as JSON: the records that clients read, in the shape that their classes have."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Any

from flowrpc.protocol.answers import ParameterInfo
from flowrpc.state import Change, Remove, Set, Splice
from flowrpc.state.records import ComponentRecord


def fact_json(fact: Any) -> Any:
    """Makes of a record what JSON has: members of an Enum are their values, times are ISO 8601.

    Values of the user stay as they are; `replies.Json` writes them.
    """
    for kinds, write in _WRITERS:
        if isinstance(fact, kinds):
            return write(fact)
    if is_dataclass(fact) and not isinstance(fact, type):
        return {field.name: fact_json(getattr(fact, field.name)) for field in fields(fact)}
    return fact


def component_json(record: ComponentRecord) -> dict[str, Any]:
    """Makes JSON of a component; its vars are the live ones."""
    return {
        "name": record.name,
        "kind": record.kind.value,
        "type": record.type,
        "vars": record.vars,
        "recipe": fact_json(record.recipe),
    }


def parameter_json(info: ParameterInfo) -> dict[str, Any]:
    """Makes JSON of a parameter of a command."""
    return {
        "name": info.name,
        "annotation": info.annotation,
        "required": info.required,
        "default_value": info.default,
    }


def change_json(change: Change) -> dict[str, Any]:
    """Makes JSON of a change of vars."""
    if isinstance(change, Set):
        return {"op": "set", "path": list(change.path), "value": change.value}
    if isinstance(change, Remove):
        return {"op": "remove", "path": list(change.path)}
    return {
        "op": "splice",
        "path": list(change.path),
        "start": change.start,
        "delete_count": change.delete_count,
        "insert": change.insert,
    }


_WRITERS: tuple[tuple[Any, Callable[[Any], Any]], ...] = (
    (ComponentRecord, component_json),
    (ParameterInfo, parameter_json),
    ((Set, Remove, Splice), change_json),
    (enum.Enum, lambda member: member.value),
    (datetime, datetime.isoformat),
    ((tuple, frozenset), lambda items: [fact_json(item) for item in items]),
)
