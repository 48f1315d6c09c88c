import threading
import uuid
from dataclasses import replace
from pathlib import Path

import pytest
from flowrpc.errors import CallError, InvalidValueError
from flowrpc.protocol.answers import StateSnapshot, WatchEnd
from flowrpc.protocol.messages import LogRecord
from flowrpc.protocol.run_directory import AppEntry, publish
from flowrpc.state.changes import Splice
from flowrpc.state.records import Revision, RunStatus
from flowrpc.state.values import Value
from flowrpc_client import CommandFailed, FlowClient, NotReachableError, new_request_id

from tests.client.fake_service import BEGIN, JOURNAL, FakeService, RunningFake, run_of, set_counter


def test_a_stream_yields_items_and_raises_what_the_command_raised(client: FlowClient) -> None:
    assert list(client.stream("letters", value="ab")) == ["a", "b"]
    assert [item.revision for item in client.stream_items("letters", {"value": "ab"})] == [7, 7]
    stream = client.stream("letters", value="a!")
    assert next(stream) == "a"
    with pytest.raises(CommandFailed, match="ValueError: a !"):
        next(stream)


def test_app_tells_what_it_is(client: FlowClient) -> None:
    info = client.app()

    assert (info.name, info.journal_id, info.revision, info.started_at) == ("fake", JOURNAL, 5, BEGIN)


def test_call_returns_exact_values(client: FlowClient) -> None:
    value: Value = [2**70, -(2**63), 0.1, -0.0, "ü\n", None, True, {"b": 1, "a": [1.0, 1]}]

    result = client.call("echo", value=value)

    assert repr(result) == repr(value)


def test_call_raises_what_the_command_raised(client: FlowClient) -> None:
    with pytest.raises(CommandFailed, match=r"^builtins.ValueError: boom$") as caught:
        client.call("explode")

    assert caught.value.failure.traceback.startswith("Traceback")


def test_unknown_command_is_refused_with_the_suggestion(client: FlowClient) -> None:
    with pytest.raises(CallError) as caught:
        client.call("ech", value=1)

    assert (caught.value.reason, caught.value.metadata["suggestion"]) == ("UNKNOWN_COMMAND", "echo")


def test_a_value_that_cannot_be_sent_is_named(client: FlowClient) -> None:
    with pytest.raises(InvalidValueError, match=r"arguments\.value"):
        client.call("echo", value=float("nan"))


def test_a_lost_answer_is_asked_for_again_under_the_same_id(client: FlowClient, service: FakeService) -> None:
    service.lost_answers = 2

    outcome = client.call_outcome("echo", {"value": 1})

    assert (outcome.result, outcome.replayed, len(service.executed)) == (1, True, 1)


def test_a_given_request_id_is_used(client: FlowClient, service: FakeService) -> None:
    client.call("echo", "0199-given", value=1)

    assert service.executed == ["0199-given"]


def test_call_is_given_up_at_its_deadline(client: FlowClient, service: FakeService) -> None:
    service.lost_answers = 10**6

    # Which of the two depends on where in the last attempt the time is over.
    with pytest.raises(NotReachableError, match=r"ending|did not answer in time"):
        client.call("echo", timeout=0.4, value=1)


def test_call_waits_for_an_app_that_comes_back(fake: RunningFake, token_file: Path) -> None:
    fake.close()
    with FlowClient(fake.address, token_file) as client:
        results: list[object] = []
        caller = threading.Thread(target=lambda: results.append(client.call("echo", value="late")))
        caller.start()
        again = RunningFake(fake.service, fake.port)
        caller.join()
        again.close()

    assert results == ["late"]


def test_call_follows_an_app_that_comes_back_elsewhere(entry: AppEntry, fake: RunningFake) -> None:
    with FlowClient(app="fake") as client:
        client.app()
        fake.close()
        elsewhere = RunningFake(fake.service)
        publish(replace(entry, address=elsewhere.address))
        result = client.call("echo", value=1)
        address = client.address
        elsewhere.close()

    assert (result, address) == (1, elsewhere.address)


def test_a_new_client_dials_itself_though_another_has_just_dialled_in_vain(
    service: FakeService, fake: RunningFake, token_file: Path
) -> None:
    fake.close()
    with FlowClient(fake.address, token_file=token_file) as other:
        for _ in range(6):  # by then it waits a second before it dials again
            with pytest.raises(NotReachableError):
                other.app()
        again = RunningFake(service, fake.port)
        with FlowClient(fake.address, token_file=token_file) as new:
            assert new.app().name == "fake"
        again.close()


def test_nothing_there_is_not_reachable(fake: RunningFake, token_file: Path) -> None:
    fake.close()

    with (
        FlowClient(fake.address, token_file) as client,
        pytest.raises(NotReachableError, match=str(fake.port)),
    ):
        client.app()


