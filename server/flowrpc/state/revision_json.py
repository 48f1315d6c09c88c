"""Revisions and runs as JSON, with values in the exact notation of `exact_json`: for people and for programs."""

from __future__ import annotations

import dataclasses
import enum
from datetime import datetime
from typing import Any

from flowrpc.state.changes import Change, Remove, Set, Splice
from flowrpc.state.exact_json import to_json
from flowrpc.state.export import plain_component
from flowrpc.state.records import AppStatus, Delta, Failure, Revision, Run, RunRecord
from flowrpc.state.replica import Replica


def plain_revision(revision: Revision) -> dict[str, Any]:
    """Makes of a revision what `json.dumps` writes; what it does not have is left out."""
    return _without_gaps(
        {
            "revision": revision.number,
            "time": revision.time.isoformat(),
            "deltas": [_plain_delta(delta) for delta in revision.deltas],
            "runs": [plain_run(run) for run in revision.runs],
            "forgotten_runs": list(revision.forgotten_runs),
            "app": revision.app and plain_app(revision.app),
        }
    )


def plain_state(replica: Replica) -> dict[str, Any]:
    """Makes of the state at one revision what `json.dumps` writes; runs are not in it."""
    return _without_gaps(
        {
            "snapshot": replica.revision,
            "components": [plain_component(record) for record in replica.components.values()],
            "app": replica.app and plain_app(replica.app),
        }
    )


def plain_run(run: Run) -> dict[str, Any]:
    """Makes of a run what `json.dumps` writes."""
    return _without_gaps({field.name: _plain(getattr(run, field.name)) for field in dataclasses.fields(run)})


def plain_run_record(record: RunRecord) -> dict[str, Any]:
    """Makes of a run, as the flow service keeps it, what `json.dumps` writes."""
    kept = {
        field.name: _plain(getattr(record, field.name))
        for field in dataclasses.fields(record)
        if field.name not in ("run", "forgotten")
    }
    return _without_gaps(
        {"run": plain_run(record.run), **kept, "forgotten": dataclasses.asdict(record.forgotten)}
    )


def plain_app(app: AppStatus) -> dict[str, Any]:
    """Makes of the app's status what `json.dumps` writes."""
    return _without_gaps({"stage": app.stage.value, "message": app.message, "failure": _plain(app.failure)})


def _plain_delta(delta: Delta) -> dict[str, Any]:
    return _without_gaps(
        {
            "component": delta.component,
            "attached": delta.attached and plain_component(delta.attached),
            "changes": [_plain_change(change) for change in delta.changes],
            "detached": delta.detached,
        }
    )


def _plain_change(change: Change) -> dict[str, Any]:
    path = list(change.path)
    match change:
        case Set():
            return {"set": path, "value": to_json(change.value)}
        case Remove():
            return {"remove": path}
        case Splice():
            insert = [to_json(item) for item in change.insert]
            return {"splice": path, "start": change.start, "delete": change.delete_count, "insert": insert}


def _plain(value: Any) -> Any:
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Failure):
        return _without_gaps(
            {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
        )
    return to_json(value)


def _without_gaps(plain: dict[str, Any]) -> dict[str, Any]:
    """Leaves out what is empty: absent is the same."""
    return {key: value for key, value in plain.items() if value not in (None, "", [], {}, 0) or value is True}
