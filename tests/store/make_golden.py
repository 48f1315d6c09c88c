"""Makes a golden journal: `python -m tests.store.make_golden NAME`. README.md in golden/ says when."""

from __future__ import annotations

import json
import shutil
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flowrpc.protocol.answers import CommandOutcome, UpdateOutcome
from flowrpc.protocol.stored_answer import StoredAnswer
from flowrpc.state.changes import Change, Remove, Set, Splice
from flowrpc.state.exact_json import to_json
from flowrpc.state.extension import Extension
from flowrpc.state.records import (
    AppStage,
    AppStatus,
    ComponentKind,
    ComponentRecord,
    Delta,
    Failure,
    FailureReason,
    Recipe,
    Revision,
    Run,
    RunRecord,
    RunStatus,
    Tally,
)
from flowrpc.state.revision_json import plain_app, plain_run_record, plain_state
from flowrpc.state.values import Value
from flowrpc.store import Applied, Commit, Recovered, SQLiteStore

GOLDEN = Path(__file__).with_name("golden")
MAX_BYTES = 100_000
_BEGIN = datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)

VALUES: dict[str, Value] = {
    "none": None,
    "yes": True,
    "no": False,
    "int": -7,
    "int64": 2**63 - 1,
    "big": -(2**70),
    "double": 0.1,
    "negative_zero": -0.0,
    "text": "é\n\U0001f600",
    "list": [1, 1.0, True, None, ["deep", []]],
    "dict": {"z": 1, "a": {"": []}, "$flowrpc": "no mark"},
    "extension": Extension("some_type", {"content": [2**70]}),
}


def commits() -> list[Commit]:
    """Returns what is committed: every kind of thing that a journal can hold."""
    root = _component("root", ComponentKind.FLOW, VALUES | {"names": ["a", "b", "c"], "gone": 1})
    recipe = Recipe(type="app:Train", args=(1, "x"), kwargs={"lr": 0.5})
    train = _component("root.train", ComponentKind.WORK, {"loss": 1.0}, recipe)
    parts: list[tuple[tuple[Delta, ...], dict[str, Any]]] = [
        ((_attach(root), _attach(train)), {"app": AppStatus(stage=AppStage.RUNNING)}),
        ((_attach(_component("root.list", ComponentKind.LIST, {"_next": 1})),), {}),
        ((_attach(_component("root.dict", ComponentKind.DICT, {})),), {}),
        ((_attach(_component("root.list.0", ComponentKind.FLOW, {"n": 0})),), {}),
        ((_change("root", Set(("int",), 8), Set(("dict", "new"), [1])),), {}),
        ((_change("root", Splice(("names",), 1, 2, ["x", "y", "z"]), Remove(("gone",))),), {}),
        ((_change("root", Set(("list", 4, 0), "set inside"), Remove(("dict", "z"))),), {}),
        ((Delta(component="root.list", detached=True),), {}),
    ]
    made = [_commit(number, deltas, **more) for number, (deltas, more) in enumerate(parts, 1)]
    made += _runs(len(made) + 1)
    number = len(made) + 1
    failure = Failure(reason=FailureReason.EXCEPTION, message="it failed", type="app.Bad", traceback="…\n")
    ended = AppStatus(stage=AppStage.FAILED, message="ended", failure=failure)
    return [*made, _commit(number, (), app=ended), _commit(number + 1, (_change("root", Set(("int",), 9)),))]


def _runs(first: int) -> list[Commit]:
    """Returns runs in every stage, a retried one, one that is forgotten, and answers."""
    records = [
        RunRecord(
            run=_run(status, ordinal),
            ordinal=ordinal,
            begin_vars={"loss": 0.25},
            applied_seq=ordinal,
            consumed=status is RunStatus.SUCCEEDED,
            failure_met=status is RunStatus.FAILED,
            boot_id="boot",
            timeouts=1,
            forgotten=Tally(1, 2, 3),
        )
        for ordinal, status in enumerate(RunStatus, 1)
    ]
    old = RunRecord(run=_run(RunStatus.SUCCEEDED, 99), ordinal=99)
    outcome = CommandOutcome(result=VALUES["dict"], revision=first)
    failed = CommandOutcome(
        failure=Failure(reason=FailureReason.TIMED_OUT, message="late"), revision=first + 1
    )
    answers = (
        StoredAnswer(request_id="command", digest=b"c" * 32, answer=outcome),
        StoredAnswer(request_id="update", digest=b"u" * 32, answer=UpdateOutcome(revision=first)),
    )
    running = records[1].run
    return [
        _commit(first, (), records=(*records, old), answers=answers),
        _commit(
            first + 1,
            (_change("root.train", Set(("loss",), 0.125)),),
            applied=(Applied(run_id=running.run_id, attempt=running.attempt, seq=77),),
            answers=(StoredAnswer(request_id="failed", digest=b"f" * 32, answer=failed),),
        ),
        _commit(first + 2, (), forgotten=(old.run.run_id,)),
    ]


