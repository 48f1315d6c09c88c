"""What clients read and follow: snapshots, revisions once and in order, resuming, paging."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from flowrpc.errors import CallError
from flowrpc.flow_service import publisher as publishing
from flowrpc.flow_service.publisher import Published, Publisher
from flowrpc.protocol.answers import StateSnapshot, WatchEnd, WatchEndReason
from flowrpc.protocol.requests import GetState, ListRuns, WatchState
from flowrpc.state import Set
from flowrpc.state.records import ComponentKind, ComponentRecord, Delta, Revision, Run, RunStatus
from flowrpc.state.replica import Replica
from flowrpc.wire.journal import revision_bytes

from tests.flow_service.driver import BEGIN


def component(name: str, kind: ComponentKind = ComponentKind.FLOW, **vars: Any) -> ComponentRecord:
    return ComponentRecord(name=name, kind=kind, type="app:X", vars=vars)


def run(number: int, work: str = "root.work", status: RunStatus = RunStatus.SUCCEEDED) -> Run:
    return Run(run_id=f"r-{number}", work=work, call_key=str(number), status=status)


class Scene:
    """A publisher and the revisions that were given to it."""

    def __init__(self) -> None:
        self.publisher = Publisher(Replica(), journal_id="journal")
        tree = (
            component("root", counter=0),
            component("root.child", text="a"),
            component("root.work", ComponentKind.WORK, step=0),
        )
        self.publish(*(Delta(component=record.name, attached=record) for record in tree))

    def publish(self, *deltas: Delta, runs: tuple[Run, ...] = (), forgotten: tuple[str, ...] = ()) -> None:
        revision = Revision(
            number=self.publisher.replica.revision + 1,
            time=BEGIN,
            deltas=deltas,
            runs=runs,
            forgotten_runs=forgotten,
        )
        self.publisher.publish(revision, revision_bytes(revision))

    def set(self, name: str, **vars: Any) -> None:
        changes = tuple(Set((var,), value) for var, value in vars.items())
        self.publish(Delta(component=name, changes=changes))

    def watch(self, component: str = "root", after: int | None = None, journal: str = "journal") -> Any:
        return self.publisher.watch(WatchState(component=component, after_revision=after, journal_id=journal))


async def take(updates: AsyncIterator[Any], count: int) -> list[Any]:
    return [await asyncio.wait_for(anext(updates), 60) for _ in range(count)]


def numbers(updates: list[Any]) -> list[int]:
    return [update.revision.number for update in updates if isinstance(update, Published)]


def test_a_watch_begins_with_a_snapshot_and_goes_on_with_each_revision() -> None:
    async def scenario() -> None:
        scene = Scene()
        updates = scene.watch()
        ((snapshot,),) = await take(updates, 1)
        assert isinstance(snapshot, StateSnapshot)
        assert (snapshot.revision, snapshot.first, snapshot.last) == (1, True, True)
        waiting = asyncio.ensure_future(take(updates, 2))
        await asyncio.sleep(0)
        scene.set("root", counter=1)
        scene.set("root.child", text="b")

        assert numbers(await waiting) == [2, 3]

    asyncio.run(scenario())


def test_a_watch_resumes_after_the_revision_it_names() -> None:
    async def scenario() -> None:
        scene = Scene()
        for counter in range(5):
            scene.set("root", counter=counter)

        assert numbers(await take(scene.watch(after=3), 3)) == [4, 5, 6]

    asyncio.run(scenario())


@pytest.mark.parametrize(("after", "journal"), [(2, "another"), (99, "journal"), (None, "journal")])
def test_a_place_that_is_not_known_gets_a_snapshot(after: int | None, journal: str) -> None:
    async def scenario() -> None:
        scene = Scene()
        scene.set("root", counter=1)

        ((snapshot,),) = await take(scene.watch(after=after, journal=journal), 1)

        assert snapshot.revision == 2

    asyncio.run(scenario())


def test_a_watcher_that_is_too_slow_gets_a_snapshot_and_no_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "KEPT_REVISIONS", 3)

    async def scenario() -> None:
        scene = Scene()
        updates = scene.watch()
        await take(updates, 1)
        for counter in range(10):
            scene.set("root", counter=counter)

        ((snapshot,),) = await take(updates, 1)
        assert snapshot.revision == 11
        assert snapshot.components[0].vars == {"counter": 9}
        scene.set("root", counter=10)
        assert numbers(await take(updates, 1)) == [12]

    asyncio.run(scenario())


def test_a_watch_of_a_component_leaves_out_what_is_not_below_it() -> None:
    async def scenario() -> None:
        scene = Scene()
        updates = scene.watch("root.child")
        ((snapshot,),) = await take(updates, 1)
        assert [record.name for record in snapshot.components] == ["root.child"]
        scene.set("root", counter=1)
        scene.publish(runs=(run(1),))
        scene.set("root.child", text="b")

        (update,) = await take(updates, 1)

        assert update.revision.number == 4
        assert [delta.component for delta in update.revision.deltas] == ["root.child"]

    asyncio.run(scenario())


def test_a_watch_ends_by_saying_why_after_the_last_revision() -> None:
    async def scenario() -> None:
        scene = Scene()
        updates = scene.watch()
        await take(updates, 1)
        scene.set("root", counter=1)
        scene.publisher.end("the app has ended: stopped", None)

        revision, end = await take(updates, 2)

        assert numbers([revision]) == [2]
        assert end == WatchEnd(
            revision=2,
            message="the app has ended: stopped",
            app=None,
            reason=WatchEndReason.SERVICE_STOPPING,
        )
        with pytest.raises(StopAsyncIteration):
            await anext(updates)

    asyncio.run(scenario())


def test_a_large_snapshot_comes_in_parts_that_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "SNAPSHOT_PART_VARS", 10)

    async def scenario() -> None:
        scene = Scene()
        many = {f"var_{number}": number for number in range(35)}
        flow = ComponentRecord(name="root.many", kind=ComponentKind.FLOW, type="app:X", vars=dict(many))
        scene.publish(Delta(component="root.many", attached=flow))

        (parts,) = await take(scene.watch(), 1)

        assert len(parts) > 3
        assert [part.first for part in parts] == [True] + [False] * (len(parts) - 1)
        assert [part.last for part in parts] == [False] * (len(parts) - 1) + [True]
        found = [record for part in parts for record in part.components if record.name == "root.many"]
        assert {name: value for record in found for name, value in record.vars.items()} == many

    asyncio.run(scenario())


def test_state_is_read_with_its_recent_runs() -> None:
    scene = Scene()
    scene.publish(runs=tuple(run(number) for number in range(30)))
    scene.publish(runs=(run(30, status=RunStatus.RUNNING),), forgotten=("r-29",))

    snapshot = scene.publisher.state(GetState())

    assert [found.run_id for found in snapshot.runs][-2:] == ["r-28", "r-30"]
    assert len(snapshot.runs) == 20
    assert [r.name for r in scene.publisher.state(GetState(exclude_children=True)).components] == ["root"]
    with pytest.raises(CallError, match=r"did you mean 'root\.child'"):
        scene.publisher.state(GetState(component="root.chld"))


def test_runs_are_listed_newest_first_in_pages() -> None:
    scene = Scene()
    scene.publish(
        runs=tuple(run(number, work="root.work" if number % 2 else "root.child") for number in range(6))
    )

    first, token = scene.publisher.runs(ListRuns(page_size=4))
    second, end = scene.publisher.runs(ListRuns(page_size=4, page_token=token))

    assert [found.run_id for found in first + second] == ["r-5", "r-4", "r-3", "r-2", "r-1", "r-0"]
    assert end == ""
    chosen, _ = scene.publisher.runs(ListRuns(work="root.work", statuses=frozenset({RunStatus.SUCCEEDED})))
    assert [found.run_id for found in chosen] == ["r-5", "r-3", "r-1"]
    with pytest.raises(CallError, match="page token"):
        scene.publisher.runs(ListRuns(page_token="nonsense"))
