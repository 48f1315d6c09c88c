"""Watches: what services send, in order, also what they never should."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flowrpc.protocol.answers import Bookmark, SnapshotReason, StateSnapshot, WatchEnd, WatchEndReason
from flowrpc.state.changes import Remove, Set, Splice
from flowrpc.state.extension import Extension
from flowrpc.state.records import (
    AppStage,
    AppStatus,
    ComponentKind,
    ComponentRecord,
    Delta,
    Recipe,
    Revision,
    Run,
    RunStatus,
)
from flowrpc.state.values import Value

from tests.contract.cases.story import JOURNAL, OTHER_JOURNAL, START, Story

_ENDED = AppStatus(stage=AppStage.STOPPED, message="done")


def _flow(name: str = "root", /, **vars: Value) -> ComponentRecord:
    return ComponentRecord(name=name, kind=ComponentKind.FLOW, type="app:Root", vars=vars)


def _work(name: str, /, **vars: Value) -> ComponentRecord:
    recipe = Recipe(type="app:Job", args=(1, 2**64), kwargs={"z": None, "a": [Extension("point", -0.0)]})
    return ComponentRecord(name=name, kind=ComponentKind.WORK, type="app:Job", vars=vars, recipe=recipe)


def _run(number: int, work: str, status: RunStatus = RunStatus.SUCCEEDED) -> Run:
    requested = START + timedelta(seconds=number)
    return Run(
        run_id=f"run-{number:03}", work=work, call_key="k", status=status, attempt=1, requested_at=requested
    )


def _delta(*changes: Any, of: str = "root") -> Delta:
    return Delta(component=of, changes=changes)


def _set(name: str, value: Value, of: str = "root") -> Delta:
    return _delta(Set((name,), value), of=of)


def _revision(number: int, *deltas: Delta) -> Revision:
    return Revision(number=number, time=START, deltas=deltas)


def _stories() -> list[Story]:
    return [*_whole(), *_in_parts(), *_trees(), *_resumed(), *_ends(), *_mismatches(), *_refused()]


def _whole() -> list[Story]:
    return [
        Story("a snapshot and revisions")
        .snapshot(1, [_flow(count=0, names=[])])
        .revision(2, [_set("count", 1)])
        .revision(3, [_delta(Splice(("names",), 0, 0, ["a", "b"]))])
        .revision(4, [_delta(Set(("names", 0), 2**53 + 1), Set(("new",), None), Remove(("count",)))])
        .bookmark(4),
        Story("numbers skip what concerns others")
        .snapshot(5, [_flow(count=0)])
        .revision(9, [_set("count", 1)])
        .bookmark(40)
        .revision(41, [_set("count", 2)]),
        Story("a hash is not always told")
        .snapshot(1, [_flow(count=0)], hashed=False)
        .revision(2, [_set("count", 2**64)])
        .bookmark(3, hashed=False)
        .bookmark(3),
        Story("what nobody knows yet is passed over").snapshot(1, [_flow(n=0)]).unknown().bookmark(2),
        Story("values of every kind")
        .snapshot(
            1, [_flow(a={"b": 1, "a": 2}, d=1.0, i=1, z=-0.0, t="\U0001f600", x=Extension("p", [None]))]
        )
        .revision(2, [_delta(Remove(("a", "b")), Set(("a", "b"), 1))])
        .revision(3, [_delta(Set(("d",), 1), Set(("i",), 1.0), Set(("z",), 0.0))])
        .bookmark(3),
        Story("private vars count").snapshot(1, [_flow(_order=["b"], a=1)]).revision(2, [_set("_next", 3)]),
        Story("no vars, no components below").snapshot(1, [_flow()]).bookmark(1),
    ]


def _in_parts() -> list[Story]:
    return [
        Story("a snapshot in parts, a component split over them")
        .snapshot(7, [_flow(a=1, b=2)], [_flow(c=[3])], [_flow("root.child", d=4), _work("root.job", e=5)])
        .revision(8, [_set("c", 0)]),
        Story("a snapshot in parts begins anew")
        .first_part(3, _flow(gone=True))
        .snapshot(4, [_flow(a=1)], [_flow("root.child")], reason=SnapshotReason.TOO_SLOW),
        Story("the old state stays until the last part")
        .snapshot(1, [_flow(a=1)])
        .snapshot(5, [_flow(a=2)], [_flow("root.child")], reason=SnapshotReason.TOO_SLOW)
        .revision(6, [_set("a", 3)]),
        Story("a revision in parts is applied whole")
        .snapshot(1, [_flow(a=1, names=[])])
        .revision(2, [_set("a", 2)], [_delta(Splice(("names",), 0, 0, ["x"]))], [_set("a", 3)])
        .bookmark(2),
        Story("a revision without an end is dropped for a snapshot")
        .snapshot(1, [_flow(a=1)])
        .part_of_revision(2, _set("a", 99))
        .snapshot(3, [_flow(a=3)], reason=SnapshotReason.TOO_SLOW)
        .revision(4, [_set("a", 4)]),
        Story("a revision without an end is dropped when the stream breaks")
        .snapshot(1, [_flow(a=1, names=["kept"])])
        .part_of_revision(2, _delta(Splice(("names",), 0, 1, [])))
        .breaks()
        .revision(2, [_delta(Splice(("names",), 0, 1, ["new"]))], [_set("a", 2)])
        .bookmark(2),
    ]


def _trees() -> list[Story]:
    ended = [_run(number, "root.job") for number in range(1, 22)]
    running = _run(0, "root.job", RunStatus.RUNNING)
    return [
        Story("components come and go with all below them")
        .snapshot(1, [_flow(a=1)])
        .revision(2, [Delta(component="root.x", attached=_flow("root.x", v=[1]))])
        .revision(3, [Delta(component="root.x.y", attached=_work("root.x.y")), _set("w", 2, "root.x.y")])
        .revision(4, [Delta(component="root.xy", attached=_flow("root.xy"))])
        .revision(5, [Delta(component="root.x", detached=True)])
        .bookmark(5),
        Story("a component is attached, changed and detached in one revision")
        .snapshot(1, [_flow(a=1)])
        .revision(
            2,
            [
                Delta(
                    component="root.x",
                    attached=_flow("root.x", v=1),
                    changes=(Set(("v",), 2),),
                    detached=True,
                )
            ],
        )
        .bookmark(2),
        Story("a component is replaced by one of the same name")
        .snapshot(1, [_flow(), _flow("root.x", old=1), _flow("root.x.below", b=1)])
        .revision(
            2,
            [
                Delta(component="root.x", detached=True),
                Delta(component="root.x", attached=_work("root.x", new=2)),
            ],
        )
        .bookmark(2),
        Story("names are ordered by their UTF-8 bytes, not by UTF-16")
        .snapshot(
            1, [_flow(), _flow("root.\uffee"), _flow("root.\U0001f600"), _flow("root.-"), _flow("root.a")]
        )
        .bookmark(1),
        Story("lists and dicts of components")
        .snapshot(
            1,
            [
                _flow(),
                ComponentRecord(
                    name="root.l", kind=ComponentKind.LIST, type="flowrpc:List", vars={"_next": 1}
                ),
                _work("root.l.0"),
                ComponentRecord(name="root.d", kind=ComponentKind.DICT, type="flowrpc:Dict", vars={}),
            ],
        )
        .bookmark(1),
        Story("runs: the newest, the unfinished, none of works that are gone")
        .snapshot(1, [_flow(), _work("root.job")], runs=(running, *ended[:20]))
        .revision(2, [], runs=(ended[20],))
        .revision(3, [], forgotten_runs=("run-010",))
        .revision(4, [Delta(component="root.job", detached=True)]),
    ]


def _resumed() -> list[Story]:
    return [
        Story("a broken watch goes on where it was")
        .snapshot(1, [_flow(a=1)])
        .breaks()
        .revision(2, [_set("a", 2)])
        .bookmark(7)
        .breaks()
        .revision(8, [_set("a", 3)]),
        Story("a break in the first snapshot").first_part(1, _flow(a=1)).breaks().snapshot(2, [_flow(a=2)]),
        Story("too old a revision to go on from")
        .snapshot(1, [_flow(a=1, gone=[])])
        .breaks()
        .snapshot(500, [_flow(a=2)], reason=SnapshotReason.TOO_OLD)
        .revision(501, [_set("a", 3)]),
        Story("the journal was put back to an older copy")
        .snapshot(50, [_flow(a=1)])
        .breaks()
        .snapshot(20, [_flow(a=0)], reason=SnapshotReason.AHEAD)
        .revision(21, [_set("a", 2)]),
        Story("another journal")
        .snapshot(50, [_flow(a=1)])
        .breaks()
        .snapshot(2, [_flow(b=1)], journal=OTHER_JOURNAL, reason=SnapshotReason.OTHER_JOURNAL)
        .revision(3, [_set("b", 2)])
        .bookmark(3),
    ]


def _ends() -> list[Story]:
    stopping = WatchEnd(revision=1, message="stopping", reason=WatchEndReason.SERVICE_STOPPING)
    return [
        Story("the app ended")
        .snapshot(1, [_flow(a=1)])
        .revision(2, [_set("a", 2)], app=_ENDED)
        .end(WatchEnd(revision=2, message="done", app=_ENDED, reason=WatchEndReason.APP_ENDED)),
        Story("the service stops, and comes back")
        .snapshot(1, [_flow(a=1)])
        .end(stopping)
        .revision(2, [_set("a", 2)]),
    ]


def _mismatches() -> list[Story]:
    wrong = "0" * 64
    return [
        Story("a bookmark with another hash")
        .snapshot(1, [_flow(a=1)])
        .mismatched(Bookmark(journal_id=JOURNAL, revision=2, state_hash=wrong))
        .snapshot(2, [_flow(a=2)])
        .bookmark(2),
        Story("a snapshot with another hash")
        .mismatched(
            StateSnapshot(journal_id=JOURNAL, revision=1, components=(_flow(a=1),), runs=(), state_hash=wrong)
        )
        .snapshot(1, [_flow(a=1)]),
    ]


def _refused() -> list[Story]:
    def after(name: str) -> Story:
        return Story(name).snapshot(5, [_flow(a=1)])

    return [
        Story("a revision before the first snapshot").refused(_revision(1, _set("a", 1))),
        Story("a bookmark before the first snapshot").refused(Bookmark(journal_id=JOURNAL, revision=1)),
        Story("a revision before the end of the first snapshot")
        .first_part(1, _flow(a=1))
        .refused(_revision(2, _set("a", 1))),
        after("a revision again").refused(_revision(5, _set("a", 1))),
        after("a revision that goes back").refused(_revision(4, _set("a", 1))),
        after("a bookmark that goes back").refused(Bookmark(journal_id=JOURNAL, revision=4)),
        after("a bookmark of another journal").refused(Bookmark(journal_id=OTHER_JOURNAL, revision=6)),
        after("a part of another revision").part_of_revision(6, _set("a", 1)).refused(_revision(7)),
        after("a change of a component that is not there").refused(_revision(6, _set("a", 1, "root.b"))),
        after("a change that does not fit").refused(_revision(6, _delta(Remove(("b",))))),
        after("a gap: a splice that the missed revision made room for").refused(
            _revision(7, _delta(Splice(("a",), 1, 0, [2])))
        ),
    ]


def plain() -> dict[str, Any]:
    """Makes what `watches.json` holds."""
    return {"cases": [story.plain() for story in _stories()]}
