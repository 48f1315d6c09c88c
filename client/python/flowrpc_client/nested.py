"""The nested state: `{"vars", "calls", "flows", "works", "structures", "changes"}`, made from a snapshot.

The wire has flat components; people and programs that know `flow.state` read this shape.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from flowrpc.protocol.answers import StateSnapshot
from flowrpc.state.flow_calls import flow_calls
from flowrpc.state.records import ComponentKind, ComponentRecord, Run, RunStatus
from flowrpc.state.values import Value

_BRANCHES = {
    ComponentKind.FLOW: "flows",
    ComponentKind.WORK: "works",
    ComponentKind.LIST: "structures",
    ComponentKind.DICT: "structures",
}


def nested_state(snapshot: StateSnapshot) -> dict[str, Any]:
    """Builds the nested state of the snapshot's first component, the one that was asked for."""
    return nest(snapshot.components, snapshot.runs)


def nest(components: Iterable[ComponentRecord], runs: Iterable[Run]) -> dict[str, Any]:
    """Builds the nested state of the first component from it, what is below it, and the runs of the works."""
    runs_of: dict[str, list[Run]] = defaultdict(list)
    for run in runs:
        runs_of[run.work].append(run)
    built: dict[str, dict[str, Any]] = {}
    for record in components:
        node = built[record.name] = _node(record, runs_of[record.name])
        parent, _, key = record.name.rpartition(".")
        if parent in built:
            built[parent][_BRANCHES[record.kind]][key] = node
    return next(iter(built.values()), {})


def public_vars(record: ComponentRecord) -> dict[str, Value]:
    """Returns the vars without those of the framework, which begin with `_`."""
    return {name: value for name, value in record.vars.items() if not name.startswith("_")}


def _node(record: ComponentRecord, runs: list[Run]) -> dict[str, Any]:
    if record.kind is ComponentKind.WORK:
        return {"vars": public_vars(record), "calls": _calls(runs), "changes": {}}
    if record.kind is ComponentKind.FLOW:
        calls = flow_calls(record.name, record.vars)
        node: dict[str, Any] = {"vars": public_vars(record), "calls": calls}
        return node | {"flows": {}, "works": {}, "structures": {}, "changes": {}}
    return {"flows": {}, "works": {}, "structures": {}}


def _calls(runs: list[Run]) -> dict[str, Any]:
    """Of equal calls the newest run counts."""
    calls: dict[str, Any] = {}
    for run in sorted(runs, key=run_age):
        calls["latest_call_hash"] = run.call_key
        # A work's `run` returns nothing; `ret` tells that it returned.
        ended = {"ret": None} if run.status is RunStatus.SUCCEEDED else {}
        calls[run.call_key] = {"statuses": _statuses(run), **ended}
    return calls


def run_age(run: Run) -> float:
    """Returns what orders runs from the oldest to the newest."""
    return run.requested_at.timestamp() if run.requested_at is not None else 0.0


def _statuses(run: Run) -> list[dict[str, Any]]:
    statuses = [_status(run, "pending", run.requested_at)]
    if run.started_at is not None and not run.prepares:
        statuses.append(_status(run, "running", run.started_at))
    if run.status.terminal:
        statuses.append(_status(run, run.stage, run.ended_at))
    if run.failure is not None:
        message = run.failure.traceback or run.failure.message
        statuses[-1] |= {"reason": run.failure.reason.value, "message": message}
    return statuses


def _status(run: Run, stage: str, when: datetime | None) -> dict[str, Any]:
    timestamp = when.timestamp() if when is not None else 0.0
    return {"stage": stage, "timestamp": timestamp, "reason": "", "message": "", "count": run.attempt}
