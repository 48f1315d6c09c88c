from dataclasses import replace

import pytest
from flowrpc.errors import CallError, InvalidChangeError
from flowrpc.state.changes import Set
from flowrpc.state.records import AppStage, Revision, RunStatus
from flowrpc_client import FlowClient, NotReachableError

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