def _run(status: RunStatus, ordinal: int) -> Run:
    failed = status is RunStatus.FAILED
    return Run(
        run_id=f"run-{ordinal}-{status.value}",
        work="root.train",
        call_key=f"{ordinal:064x}",
        args=(1, [2.0]),
        kwargs={"name": "x"},
        status=status,
        attempt=0 if status is RunStatus.PENDING else 2,
        failure=Failure(reason=FailureReason.SIGNALLED, message="killed", signal=9) if failed else None,
        requested_at=_BEGIN,
        started_at=None if status is RunStatus.PENDING else _BEGIN + timedelta(seconds=1),
        ended_at=_BEGIN + timedelta(seconds=2) if status.terminal else None,
        agent_id="" if status is RunStatus.PENDING else "local",
        pending_reason="needs a GPU" if status is RunStatus.PENDING else "",
    )


def _component(
    name: str, kind: ComponentKind, values: dict[str, Value], recipe: Recipe | None = None
) -> ComponentRecord:
    return ComponentRecord(name=name, kind=kind, type="app:Component", vars=values, recipe=recipe)


def _attach(record: ComponentRecord) -> Delta:
    return Delta(component=record.name, attached=record)


def _change(component: str, *changes: Change) -> Delta:
    return Delta(component=component, changes=changes)


def _commit(number: int, deltas: tuple[Delta, ...], **more: Any) -> Commit:
    records = more.get("records", ())
    revision = Revision(
        number=number,
        time=_BEGIN + timedelta(seconds=number),
        deltas=deltas,
        runs=tuple(record.run for record in records),
        forgotten_runs=more.get("forgotten", ()),
        app=more.get("app"),
    )
    return Commit(
        revision=revision, records=records, answers=more.get("answers", ()), applied=more.get("applied", ())
    )


def expected(recovered: Recovered, store: SQLiteStore, request_ids: list[str]) -> dict[str, Any]:
    """Writes down what a store holds."""
    replica = recovered.replica
    return {
        "journal_id": recovered.journal_id,
        "life": recovered.life,
        "state": plain_state(replica),
        "app": replica.app and plain_app(replica.app),
        "records": [plain_run_record(record) for record in recovered.records],
        "answers": {request_id: _plain_answer(store.answer(request_id)) for request_id in request_ids},
    }


def _plain_answer(stored: StoredAnswer | None) -> Any:
    if stored is None:
        return None
    answer = stored.answer
    plain: dict[str, Any] = {"digest": stored.digest.hex(), "revision": answer.revision}
    if isinstance(answer, CommandOutcome):
        failure = answer.failure and f"{answer.failure.reason.value}: {answer.failure.message}"
        return plain | {"result": to_json(answer.result), "failure": failure}
    return plain


def make(name: str) -> Path:
    """Makes a golden journal: two lives, two snapshots, revisions after them.

    Raises:
        SystemExit: It is there already, or too large.
    """
    folder = GOLDEN / name
    if folder.exists():
        raise SystemExit(f"{folder} is there already, and is never made again: choose another name")
    folder.mkdir(parents=True)
    store = SQLiteStore(folder, snapshot_revisions=4, answer_window=timedelta(days=36500))
    store.open()
    for commit in commits():
        store.commit(commit)
        store.wait_for_snapshot()
        if commit.revision.number == 6:
            store.close()
            store.open()
    store.close()
    (folder / "lock").unlink()
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    if size > MAX_BYTES:
        raise SystemExit(f"{folder} takes {size} bytes, more than {MAX_BYTES}: make it smaller")
    (folder / "expected.json").write_text(_expected_text(folder))
    return folder


def _expected_text(folder: Path) -> str:
    """Reads a copy, so that the golden journal stays in the life that it is in."""
    scratch = folder.with_name(f"{folder.name}.scratch")
    shutil.copytree(folder, scratch)
    try:
        store = SQLiteStore(scratch, answer_window=timedelta(days=36500))
        plain = expected(store.open(), store, ["command", "update", "failed"])
        store.close()
    finally:
        shutil.rmtree(scratch)
    return json.dumps(plain, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    print(make(sys.argv[1]))  # noqa: T201
