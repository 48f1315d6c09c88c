"""What a dashboard is told: first everything in short, then at most five times a second what changed since."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from flowrpc.flow_service.feed import Published
from flowrpc.flow_service.publisher import Publisher
from flowrpc.flow_service.watching import Cut, Watch
from flowrpc.gateway.facts import fact_json
from flowrpc.gateway.layout_api import layout_tree
from flowrpc.gateway.previews import preview
from flowrpc.protocol.answers import WatchEnd
from flowrpc.protocol.requests import ListRuns
from flowrpc.state.records import ComponentRecord, Run, RunStatus

SHOWN_RUNS = 300
"""How many runs a dashboard begins with, beside the unfinished ones."""
SHOWN_VARS = 500
"""How many vars of a component are shown; of more, the first ones."""
PART_VARS = 1_000
"""How many vars one event holds, some more at most; encoding them must not keep others waiting."""
MAX_TRACEBACK = 4_000

_UNFINISHED = frozenset({RunStatus.PENDING, RunStatus.RUNNING})


@dataclass(slots=True)
class Changed:
    """What changed since a dashboard was told last."""

    whole: bool = False
    """Whether it begins anew."""
    components: dict[str, None] = field(default_factory=dict)
    runs: dict[str, Run] = field(default_factory=dict)
    forgotten: dict[str, None] = field(default_factory=dict)
    end: WatchEnd | None = None

    def take(self, watch: Watch) -> bool:
        """Takes all that a watch has; tells whether there was anything."""
        found = False
        while not watch.over and (update := watch.step()) is not None:
            if isinstance(update, Cut):
                self.whole = found = True
            elif isinstance(update, WatchEnd):
                self.end, found = update, True
            elif isinstance(update, Published):
                self._note(update)
                found = True
        return found

    def _note(self, published: Published) -> None:
        revision = published.revision
        for delta in revision.deltas:
            self.components[delta.component] = None
        for run in revision.runs:
            self.runs[run.run_id] = run
        for run_id in revision.forgotten_runs:
            self.runs.pop(run_id, None)
            self.forgotten[run_id] = None


def events_of(changed: Changed, publisher: Publisher) -> Iterator[dict[str, Any]]:
    """Makes the events that tell what changed, as the state is now: each is made when it is asked for.

    Between two parts the state may go on. What changes then is in the next `Changed`, so the page gets there.
    """
    if changed.whole:
        yield from _everything(publisher)
    elif changed.components or changed.runs or changed.forgotten:
        yield from _news(changed, publisher)
    if changed.end is not None:
        yield {"end": fact_json(changed.end)}


def _everything(publisher: Publisher) -> Iterator[dict[str, Any]]:
    replica = publisher.replica
    unfinished, _ = publisher.runs(ListRuns(statuses=_UNFINISHED, page_size=1_000))
    newest, _ = publisher.runs(ListRuns(page_size=SHOWN_RUNS))
    runs = {run.run_id: run for run in [*unfinished, *newest]}
    first = {
        "whole": True,
        "layout": layout_tree(replica, "root"),
        "runs": list(map(run_json, runs.values())),
    }
    yield from _parts(publisher, list(replica.components), first)


def _news(changed: Changed, publisher: Publisher) -> Iterator[dict[str, Any]]:
    names = list(changed.components)
    more: dict[str, Any] = {
        "runs": [run_json(run) for run in changed.runs.values()],
        "forgotten": list(changed.forgotten),
    }
    if any("_layout" in vars_ for vars_ in _vars(publisher, names)):
        more["layout"] = layout_tree(publisher.replica, "root")
    yield from _parts(publisher, names, more)


def _vars(publisher: Publisher, names: list[str]) -> Iterator[dict[str, Any]]:
    for name in names:
        record = publisher.replica.components.get(name)
        # A flow that went may have been a tab.
        yield record.vars if record is not None else {"_layout": None}


def _parts(publisher: Publisher, names: list[str], first: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Makes events of components, a bounded number of vars each; the first one holds more."""
    part: list[str] = []
    size = 0
    for name in names:
        record = publisher.replica.components.get(name)
        part.append(name)
        size += 1 + (min(len(record.vars), SHOWN_VARS) if record is not None else 0)
        if size >= PART_VARS:
            yield _part(publisher, part) | first
            part, size, first = [], 0, {}
    if part or first:
        yield _part(publisher, part) | first


def _part(publisher: Publisher, names: list[str]) -> dict[str, Any]:
    known = publisher.replica.components
    return {
        "revision": publisher.replica.revision,
        "components": [component_json(known[name]) for name in names if name in known],
        "gone": [name for name in names if name not in known],
    }


def component_json(record: ComponentRecord) -> dict[str, Any]:
    """Makes JSON of a component: of each var its preview, in a list if it was cut."""
    return {
        "name": record.name,
        "kind": record.kind.value,
        "type": record.type,
        "vars": {name: _shown(value) for name, value in islice(record.vars.items(), SHOWN_VARS)},
        "more": max(0, len(record.vars) - SHOWN_VARS),
    }


def _shown(value: Any) -> Any:
    text, cut = preview(value)
    return [text] if cut else text


def run_json(run: Run) -> dict[str, Any]:
    """Makes JSON of a run, arguments and failure in short."""
    failure = run.failure
    return {
        "run_id": run.run_id,
        "work": run.work,
        "status": run.status.value,
        "prepares": run.prepares,
        "attempt": run.attempt,
        "requested_at": fact_json(run.requested_at),
        "started_at": fact_json(run.started_at),
        "ended_at": fact_json(run.ended_at),
        "agent_id": run.agent_id,
        "pending_reason": run.pending_reason,
        "arguments": preview([*run.args, *([run.kwargs] if run.kwargs else [])])[0],
        "failure": None
        if failure is None
        else {
            "reason": failure.reason.value,
            "type": failure.type,
            "message": failure.message[:500],
            "traceback": failure.traceback[-MAX_TRACEBACK:],
        },
    }
