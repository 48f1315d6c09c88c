"""Facts as JSON values: what `--json` prints of them."""

from __future__ import annotations

import dataclasses
import enum
from datetime import datetime
from typing import Any

from flowrpc.protocol.answers import Bookmark, StateSnapshot, WatchEnd, WatchUpdate
from flowrpc.state.changes import Change, Remove, Set
from flowrpc.state.records import Delta


def as_plain(fact: Any) -> Any:
    """Makes JSON values of facts: objects of dataclasses, names of enum members, ISO times."""
    if isinstance(fact, Delta):
        return _plain_delta(fact)
    if dataclasses.is_dataclass(fact):
        return {field.name: as_plain(getattr(fact, field.name)) for field in dataclasses.fields(fact)}
    if isinstance(fact, list | tuple):
        return [as_plain(item) for item in fact]
    if isinstance(fact, dict):
        return {key: as_plain(value) for key, value in fact.items()}
    return _plain_scalar(fact)


def plain_update(update: WatchUpdate) -> dict[str, Any]:
    """Makes one line of a watch; `update` tells what it is: a snapshot, a revision, a bookmark or the end."""
    facts: dict[str, Any] = as_plain(update)
    if isinstance(update, StateSnapshot):
        del facts["first"], facts["last"]
        return {"update": "snapshot"} | facts
    if isinstance(update, WatchEnd):
        return {"update": "end"} | facts
    if isinstance(update, Bookmark):
        return {"update": "bookmark"} | facts
    return {"update": "revision", "revision": facts.pop("number")} | facts


def _plain_scalar(fact: Any) -> Any:
    if isinstance(fact, enum.Enum):
        return fact.value
    return fact.isoformat() if isinstance(fact, datetime) else fact


def _plain_delta(delta: Delta) -> dict[str, Any]:
    return {
        "component": delta.component,
        "attached": as_plain(delta.attached),
        "changes": [_plain_change(change) for change in delta.changes],
        "detached": delta.detached,
    }


def _plain_change(change: Change) -> dict[str, Any]:
    path = list(change.path)
    if isinstance(change, Set):
        return {"set": path, "value": change.value}
    if isinstance(change, Remove):
        return {"remove": path}
    start, delete_count, insert = change.start, change.delete_count, change.insert
    return {"splice": path, "start": start, "delete_count": delete_count, "insert": insert}
