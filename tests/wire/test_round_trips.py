"""Whatever is encoded comes back the same, through bytes, for every kind that travels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import pytest
from flowrpc.protocol.messages import AgentMessage, FlowMessage
from flowrpc.state.changes import Set
from flowrpc.state.records import Failure, FailureReason
from flowrpc.state.values import same
from flowrpc.v1 import run_pb2, value_pb2
from flowrpc.wire import (
    agents,
    answers,
    attach,
    changes,
    journal,
    logs,
    outcomes,
    records,
    requests,
    values,
    watch,
)
from google.protobuf.message import Message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.wire import strategies as some

quick = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


def through_bytes(message: Message) -> Any:
    return type(message).FromString(message.SerializeToString())


@quick
@given(some.values)
def test_a_value_comes_back_exactly(value: Any) -> None:
    back = values.decode_value(through_bytes(values.encode_value(value)), "here")
    assert same(back, value)


@quick
@given(some.entries)
def test_entries_come_back_in_order(entries: Any) -> None:
    messages = [through_bytes(message) for message in values.encode_entries(entries)]
    assert same(values.decode_entries(messages, "here"), entries)


@quick
@given(some.changes)
def test_a_change_comes_back_exactly(change: Any) -> None:
    [message] = changes.encode_changes([change])
    back = changes.decode_change(through_bytes(message), "root")
    assert type(back) is type(change)
    assert same(list(back.path), list(change.path))
    assert same(list(back[1:]), list(change[1:]))


Pair = tuple[st.SearchStrategy[Any], Callable[[Any], Message], Callable[[Any], Any]]

MESSAGES: dict[str, Pair] = {
    "failure": (some.failures, records.encode_failure, records.decode_failure),
    "app status": (
        some.app_statuses,
        records.encode_app_status,
        lambda message: records.decode_app_status(message, "here"),
    ),
    "recipe": (some.recipes, records.encode_recipe, lambda message: records.decode_recipe(message, "here")),
    "component": (
        some.components,
        records.encode_component,
        lambda message: records.decode_component(message, "here"),
    ),
    "delta": (some.deltas, records.encode_delta, lambda message: records.decode_delta(message, "here")),
    "run": (some.runs, records.encode_run, lambda message: records.decode_run(message, "here")),
    "run record": (
        some.run_records,
        records.encode_run_record,
        lambda message: records.decode_run_record(message, "here"),
    ),
    "revision": (
        some.revisions,
        records.encode_revision,
        lambda message: records.decode_revision(message, "here"),
    ),
    "log record": (some.log_records, logs.encode_log_record, logs.decode_log_record),
    "command outcome": (
        some.command_outcomes,
        outcomes.encode_command_outcome,
        outcomes.decode_command_outcome,
    ),
    "update outcome": (
        some.update_outcomes,
        outcomes.encode_update_outcome,
        outcomes.decode_update_outcome,
    ),
    "watch update": (some.watch_updates, watch.encode_watch_update, watch.decode_watch_update),
    "app": (some.app_infos, answers.encode_app, answers.decode_app),
    "command source": (some.command_sources, answers.encode_command_source, answers.decode_command_source),
    "GetCommandSource": (
        some.texts,
        requests.encode_get_command_source,
        requests.decode_get_command_source,
    ),
    "CallCommand": (some.call_commands, requests.encode_call_command, requests.decode_call_command),
    "UpdateState": (some.update_states, requests.encode_update_state, requests.decode_update_state),
    "GetState": (some.get_states, requests.encode_get_state, requests.decode_get_state),
    "WatchState": (some.watch_states, requests.encode_watch_state, requests.decode_watch_state),
    "ListCommands": (some.list_pages, requests.encode_list_commands, requests.decode_list_page),
    "ListWorks": (some.list_pages, requests.encode_list_works, requests.decode_list_page),
    "ListAgents": (some.list_pages, requests.encode_list_agents, requests.decode_list_page),
    "ListRuns": (some.list_runs, requests.encode_list_runs, requests.decode_list_runs),
    "DrainAgent": (some.drain_agents, requests.encode_drain_agent, requests.decode_drain_agent),
    "CancelRun": (some.cancel_runs, requests.encode_cancel_run, requests.decode_cancel_run),
    "StreamLogs": (some.stream_logs, requests.encode_stream_logs, requests.decode_stream_logs),
    "StopApp": (some.stop_apps, requests.encode_stop_app, requests.decode_stop_app),
}


for kind, facts in some.AGENT_KINDS.items():
    MESSAGES[f"agent's {kind.__name__}"] = facts, attach.encode_agent_message, attach.decode_agent_message
for kind, facts in some.FLOW_KINDS.items():
    MESSAGES[f"flow's {kind.__name__}"] = facts, attach.encode_flow_message, attach.decode_flow_message


def test_every_message_of_the_work_protocol_is_among_them() -> None:
    assert set(some.AGENT_KINDS) == set(get_args(AgentMessage))
    assert set(some.FLOW_KINDS) == set(get_args(FlowMessage))


@pytest.mark.parametrize("kind", MESSAGES)
@quick
@given(data=st.data())
def test_a_fact_comes_back_through_its_message(kind: str, data: st.DataObject) -> None:
    facts, encode, decode = MESSAGES[kind]
    fact = data.draw(facts)
    assert decode(through_bytes(encode(fact))) == fact


BYTES: dict[str, tuple[st.SearchStrategy[Any], Callable[[Any], bytes], Callable[[bytes], Any]]] = {
    "revision": (some.revisions, journal.revision_bytes, journal.revision_from_bytes),
    "run record": (some.run_records, journal.run_record_bytes, journal.run_record_from_bytes),
    "runner request": (
        some.runner_requests,
        attach.runner_request_bytes,
        attach.runner_request_from_bytes,
    ),
    "runner response": (
        some.runner_responses,
        attach.runner_response_bytes,
        attach.runner_response_from_bytes,
    ),
}


@pytest.mark.parametrize("kind", BYTES)
@quick
@given(data=st.data())
def test_a_fact_comes_back_through_its_bytes(kind: str, data: st.DataObject) -> None:
    facts, encode, decode = BYTES[kind]
    fact = data.draw(facts)
    assert decode(encode(fact)) == fact


@quick
@given(st.lists(some.components, max_size=3), st.none() | some.app_statuses)
def test_a_snapshot_comes_back_through_its_bytes(components: Any, app: Any) -> None:
    assert journal.snapshot_from_bytes(journal.snapshot_bytes(components, app)) == (tuple(components), app)


@quick
@given(some.stored_answers)
def test_a_stored_answer_comes_back_under_its_request_id(stored: Any) -> None:
    assert journal.answer_from_bytes(stored.request_id, journal.answer_bytes(stored)) == stored


@quick
@given(some.snapshots)
def test_a_state_comes_back_without_what_only_a_watch_tells(snapshot: Any) -> None:
    back = watch.decode_state(through_bytes(watch.encode_state(snapshot)))
    assert (back.journal_id, back.revision) == (snapshot.journal_id, snapshot.revision)
    assert (back.components, back.runs, back.app) == (snapshot.components, snapshot.runs, None)
    assert (back.state_hash, back.reason) == (snapshot.state_hash, None)


@quick
@given(st.lists(some.commands, max_size=3).map(tuple), some.texts)
def test_a_page_of_commands_comes_back(commands: Any, token: str) -> None:
    assert answers.decode_commands(through_bytes(answers.encode_commands(commands, token))) == (
        commands,
        token,
        0,
    )


@quick
@given(st.lists(some.agents, max_size=3).map(tuple), some.texts)
def test_a_page_of_agents_comes_back(listed: Any, token: str) -> None:
    message = through_bytes(agents.encode_agents(listed, token))
    assert agents.decode_agents(message) == (listed, token, 0)


@given(st.lists(some.works, max_size=3).map(tuple), some.int64s, some.texts)
def test_a_page_of_works_comes_back(works: Any, revision: int, token: str) -> None:
    message = through_bytes(answers.encode_works(works, revision, token))
    assert answers.decode_works(message) == (works, token, revision)


@quick
@given(st.lists(some.runs, max_size=3).map(tuple), some.int64s, some.texts)
def test_a_page_of_runs_comes_back(runs: Any, revision: int, token: str) -> None:
    message = through_bytes(answers.encode_runs(runs, revision, token))
    assert answers.decode_runs(message) == (runs, token, revision)


@quick
@given(some.log_records, some.int64s)
def test_a_streamed_log_record_comes_back(record: Any, dropped: int) -> None:
    assert answers.decode_log_update(through_bytes(answers.encode_log_update(record, dropped))) == (
        record,
        dropped,
    )


@quick
@given(some.int64s)
def test_the_revision_of_a_cancel_and_of_a_stop_comes_back(revision: int) -> None:
    assert answers.decode_cancelled(through_bytes(answers.encode_cancelled(revision))) == revision
    assert answers.decode_stopped(through_bytes(answers.encode_stopped(revision))) == revision


@pytest.mark.parametrize("read", [pair[2] for pair in BYTES.values()] + [journal.snapshot_from_bytes])
@quick
@given(data=st.binary(max_size=64))
def test_random_bytes_are_read_or_refused_with_a_value_error(read: Any, data: bytes) -> None:
    try:
        read(data)
    except ValueError as error:
        assert type(error) is ValueError  # noqa: PT017  # random bytes may happen to be a message


def test_a_scalar_set_is_flat_on_the_wire_and_a_container_is_not() -> None:
    messages = changes.encode_changes([Set(("a",), 1), Set(("a",), [1]), Set(("a",), 2**70)])
    kinds = [message.WhichOneof("operation") for message in messages]
    assert kinds == ["integer", "value", "value"]


def test_tracked_subclasses_travel_as_what_they_derive_from() -> None:
    class OwnList(list[Any]):
        pass

    message = values.encode_value(OwnList([1]))
    assert message == value_pb2.Value(list_value=value_pb2.ListValue(values=[value_pb2.Value(int_value=1)]))


def test_unknown_failures_are_exceptions_and_always_have_a_text() -> None:
    failure = records.decode_failure(run_pb2.Failure(reason=99, type="a.B"))  # type: ignore[arg-type]
    assert failure == Failure(reason=FailureReason.EXCEPTION, type="a.B", message="a.B")
