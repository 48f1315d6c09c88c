"""Results: from the objects that Python code returns to plain values, the inverse of what arguments go through."""

from __future__ import annotations

import dataclasses
import enum
from operator import is_
from typing import Any

from flowrpc.component.conversion.notations import WRITERS
from flowrpc.state import MAX_DEPTH, SCALARS, Extension, TrackedDict, TrackedList


def plain(value: Any, depth: int = 0) -> Any:
    """Makes a plain value of what a command returned, or of a default.

    Dataclasses and models become dicts, tuples lists, members of an Enum their values, and what has a notation (a
    datetime, a UUID …) text. What is none of these stays as it is, for `copy_value` to refuse at its place, and so
    does what sits `depth` containers deep, deeper than values may.
    """
    kind = type(value)
    if kind in SCALARS or kind is TrackedList or kind is TrackedDict or depth > MAX_DEPTH:
        return value  # what is tracked is plain
    if isinstance(value, enum.Enum):
        return _plain_member(value, depth)
    if isinstance(value, list | tuple):
        return _plain_items(value, depth)
    if isinstance(value, dict):
        return _plain_dict(value, depth)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return {field.name: plain(getattr(value, field.name), depth + 1) for field in fields}
    return _plain_object(value)


def _plain_items(value: list[Any] | tuple[Any, ...], depth: int) -> Any:
    if SCALARS.issuperset(map(type, value)):
        return value if isinstance(value, list) else [*value]
    items = [plain(item, depth + 1) for item in value]
    # What holds itself must go on doing so: it is refused for that.
    return value if isinstance(value, list) and all(map(is_, items, value)) else items


def _plain_dict(value: dict[Any, Any], depth: int) -> Any:
    if SCALARS.issuperset(map(type, value.values())):
        return value
    parts = {key: plain(part, depth + 1) for key, part in value.items()}
    return value if all(map(is_, parts.values(), value.values())) else parts


def _plain_member(member: enum.Enum, depth: int) -> Any:
    value = plain(member.value, depth + 1)
    # Where the value cannot travel, the name can: arguments take both.
    return value if value is None or isinstance(value, int | float | str | list | dict) else member.name


def _plain_object(value: Any) -> Any:
    if isinstance(value, Extension):
        return value
    dump = None if isinstance(value, type) else getattr(value, "model_dump", None)
    if callable(dump):
        # What pydantic takes by alias it sends by alias; other classes that dump themselves know of none.
        return dump(mode="json", by_alias=True) if hasattr(type(value), "model_fields") else dump(mode="json")
    return next((write(value) for kind, write in WRITERS if isinstance(value, kind)), value)
