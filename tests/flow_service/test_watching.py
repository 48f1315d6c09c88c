"""Watches keep what they promise, whatever the history and whatever the watchers do."""

from __future__ import annotations

import asyncio
import gc
from typing import Any
from weakref import ref

import pytest
from flowrpc.flow_service import encoded_state, parts
from flowrpc.flow_service import publisher as publishing
from flowrpc.flow_service.feed import Feed
from flowrpc.flow_service.publisher import Publisher
from flowrpc.flow_service.watching import Cut, Mark
from flowrpc.protocol.requests import GetState, WatchState
from flowrpc.state import Remove, Set, Splice
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
from flowrpc.state.replica import Replica
from flowrpc.state.state_hash import state_hash
from flowrpc.v1 import flow_service_pb2 as pb
from flowrpc.wire.journal import revision_bytes
from flowrpc.wire.watch import decode_state
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.flow_service.driver import BEGIN
from tests.flow_service.watcher_double import History, WatcherDouble

NAMES = ("root", "root.a", "root.a.b", "root.c")


class World:
    """A publisher whose state random numbers change."""

    def __init__(self, publisher: Publisher | None = None) -> None:
        self.publisher = publisher or Publisher(Replica(), journal_id="journal")
        self.history = History(self.publisher)
        self.steps = 0
        self.publish(*(Delta(component=name, attached=_record(name, 0)) for name in NAMES))

    def publish(self, *deltas: Delta, app: AppStatus | None = None, runs: tuple[Run, ...] = ()) -> None:
        number = self.publisher.replica.revision + 1
        revision = Revision(number=number, time=BEGIN, deltas=deltas, app=app, runs=runs)
        self.publisher.publish(revision, revision_bytes(revision))
        self.history.note(revision)

    def change(self, kind: int, name: str) -> None:
        """Makes a revision of a kind: changes vars, or attaches and detaches."""
        self.steps += 1
        there = name in self.publisher.replica.components
        if kind == 4:
            self.publish(app=AppStatus(stage=AppStage.RUNNING, message=str(self.steps)))
        elif not there:
            around = name.rpartition(".")[0]
            missing = [n for n in (around, name) if n and n not in self.publisher.replica.components]
            self.publish(*(Delta(component=n, attached=_record(n, self.steps)) for n in missing))
        elif kind == 6:
            self.publish(Delta(component=name, attached=_record(name, self.steps)))
        elif kind == 5 and name != "root":
            change = Set(("number",), -self.steps)
            self.publish(Delta(component=name, changes=(change,), detached=True))
        else:
            self.publish(Delta(component=name, changes=_changes(kind, self.steps, self._vars(name))))

    def bookmark(self) -> None:
        """Lets the time come at which bookmarks are due."""
        self.publisher._bookmarks_due()

    def _vars(self, name: str) -> dict[str, Any]:
        return self.publisher.replica.components[name].vars


def _record(name: str, number: int) -> ComponentRecord:
    kind = ComponentKind.WORK if name == "root.c" else ComponentKind.FLOW
    recipe = Recipe(type="a:B", args=(1, "x"), kwargs={"k": [None]}) if name == "root.a" else None
    own: dict[str, Any] = {
        "number": number,
        "items": [1],
        "text": "é" * (number % 7),
        "big": 2**70,
        "d": {"b": 1, "a": 2},
    }
    return ComponentRecord(name=name, kind=kind, type="app:X", vars=dict(own), recipe=recipe)


def _changes(kind: int, step: int, own: dict[str, Any]) -> tuple[Any, ...]:
    if kind == 0:
        return (Set(("number",), step),)
    if kind == 1:
        return (Splice(("items",), 0, min(1, len(own["items"])), [step, "x" * 40]),)
    if kind == 2 and "text" in own:
        return (Remove(("text",)), Set(("text",), str(step)), Set(("d", "a"), step))
    return tuple(Set((f"v{step}-{n}",), "y" * 50) for n in range(5))


