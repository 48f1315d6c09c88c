"""What a store must hold at each revision, kept by other means than the store's."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from flowrpc.protocol.answers import CommandOutcome
from flowrpc.protocol.stored_answer import StoredAnswer
from flowrpc.state.changes import Change, Set, Splice
from flowrpc.state.records import (
    AppStage,
    AppStatus,
    ComponentKind,
    ComponentRecord,
    Delta,
    Revision,
    Run,
    RunRecord,
    RunStatus,
)
from flowrpc.state.replica import Replica
from flowrpc.store import Applied, Commit

WINDOW = timedelta(hours=24)
_BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Facts:
    """All that is true at one revision."""

    number: int = 0
    time: datetime = _BEGIN
    vars: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The vars of each component."""
    runs: dict[str, RunRecord] = field(default_factory=dict)
    app: AppStatus | None = None
    answers: dict[str, tuple[datetime, StoredAnswer]] = field(default_factory=dict)


def next_commit(before: Facts, dice: Random) -> tuple[Facts, Commit]:
    """Makes up a commit, and what is true after it."""
    after = copy.deepcopy(before)
    after.number += 1
    after.time += timedelta(minutes=dice.randint(1, 200))
    runs, applied, forgotten = _change_runs(after, dice)
    if dice.random() < 0.1:
        after.app = AppStatus(stage=dice.choice(list(AppStage)), message=f"at {after.number}")
    revision = Revision(
        number=after.number,
        time=after.time,
        deltas=tuple(_change_components(after, dice)),
        runs=tuple(record.run for record in runs),
        forgotten_runs=forgotten,
        app=after.app if after.app != before.app else None,
    )
    answers = tuple(_answer(after, index) for index in range(dice.choice((0, 0, 1, 2))))
    return after, Commit(revision=revision, answers=answers, records=runs, applied=applied)


def differences(facts: Facts, replica: Replica, records: tuple[RunRecord, ...]) -> list[str]:
    """Tells in what a recovered state is another than it must be."""
    expected = sorted(facts.runs.values(), key=lambda record: record.ordinal)
    pairs: dict[str, tuple[Any, Any]] = {
        "vars": ({name: one.vars for name, one in replica.components.items()}, facts.vars),
        "app": (replica.app, facts.app),
        "runs": (list(records), expected),
        "runs of clients": (replica.runs, {one.run.run_id: one.run for one in expected}),
    }
    return [
        f"{what}: {found!r}, not {wanted!r}" for what, (found, wanted) in pairs.items() if found != wanted
    ]


def _change_components(after: Facts, dice: Random) -> list[Delta]:
    if after.number == 1:
        return [_attach(after, "root", {"n": 1, "names": []})]
    text = "x" * dice.choice((0, 10, 500, 4000, 20_000)) if dice.random() < 0.5 else ""
    names = after.vars["root"]["names"]
    start = dice.randint(0, len(names))
    delete = dice.randint(0, min(3, len(names) - start))
    insert: list[Any] = [after.number] * dice.randint(0, 3)
    names[start : start + delete] = insert
    after.vars["root"] |= {"n": after.number, "text": text}
    changes: tuple[Change, ...] = (
        Set(("n",), after.number),
        Set(("text",), text),
        Splice(("names",), start, delete, insert),
    )
    deltas = [Delta(component="root", changes=changes)]
    if dice.random() < 0.3:
        deltas.append(_attach(after, f"root.c{after.number}", {"made_at": after.number}))
    children = [name for name in after.vars if name != "root"]
    if len(children) > 3:
        gone = dice.choice(children)
        del after.vars[gone]
        deltas.append(Delta(component=gone, detached=True))
    return deltas


def _attach(after: Facts, name: str, values: dict[str, Any]) -> Delta:
    after.vars[name] = copy.deepcopy(values)
    record = ComponentRecord(name=name, kind=ComponentKind.FLOW, type="app:Flow", vars=values)
    return Delta(component=name, attached=record)


def _change_runs(
    after: Facts, dice: Random
) -> tuple[tuple[RunRecord, ...], tuple[Applied, ...], tuple[str, ...]]:
    known = list(after.runs)
    records, applied, forgotten = [], [], []
    if dice.random() < 0.3:
        run = Run(
            run_id=f"run-{after.number}",
            work="root.w",
            call_key="k",
            requested_at=after.time,
            attempt=1,
            agent_id="far",
        )
        records.append(RunRecord(run=run, ordinal=after.number, begin_vars={"loss": 0.5}))
    if known and dice.random() < 0.3:
        old = after.runs[known[-1]]
        run = replace(old.run, status=dice.choice(list(RunStatus)), attempt=old.run.attempt)
        records.append(replace(old, run=run, consumed=True))
    elif known and not after.runs[known[-1]].run.status.terminal and dice.random() < 0.5:
        old = after.runs[known[-1]]
        progress = Applied(run_id=old.run.run_id, attempt=1, seq=old.applied_seq + 1)
        after.runs[old.run.run_id] = replace(old, applied_seq=progress.seq)
        applied.append(progress)
    after.runs |= {record.run.run_id: record for record in records}
    if len(known) > 4:
        forgotten.append(known[0])
        del after.runs[known[0]]
    return tuple(records), tuple(applied), tuple(forgotten)


def _answer(after: Facts, index: int) -> StoredAnswer:
    request_id = f"request-{after.number}-{index}"
    outcome = CommandOutcome(result={"n": after.number}, revision=after.number)
    answer = StoredAnswer(request_id=request_id, digest=b"d" * 32, answer=outcome)
    after.answers[request_id] = (after.time, answer)
    return answer
