"""Each checker by itself, on evidence made by hand: right evidence passes, and one wrong fact is found."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from flowrpc.state.changes import Set
from flowrpc.state.records import (
    AppStage,
    AppStatus,
    ComponentKind,
    ComponentRecord,
    Delta,
    Revision,
    Run,
    RunStatus,
)
from flowrpc.v1 import state_pb2
from flowrpc.wire.journal import revision_bytes

from tests.crash.checkers.all import check
from tests.crash.checkers.evidence import Evidence
from tests.crash.history import (
    Acknowledged,
    Answer,
    Full,
    Histories,
    Life,
    Operation,
    Sight,
    Watched,
    bytes_digest,
    state_digest,
)
from tests.crash.journal import Archive

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ITEMS: Any = [[1, 1, 0], [1, 1, 1]]


def component(name: str, **vars: Any) -> Delta:
    kind = ComponentKind.WORK if name == "root.near" else ComponentKind.FLOW
    record = ComponentRecord(name=name, kind=kind, type=f"app:{name}", vars=vars)
    return Delta(component=name, attached=record)


def run(status: RunStatus) -> Run:
    return Run(run_id="run", work="root.near", call_key="k", args=(1, 2), status=status, attempt=1)


BALANCES: Any = {f"a{number}": 1_000 for number in range(8)}
BEGIN = Revision(
    number=1,
    time=NOW,
    app=AppStatus(stage=AppStage.RUNNING),
    deltas=(
        component("root"),
        component("root.ledger", count=0, pages={"0": []}),
        component("root.bank", accounts=BALANCES),
        component("root.counters", values={"x": 0, "y": 0, "z": 0}),
        component("root.board", note=""),
        component("root.near", items=[]),
    ),
    runs=(run(RunStatus.RUNNING),),
)


def ledger(number: int, *ops: str) -> Delta:
    changes = (Set(("pages", "0"), list(ops)), Set(("count",), len(ops)))
    return Delta(component="root.ledger", changes=changes)


TRANSFERRED: Any = BALANCES | {"a0": 995, "a1": 1_005}
TWO = Revision(number=2, time=NOW, deltas=(ledger(2, "c0-0"),))
THREE = Revision(
    number=3,
    time=NOW,
    deltas=(
        ledger(3, "c0-0", "c0-1"),
        Delta(component="root.bank", changes=(Set(("accounts",), TRANSFERRED),)),
        Delta(component="root.board", changes=(Set(("note",), "c0-2"),)),
        Delta(component="root.near", changes=(Set(("items",), ITEMS),)),
    ),
    runs=(run(RunStatus.SUCCEEDED),),
)


def operation(op: str, what: str, at: float, *, result: Any, revision: int, **arguments: Any) -> Operation:
    answer = Answer(at=at + 0.5, result=result, revision=revision)
    return Operation(
        op=op, what=what, arguments=arguments, request_id=f"id-{op}", invoked=at, answers=[answer]
    )


def right_evidence() -> Evidence:
    """Evidence that no checker has anything to say to."""
    archive = Archive(records={r.number: revision_bytes(r) for r in (BEGIN, TWO, THREE)}, last=3)
    operations = [
        operation("c0-0", "append", 1.0, result=0, revision=2),
        operation(
            "c0-1", "transfer", 2.0, result=[995, 1_005], revision=3, source="a0", target="a1", amount=5
        ),
        operation("c0-2", "update", 2.0, result=None, revision=3, expected=2),
    ]
    evidence = Evidence(
        histories=Histories(
            operations={one.op: one for one in operations},
            acknowledged=[Acknowledged(run_id="run", attempt=1, seq=3, at=2.6)],
            sent={("run", 1): 3},
            lives=[
                Life(
                    number=1,
                    started=0.0,
                    ended=4.0,
                    legal=(-9,),
                    code=-9,
                    told="",
                    recovered=3,
                    applied={"run": (1, 3)},
                )
            ],
        ),
        archive=archive,
        final={},
    )
    evidence.histories.sights = [sight(evidence, "root.bank", 3, at=3.0)]
    evidence.histories.watched = watch_of(evidence)
    digest = final_digest()
    evidence.final = {
        "served": {"revision": 3, "digest": digest},
        "stored": {"revision": 3, "digest": digest},
    }
    return evidence


def sight(evidence: Evidence, name: str, revision: int, *, at: float) -> Sight:
    record = ComponentRecord(
        name=name, kind=ComponentKind.FLOW, type=f"app:{name}", vars={"accounts": TRANSFERRED}
    )
    return Sight(
        actor="r", invoked=at, at=at + 0.1, component=name, revision=revision, digest=state_digest([record])
    )


def watch_of(evidence: Evidence) -> list[Watched]:
    seen = []
    for number, data in evidence.archive.in_order():
        message = state_pb2.Revision.FromString(data)
        digest = bytes_digest(message.SerializeToString(deterministic=True))
        facts: Any = {"actor": "w", "at": 1.0 + number, "component": "root", "revision": number}
        seen.append(Watched(**facts, what="revision", digest=digest))
    return seen


def final_digest() -> str:
    from flowrpc.state.replica import Replica

    replica = Replica()
    for revision in (BEGIN, TWO, THREE):
        replica.fold(revision)
    return state_digest(replica.components.values())


def caught(evidence: Evidence) -> set[str]:
    return {violation.checker for violation in check(evidence)}


def test_right_evidence_breaks_no_promise() -> None:
    assert check(right_evidence()) == []


def lose_an_operation(evidence: Evidence) -> None:
    found = evidence.histories.operations
    found["c0-9"] = operation("c0-9", "append", 3.0, result=2, revision=3)


def lose_an_update(evidence: Evidence) -> None:
    found = evidence.histories.operations
    found["c0-9"] = operation("c0-9", "update", 2.9, result=None, revision=3, expected=2)


def lose_a_delta(evidence: Evidence) -> None:
    evidence.histories.acknowledged.append(Acknowledged(run_id="run", attempt=1, seq=4, at=3.0))
    evidence.histories.sent["run", 1] = 4


def double_an_operation(evidence: Evidence) -> None:
    replace_revision(evidence, THREE.deltas[0], ledger(3, "c0-0", "c0-1", "c0-0"))


def invent_an_operation(evidence: Evidence) -> None:
    replace_revision(evidence, THREE.deltas[0], ledger(3, "c0-0", "c0-1", "c7-7"))


def double_a_delta(evidence: Evidence) -> None:
    doubled: Any = [[1, 1, 0], [1, 1, 0], [1, 1, 1]]
    wrong = Delta(component="root.near", changes=(Set(("items",), doubled),))
    replace_revision(evidence, THREE.deltas[3], wrong)


def skip_a_revision(evidence: Evidence) -> None:
    evidence.archive.records[5] = evidence.archive.records.pop(3)


def store_another_state(evidence: Evidence) -> None:
    evidence.final["stored"]["digest"] = "another"


def serve_another_state(evidence: Evidence) -> None:
    """At a revision that nobody else has looked at."""
    digest = evidence.final["served"]["digest"]
    evidence.final["served"] = {"revision": 2, "digest": digest}


def serve_a_revision_that_is_not_there(evidence: Evidence) -> None:
    evidence.final["served"]["revision"] = 4


def change_the_past(evidence: Evidence) -> None:
    evidence.archive.problems.append("revision 2 is not what it was")


def read_the_past(evidence: Evidence) -> None:
    evidence.histories.sights.append(sight(evidence, "root.bank", 1, at=3.5))


def answer_wrong(evidence: Evidence) -> None:
    answers = evidence.histories.operations["c0-1"].answers
    answers[0] = Answer(at=2.5, result=[1, 1], revision=3)


def answer_a_repeat_wrong(evidence: Evidence) -> None:
    evidence.histories.operations["c0-0"].answers.append(Answer(at=3.0, result=1, revision=2, replayed=True))


def name_another_revision(evidence: Evidence) -> None:
    answers = evidence.histories.operations["c0-1"].answers
    answers[0] = Answer(at=2.5, result=[995, 1_005], revision=2)


def commit_half(evidence: Evidence) -> None:
    replace_revision(evidence, THREE.deltas[1], Delta(component="root.counters", changes=(Set(("n",), 1),)))


def refuse_and_do(evidence: Evidence) -> None:
    found = evidence.histories.operations["c0-1"]
    found.answers = [Answer(at=2.5, failure="ValueError", revision=3)]


def miss_a_revision(evidence: Evidence) -> None:
    del evidence.histories.watched[1]


def watch_twice(evidence: Evidence) -> None:
    evidence.histories.watched.append(evidence.histories.watched[-1])


def repeat_a_revision(evidence: Evidence) -> None:
    evidence.histories.watched.append(
        Watched(actor="w", at=3.9, component="root", what="repeated", revision=3, digest="")
    )


def fold_wrong(evidence: Evidence) -> None:
    evidence.histories.watched.append(
        Watched(actor="w", at=3.9, component="root", what="fold", revision=3, digest="another")
    )


def see_the_undurable(evidence: Evidence) -> None:
    evidence.histories.watched.append(
        Watched(actor="x", at=3.9, component="root", what="revision", revision=4, digest="4")
    )


def end_twice(evidence: Evidence) -> None:
    replace_revision(evidence, None, None, runs=(run(RunStatus.FAILED),), number=2)


def never_end(evidence: Evidence) -> None:
    replace_revision(evidence, None, None, runs=())


def keep_a_fenced_attempt(evidence: Evidence) -> None:
    fenced: Any = [[1, 3, 0], [1, 3, 1]]
    wrong = Delta(component="root.near", changes=(Set(("items",), fenced),))
    replace_revision(evidence, THREE.deltas[3], wrong)


def leave_an_orphan(evidence: Evidence) -> None:
    evidence.histories.left.append("4711: agent")


def leak_a_file(evidence: Evidence) -> None:
    evidence.histories.counts["agent 1 fd"] = (20, 40)


def acknowledge_more_than_was_sent(evidence: Evidence) -> None:
    evidence.histories.sent["run", 1] = 2


def apply_less_than_was_sent(evidence: Evidence) -> None:
    evidence.histories.sent["run", 1] = 4


def end_with(**facts: Any) -> Callable[[Evidence], None]:
    from dataclasses import replace

    def change(evidence: Evidence) -> None:
        evidence.histories.lives[0] = replace(evidence.histories.lives[0], **facts)

    return change


def fill_disk(**facts: bool) -> Callable[[Evidence], None]:
    right = {"became": True, "read": True, "back": True}
    full = Full(at=2.0, what="fill-disk", life=1, **(right | facts))
    return lambda evidence: evidence.histories.full.append(full)


def replace_revision(
    evidence: Evidence, old: Delta | None, new: Delta | None, *, number: int = 3, runs: Any = None
) -> None:
    from dataclasses import replace

    revision = {2: TWO, 3: THREE}[number]
    deltas = tuple(new if delta is old and new is not None else delta for delta in revision.deltas)
    changed = replace(revision, deltas=deltas, runs=revision.runs if runs is None else runs)
    evidence.archive.records[number] = revision_bytes(changed)


@pytest.mark.parametrize(
    ("spoil", "checker"),
    [
        (lose_an_operation, "C1"),
        (lose_an_update, "C1"),
        (lose_a_delta, "C1"),
        (double_an_operation, "C2"),
        (invent_an_operation, "C2"),
        (double_a_delta, "C2"),
        (skip_a_revision, "C3"),
        (store_another_state, "C4"),
        (serve_another_state, "C4"),
        (serve_a_revision_that_is_not_there, "C4"),
        (change_the_past, "C4"),
        (read_the_past, "C5"),
        (answer_wrong, "C6"),
        (answer_a_repeat_wrong, "C6"),
        (name_another_revision, "C6"),
        (commit_half, "C6"),
        (refuse_and_do, "C6"),
        (miss_a_revision, "C7"),
        (watch_twice, "C7"),
        (repeat_a_revision, "C7"),
        (fold_wrong, "C7"),
        (see_the_undurable, "C8"),
        (end_with(recovered=2), "C8"),
        (end_twice, "C9"),
        (never_end, "C9"),
        (keep_a_fenced_attempt, "C10"),
        (leave_an_orphan, "C11"),
        (leak_a_file, "C11"),
        (end_with(orphans=("9: runner",)), "C11"),
        (acknowledge_more_than_was_sent, "C12"),
        (apply_less_than_was_sent, "C12"),
        (end_with(code=70), "C13"),
        (end_with(code=None), "C13"),
        (end_with(code=75, legal=(75,), told="something else"), "C13"),
        (fill_disk(became=False), "C13"),
        (fill_disk(read=False), "C13"),
        (fill_disk(back=False), "C13"),
    ],
)
def test_one_wrong_fact_is_found(spoil: Callable[[Evidence], None], checker: str) -> None:
    evidence = right_evidence()
    spoil(evidence)

    assert checker in caught(evidence)


def test_a_revision_that_the_network_doubled_is_no_violation() -> None:
    evidence = right_evidence()
    evidence.histories.duplicated.append(3.5)
    evidence.histories.watched.append(
        Watched(actor="w-proxied", at=3.9, component="root", what="repeated", revision=3, digest="")
    )

    assert check(evidence) == []
