"""Revisions as people read them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from flowrpc.state.changes import Change, Remove, Set, Splice, format_path
from flowrpc.state.exact_json import to_json
from flowrpc.state.records import Delta, Revision, Run

_VALUE_CHARACTERS = 80
"""How much of a value is shown."""


def revision_lines(revision: Revision) -> Iterator[str]:
    """Yields the lines that tell of a revision."""
    yield f"revision {revision.number}  {revision.time.isoformat(timespec='milliseconds')}"
    for delta in revision.deltas:
        yield from _delta_lines(delta)
    for run in revision.runs:
        yield f"  run {run.run_id} of {run.work}: {_run_text(run)}"
    for run_id in revision.forgotten_runs:
        yield f"  run {run_id} forgotten"
    if revision.app is not None:
        message = f": {revision.app.message}" if revision.app.message else ""
        yield f"  app {revision.app.stage.value}{message}"


def _delta_lines(delta: Delta) -> Iterator[str]:
    if delta.attached is not None:
        yield f"  {delta.component} attached: {delta.attached.kind.value} {delta.attached.type}"
        for name, value in delta.attached.vars.items():
            yield f"    {name} = {_value(value)}"
    elif delta.changes:
        yield f"  {delta.component}"
    for change in delta.changes:
        yield f"    {_change(change)}"
    if delta.detached:
        yield f"  {delta.component} detached"


def _change(change: Change) -> str:
    place = format_path(change.path)
    match change:
        case Set():
            return f"{place} = {_value(change.value)}"
        case Remove():
            return f"{place} removed"
        case Splice():
            end = change.start + change.delete_count
            return f"{place}[{change.start}:{end}] = {_value(change.insert)}"


def _run_text(run: Run) -> str:
    failure = f": {run.failure.message}" if run.failure else ""
    attempt = f", attempt {run.attempt}" if run.attempt else ""
    return f"{run.status.value}{attempt}{failure}"


def _value(value: Any) -> str:
    text = json.dumps(to_json(value), ensure_ascii=False)
    return text if len(text) <= _VALUE_CHARACTERS else f"{text[:_VALUE_CHARACTERS]}… ({len(text)} characters)"