actions = st.lists(
    st.one_of(
        st.tuples(st.just("change"), st.integers(0, 6), st.sampled_from(NAMES)),
        st.tuples(st.sampled_from(["take", "take", "take_all", "leave", "resume"]), st.integers(0, 3)),
        st.tuples(st.just("bookmark")),
        st.tuples(st.just("ask"), st.integers(0, 3), st.integers(0, 30), st.sampled_from(["journal", "x"])),
    ),
    max_size=60,
)


@settings(max_examples=150, deadline=None)
@given(
    actions, st.sampled_from([1, 3, 8, 1000]), st.sampled_from([64, 300, 10**6]), st.sampled_from([1, 10**6])
)
def test_a_replica_equals_the_history_whatever_happens(
    steps: list[Any], kept: int, part_bytes: int, under_way_bytes: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(publishing, "KEPT_REVISIONS", kept)
        patch.setattr(publishing, "PART_BYTES", part_bytes)
        patch.setattr(encoded_state, "PART_BYTES", part_bytes)
        patch.setattr(parts, "UNDER_WAY_BYTES", under_way_bytes)
        world = World()
        watchers = [WatcherDouble(world.history, name) for name in ("root", "root", "root.a", "root.a.b")]
        for watcher in watchers[1:]:
            watcher.ask()
            watcher.take_all()
        for step in steps:
            _do(world, watchers, step)
        for watcher in watchers:
            if watcher.ready:
                watcher.resume()
                world.bookmark()
                watcher.take_all()
                assert world.history.below(world.publisher.replica.revision, watcher.component) == (
                    watcher.replica.components
                )
            watcher.leave()
        assert not world.publisher._feeds


def _do(world: World, watchers: list[WatcherDouble], step: tuple[Any, ...]) -> None:
    if step[0] == "change":
        world.change(*step[1:])
    elif step[0] == "bookmark":
        world.bookmark()
    elif step[0] == "ask":
        watcher = watchers[step[1]]
        if watcher.component in world.publisher.replica.components and not watcher.ready:
            watcher.ask()
        elif watcher.ready:
            watcher.ask(watcher.replica.revision, step[3]) if step[2] % 2 else watcher.ask(10**6)
    elif step[0] != "resume" or watchers[step[1]].ready:
        getattr(watchers[step[1]], step[0])()


@pytest.mark.parametrize("kept", [1, 2, 3, 5])
def test_a_watch_resumes_after_exactly_what_is_kept(kept: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """All tokens of all small histories, with and without other watchers of the component."""
    monkeypatch.setattr(publishing, "KEPT_REVISIONS", kept)
    for length in range(8):
        for watched in (False, True):
            world = World()
            other = WatcherDouble(world.history)
            if watched:
                other.ask()
            for _ in range(length):
                world.change(0, "root")
            newest = world.publisher.replica.revision
            oldest = max(newest - kept, 0)
            for token in range(newest + 3):
                watcher = WatcherDouble(world.history)
                watcher.ready, watcher.replica = True, _replica(world, min(token, newest))
                watcher.ask(token)
                watcher.take_all()
                reasons = ["ahead"] if token > newest else ["too_old"] if token < oldest else []
                assert (watcher.reasons, watcher.replica.revision) == (reasons, newest)
                if not reasons:
                    assert watcher.numbers == list(range(token + 1, newest + 1))
                watcher.leave()
            other.leave()


def test_the_end_of_what_is_around_a_component_ends_it_only() -> None:
    """In one revision with changes that are not the watcher's."""
    world = World()
    watcher = WatcherDouble(world.history, "root.a.b")
    watcher.ask()
    watcher.take_all()
    world.change(5, "root.a")
    watcher.take_all()
    assert (watcher.numbers, watcher.replica.components) == ([2], {})
    world.change(0, "root.a.b")
    watcher.take_all()
    assert (watcher.numbers, list(watcher.replica.components)) == ([2, 3], ["root.a.b"])


def test_a_restarted_service_resumes_who_had_everything() -> None:
    world = World()
    recovered = Publisher(world.publisher.replica, journal_id="journal")
    history = History(recovered)
    history.states = world.history.states
    for token, reasons in ((1, []), (0, ["too_old"]), (2, ["ahead"])):
        watcher = WatcherDouble(history)
        watcher.ready, watcher.replica = True, _replica(world, min(token, 1))
        watcher.ask(token)
        watcher.take_all()
        assert watcher.reasons == reasons


def test_who_watches_something_else_is_not_woken() -> None:
    async def scenario() -> None:
        world = World()
        world.change(0, "root.a")
        world.change(0, "root.c")
        watch = world.publisher.follow(
            WatchState(
                component="root.a", after_revision=world.publisher.replica.revision, journal_id="journal"
            )
        )
        waiting = asyncio.ensure_future(watch.wait())
        await asyncio.sleep(0)
        world.change(0, "root.c")
        world.change(0, "root")
        await asyncio.sleep(0)
        assert not waiting.done()
        world.bookmark()
        await waiting
        assert watch.step() is not None
        assert watch.revision == world.publisher.replica.revision, "the token is fresh"
        assert watch.step() is None
        watch.close()

    asyncio.run(scenario())


def test_bookmarks_come_by_themselves_some_time_after_a_revision() -> None:
    async def scenario() -> None:
        publisher = Publisher(Replica(), journal_id="journal", bookmark_seconds=0.01)
        world = World(publisher)
        watch = publisher.follow(WatchState(component="root.a"))
        assert isinstance(watch.step(), Cut)
        for _ in range(2):  # the first bookmark is not the last one
            waiting = asyncio.ensure_future(watch.wait())
            await asyncio.sleep(0)
            world.change(0, "root.c")
            await asyncio.wait_for(waiting, 60)
            assert isinstance(watch.step(), Mark)
            assert watch.revision == publisher.replica.revision
        watch.close()

    asyncio.run(scenario())


def test_bookmarks_come_once_and_not_without_a_revision_between() -> None:
    world = World()
    watcher = WatcherDouble(world.history)
    watcher.ask()
    watcher.take_all()
    assert watcher.hashes == 1
    for _ in range(3):
        world.bookmark()
        watcher.take_all()
    assert watcher.hashes == 1, "nothing happened since the snapshot"
    for _ in range(4):
        world.change(0, "root")
        watcher.take_all()
    assert watcher.hashes == 1, "its time has not come"
    world.bookmark()
    watcher.take_all()
    assert watcher.hashes == 2


def test_what_many_watchers_are_sent_is_encoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.change(0, "root.a")
    first, second = (world.publisher.follow(WatchState(component="root.a")) for _ in range(2))
    cuts = [watch.step() for watch in (first, second)]
    snapshots = [world.publisher.messages(w, c) for w, c in zip((first, second), cuts, strict=True)]  # type: ignore[arg-type]
    assert snapshots[0] is snapshots[1]
    world.change(0, "root.a")
    updates = [watch.step() for watch in (first, second)]
    (one,), (other,) = (
        world.publisher.messages(w, u)  # type: ignore[arg-type]
        for w, u in zip((first, second), updates, strict=True)
    )
    assert one is other


def test_snapshots_of_watchers_that_stall_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred watchers, each of which stalls in the midst of a snapshot of another revision."""
    monkeypatch.setattr(parts, "UNDER_WAY_BYTES", 100_000)
    monkeypatch.setattr(encoded_state, "PART_BYTES", 4_000)
    world = World()
    world.publish(Delta(component="root", changes=(Set(("blob",), "x" * 1000), *_many(20))))
    stalled = []
    for _ in range(100):
        watcher = WatcherDouble(world.history)
        watcher.ask()
        assert watcher.take()
        stalled.append(watcher)
        world.change(0, "root")
    held = sum(known.size for known in world.publisher._under_way._parts)
    assert held <= 100_000 + 25_000
    for watcher in stalled:
        watcher.take_all()
        assert watcher.replica.revision == world.publisher.replica.revision
    assert stalled[0].reasons == ["asked", "too_slow"]
    assert stalled[-1].reasons == ["asked"]
    slow = sum(watcher.reasons.count("too_slow") for watcher in stalled)
    assert world.publisher.refusals.counts() == {"WATCH_TOO_SLOW": slow}


def test_a_large_revision_is_sent_in_parts_and_applied_whole() -> None:
    world = World()
    watcher = WatcherDouble(world.history)
    watcher.ask()
    watcher.take_all()
    big = {f"v{number}": "x" * 900_000 for number in range(5)}
    record = ComponentRecord(name="root.big", kind=ComponentKind.FLOW, type="a:B", vars=dict(big))
    changes = tuple(Set((f"n{number}",), "y" * 900_000) for number in range(4))
    runs = tuple(Run(run_id=str(n), work="root.c", call_key="k", args=("z" * 900_000,)) for n in range(3))
    world.publish(
        Delta(component="root.big", attached=record), Delta(component="root", changes=changes), runs=runs
    )
    taken = 0
    while watcher.replica.revision == 1:
        assert watcher.take()
        taken += 1
    assert taken >= 12, "each message stays small"
    assert watcher.numbers == [2]


def _many(count: int) -> tuple[Set, ...]:
    return tuple(Set((f"m{number}",), "x" * 1000) for number in range(count))


def _replica(world: World, number: int) -> Replica:
    state = world.history.below(number, "root")
    copies = [_copy(record) for record in state.values()]
    return Replica(revision=number, components=copies)


def _copy(record: ComponentRecord) -> ComponentRecord:
    delta = Delta(component=record.name, attached=record)
    replica = Replica()
    replica.fold(Revision(number=1, time=BEGIN, deltas=(delta,)))
    return replica.components[record.name]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.sampled_from(NAMES), st.booleans()), max_size=30))
def test_what_is_read_equals_the_state_however_often_it_changed(steps: list[Any]) -> None:
    """The encoded vars that are kept, and the digests, against encoding all of it anew."""
    world = World()
    for kind, name, read in steps:
        world.change(kind, name)
        if read:
            _read(world)
    _read(world)


def _read(world: World) -> None:
    data = world.publisher.state_bytes(GetState(with_state_hash=True))
    snapshot = decode_state(pb.GetStateResponse.FromString(data))
    replica = world.publisher.replica
    assert {r.name: r for r in snapshot.components} == replica.components
    assert [list(r.vars) for r in snapshot.components] == [list(r.vars) for r in replica.components.values()]
    assert snapshot.state_hash == state_hash(replica.components.values())


def test_runs_are_read_as_they_are_now() -> None:
    world = World()
    world.change(0, "root.c")
    for status in (RunStatus.PENDING, RunStatus.RUNNING, RunStatus.SUCCEEDED):
        world.publish(runs=(Run(run_id="r", work="root.c", call_key="k", status=status),))
        read = decode_state(pb.GetStateResponse.FromString(world.publisher.state_bytes(GetState())))
        assert [run.status for run in read.runs] == [status]


def test_watchers_that_come_and_go_leave_nothing() -> None:
    async def scenario() -> None:
        world = World()
        for _ in range(50):
            watch = world.publisher.follow(WatchState(after_revision=1, journal_id="journal"))
            feed: Feed = watch.feed
            with watch:
                waiting = asyncio.ensure_future(watch.wait())
                await asyncio.sleep(0)
                waiting.cancel()
                await asyncio.gather(waiting, return_exceptions=True)
                assert not feed._waiting
        assert not world.publisher._feeds

    asyncio.run(scenario())


def test_nothing_is_kept_for_watchers_that_have_left() -> None:
    world = World()
    with world.publisher.follow(WatchState(component="root.a")) as watch:
        feed = ref(watch.feed)
        world.change(0, "root.a")
        assert watch.feed.end > watch.feed.first, "it holds a revision"
    del watch
    gc.collect()
    assert feed() is None
    for _ in range(3):
        world.change(0, "root.a")