def test_wrong_token_is_refused(fake: RunningFake, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("wrong")
    wrong.chmod(0o600)

    with FlowClient(fake.address, wrong) as client, pytest.raises(CallError) as caught:
        client.app()

    assert caught.value.reason == "UNAUTHENTICATED"


def test_update_sets_vars_and_splices_lists(client: FlowClient, service: FakeService) -> None:
    client.update("root", {"counter": 7})
    outcome = client.update("root", [Splice(("names",), 1, 0, ["b"])], expected_revision=6)

    own = service.replica.components["root"].vars
    assert (own["counter"], own["names"], outcome.revision) == (7, ["a", "b"], 7)


def test_update_of_a_state_that_went_on_is_refused(client: FlowClient) -> None:
    with pytest.raises(CallError) as caught:
        client.update("root", {"counter": 7}, expected_revision=1)

    assert caught.value.reason == "REVISION_CONFLICT"


def test_watch_begins_with_a_snapshot_and_follows(client: FlowClient, service: FakeService) -> None:
    with client.watch() as updates:
        first, last = next(updates), next(updates)
        service.commit("root", set_counter(2))
        revision = next(updates)
        service.end()
        end = next(updates)

        assert isinstance(first, StateSnapshot)
        assert isinstance(last, StateSnapshot)
        assert isinstance(revision, Revision)
        assert isinstance(end, WatchEnd)
        assert (first.first, last.last, revision.number, end.revision) == (True, True, 6, 6)
        assert list(updates) == []


def test_watch_continues_after_a_revision(client: FlowClient, service: FakeService) -> None:
    with client.watch(after=(5, JOURNAL)) as updates:
        assert service.watching.wait(10)
        service.commit("root", set_counter(3))
        update = next(updates)

    assert isinstance(update, Revision)
    assert service.watch_requests[0].after_revision == 5


def test_closing_a_watch_cancels_its_call(client: FlowClient, service: FakeService) -> None:
    updates = client.watch()
    next(updates)
    updates.close()

    assert service.watch_ended.wait(10)
    assert next(updates, None) is None


def test_dropping_a_watch_cancels_its_call(client: FlowClient, service: FakeService) -> None:
    updates = client.watch()
    next(updates)
    del updates

    assert service.watch_ended.wait(10)


def test_watch_of_an_unknown_component_is_refused(client: FlowClient) -> None:
    with client.watch("root.trian") as updates, pytest.raises(CallError) as caught:
        next(updates)

    assert caught.value.metadata["suggestion"] == "root.train"


def test_lists_are_read_page_by_page(client: FlowClient, service: FakeService) -> None:
    service.page_limit = 2
    service.commit("root", runs=[run_of(number) for number in range(5)])

    assert [run.run_id for run in client.runs()] == ["run-4", "run-3", "run-2", "run-1", "run-0"]
    assert [command.name for command in client.commands()] == ["echo", "rename", "explode"]
    assert [work.name for work in client.works()] == ["root.train"]


def test_runs_are_filtered(client: FlowClient, service: FakeService) -> None:
    service.commit("root", runs=[run_of(1), run_of(2, status=RunStatus.FAILED), run_of(3, work="root.other")])

    assert [run.run_id for run in client.runs("root.train", [RunStatus.FAILED])] == ["run-2"]
    assert [run.run_id for run in client.runs("root.other")] == ["run-3"]


def test_cancel_answers_the_revision(client: FlowClient, service: FakeService) -> None:
    service.commit("root", runs=[run_of(1)])

    assert client.cancel("run-1") == 7
    assert service.replica.runs["run-1"].status is RunStatus.CANCELLED


def test_logs_tell_what_was_dropped(client: FlowClient, service: FakeService) -> None:
    service.logs = [
        LogRecord(time=BEGIN, message="low", level=10),
        LogRecord(time=BEGIN, message="high", level=40),
    ]
    service.dropped = 3

    with client.logs(minimum_level=20) as records:
        messages = [record.message for record in records]

    assert messages == ["3 records were dropped here because this reader was too slow", "high"]


def test_stop_sends_the_message(client: FlowClient, service: FakeService) -> None:
    assert client.stop("enough") == 5
    assert service.stop_message == "enough"


def test_a_closed_client_says_so(client: FlowClient) -> None:
    client.close()

    with pytest.raises(NotReachableError, match="closed"):
        client.app()


def test_request_ids_are_uuid7_of_now_and_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time_ns", lambda: 0x0123456789AB * 1_000_000)

    ids = [uuid.UUID(new_request_id()) for _ in range(100)]

    assert {(one.version, one.variant) for one in ids} == {(7, uuid.RFC_4122)}
    assert {one.int >> 80 for one in ids} == {0x0123456789AB}
    assert len(set(ids)) == 100
