from dataclasses import replace

import pytest
from flowrpc.errors import CallError, InvalidChangeError
from flowrpc.protocol.answers import Bookmark, StateSnapshot, WatchEnd, WatchEndReason
from flowrpc.state.changes import Set
from flowrpc.state.records import AppStage, Revision, RunStatus
from flowrpc.state.state_hash import state_hash
from flowrpc_client import FlowClient, NotReachableError
from flowrpc_client.errors import StateMismatchError

from tests.client.fake_service import BEGIN, JOURNAL, FakeService, run_of, set_counter


def test_replica_folds_what_the_watch_sends(client: FlowClient, service: FakeService) -> None:
    with client.replica() as replica:
        replica.wait_for(lambda now: now.revision == 5)
        assert replica.vars() == {"counter": 1, "names": ["a"], "big": 2**70}

        service.commit("root", set_counter(2))
        service.commit("root.train", Set(("epoch",), 4))
        replica.wait_for(lambda now: now.vars("root.train")["epoch"] == 4)

        assert (replica.revision, replica.journal_id) == (7, JOURNAL)
        assert replica.state() == client.state()


def test_revisions_may_be_left_out(client: FlowClient, service: FakeService) -> None:
    with client.replica() as replica:
        replica.wait_for(lambda now: now.revision == 5)
        service.skip(100)
        service.commit("root", set_counter(2))
        replica.wait_for(lambda now: now.vars()["counter"] == 2)

        assert replica.revision == 106


def test_a_revision_that_goes_back_is_refused(client: FlowClient, service: FakeService) -> None:
    with client.replica() as replica:
        replica.wait_for(lambda now: now.revision == 5)
        service.send(Revision(number=5, time=BEGIN))

        with pytest.raises(InvalidChangeError, match="does not follow 5"):
            replica.wait_for(lambda now: now.revision > 5)


def test_a_snapshot_in_the_middle_replaces_the_state(client: FlowClient, service: FakeService) -> None:
    with client.replica() as replica:
        replica.wait_for(lambda now: now.revision == 5)
        service.skip(10)
        service.replica.components["root"].vars["counter"] = 50
        whole = service.snapshot()
        started = replace(whole, components=whole.components[:1], last=False)
        service.send(started, whole)
        replica.wait_for(lambda now: now.revision == 15)

        assert replica.state() == client.state()


def test_a_broken_watch_goes_on_where_it_was(client: FlowClient, service: FakeService) -> None:
    with client.replica() as replica:
        replica.wait_for(lambda now: now.revision == 5)
        service.watching.clear()
        service.break_watches()
        assert service.watching.wait(10)
        service.commit("root", set_counter(2))
        replica.wait_for(lambda now: now.vars()["counter"] == 2)

    asked = service.watch_requests[-1]
    assert (asked.after_revision, asked.journal_id) == (5, JOURNAL)


def test_the_end_of_the_app_ends_the_wait(client: FlowClient, service: FakeService) -> None:
    with client.replica() as replica:
        replica.wait_for(lambda now: now.revision == 5)
        service.end("the app stopped")

        with pytest.raises(NotReachableError, match="the app stopped"):
            replica.wait_for(lambda now: now.revision > 5)
        assert replica.app is not None
        assert replica.app.stage is AppStage.STOPPED


def test_a_wait_has_a_deadline(client: FlowClient) -> None:
    with client.replica() as replica, pytest.raises(TimeoutError, match="up to revision"):
        replica.wait_for(lambda now: now.revision > 5, timeout=0.1)


def test_an_unknown_component_is_told_to_who_waits(client: FlowClient) -> None:
    with client.replica("root.nope") as replica, pytest.raises(CallError, match="no component"):
        replica.wait_for(lambda _: True)


def test_a_closed_replica_does_not_wait(client: FlowClient) -> None:
    replica = client.replica()
    replica.close()

    with pytest.raises(NotReachableError, match="closed"):
        replica.wait_for(lambda now: now.revision > 5)


def test_what_is_read_is_a_copy(client: FlowClient) -> None:
    with client.replica() as replica:
        replica.wait_for(lambda now: now.revision == 5)
        replica.vars()["names"].append("mine")  # type: ignore[union-attr]
        replica.state()["vars"]["names"].append("mine")

        assert replica.vars()["names"] == ["a"]


def test_old_runs_are_forgotten_but_no_open_one(client: FlowClient, service: FakeService) -> None:
    with client.replica() as replica:
        replica.wait_for(lambda now: now.revision == 5)
        service.commit("root", runs=[run_of(0)])
        for number in range(1, 31):
            service.commit("root", runs=[run_of(number, status=RunStatus.SUCCEEDED, ended_at=BEGIN)])
        replica.wait_for(lambda now: now.revision == 36)

        calls = replica.state()["works"]["train"]["calls"]

    kept = {int(key, 16) for key in calls if key != "latest_call_hash"}
    assert kept == {0, *range(11, 31)}


def bookmark(service: FakeService) -> Bookmark:
    hashed = state_hash(service.replica.components.values())
    return Bookmark(journal_id=JOURNAL, revision=service.replica.revision, state_hash=hashed)


def test_a_watch_that_breaks_goes_on_after_its_bookmark(client: FlowClient, service: FakeService) -> None:
    with client.replica() as replica:
        replica.wait_for(lambda now: now.revision == 5)
        service.commit("root", set_counter(2))
        service.skip(100)
        service.send(bookmark(service))
        replica.wait_for(lambda now: now.revision == 106)
        assert replica.state_hash() == bookmark(service).state_hash
        service.watching.clear()
        service.break_watches()
        assert service.watching.wait(10)

    assert service.watch_requests[-1].after_revision == 106
    assert replica.mismatches == 0


def test_a_replica_that_differs_begins_anew(client: FlowClient, service: FakeService) -> None:
    with client.replica() as replica:
        replica.wait_for(lambda now: now.revision == 5)
        service.replica.components["root"].vars["counter"] = 50  # which no revision tells
        service.send(bookmark(service))
        replica.wait_for(lambda now: now.vars()["counter"] == 50)

        assert replica.mismatches == 1
    assert service.watch_requests[-1].after_revision is None


def test_a_replica_gives_up_if_snapshots_differ_too(
    client: FlowClient, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = service.snapshot

    def wrong(component: str = "root") -> StateSnapshot:
        return replace(plain(component), state_hash="0" * 64)

    monkeypatch.setattr(service, "snapshot", wrong)
    with client.replica() as replica:
        with pytest.raises(StateMismatchError, match=r"root at revision 5 has the hash .*, the app 0{16}…"):
            replica.wait_for(lambda now: now.revision == 5)
        assert replica.mismatches == 3


def test_a_bookmark_that_goes_back_is_refused(client: FlowClient, service: FakeService) -> None:
    with client.replica() as replica:
        replica.wait_for(lambda now: now.revision == 5)
        service.send(Bookmark(journal_id=JOURNAL, revision=4))

        with pytest.raises(InvalidChangeError, match="is before 5"):
            replica.wait_for(lambda now: now.revision > 5)


def test_a_service_that_stops_is_waited_for(client: FlowClient, service: FakeService) -> None:
    with client.replica() as replica:
        replica.wait_for(lambda now: now.revision == 5)
        service.watching.clear()
        service.send(
            WatchEnd(revision=5, message="the service ended", reason=WatchEndReason.SERVICE_STOPPING)
        )
        assert service.watching.wait(10)
        service.commit("root", set_counter(2))
        replica.wait_for(lambda now: now.vars()["counter"] == 2)

    assert service.watch_requests[-1].after_revision == 5
