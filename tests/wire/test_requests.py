"""The service's side of requests: defaults, refusals, digests."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flowrpc.errors import CallError, InvalidValueError
from flowrpc.protocol.requests import CallCommand, CancelRun, ListPage, ListRuns, StreamLogs
from flowrpc.v1 import flow_service_pb2 as pb
from flowrpc.v1.state_pb2 import Change
from flowrpc.v1.value_pb2 import MapEntry, Value
from flowrpc.wire import requests
from google.protobuf.duration_pb2 import Duration

ONE = Value(int_value=1)
NAN = Value(double_value=math.nan)


def test_an_empty_request_means_the_defaults() -> None:
    assert requests.decode_get_state(pb.GetStateRequest()).component == "root"
    assert requests.decode_watch_state(pb.WatchStateRequest()).component == "root"
    assert requests.decode_update_state(pb.UpdateStateRequest()).component == "root"
    assert requests.decode_list_page(pb.ListWorksRequest()) == ListPage(page_size=100)
    assert requests.decode_list_runs(pb.ListRunsRequest()) == ListRuns(page_size=100)
    assert requests.decode_cancel_run(pb.CancelRunRequest(run_id="r")) == CancelRun(
        run_id="r", grace=timedelta(seconds=5)
    )
    assert requests.decode_stream_logs(pb.StreamLogsRequest()) == StreamLogs(tail=100)
    assert requests.encode_get_app() == pb.GetAppRequest()


def test_an_expected_revision_of_zero_is_not_the_same_as_none() -> None:
    assert requests.decode_update_state(pb.UpdateStateRequest(expected_revision=0)).expected_revision == 0
    assert requests.decode_update_state(pb.UpdateStateRequest()).expected_revision is None


Refused = tuple[Callable[[], object], str, dict[str, str]]


def refused(decode: Callable[[Any], object], message: Any, reason: str, **metadata: str) -> Refused:
    return lambda: decode(message), reason, metadata


def field_refused(decode: Callable[[Any], object], message: Any, field: str) -> Refused:
    return refused(decode, message, "INVALID_REQUEST", field=field)


REFUSALS: dict[str, Refused] = {
    "argument twice": refused(
        requests.decode_call_command,
        pb.CallCommandRequest(command="add", arguments=[MapEntry(key="n", value=ONE)] * 2),
        "INVALID_ARGUMENTS",
        command="add",
        parameter="n",
    ),
    "argument no value": refused(
        requests.decode_call_command,
        pb.CallCommandRequest(command="add", arguments=[MapEntry(key="n", value=NAN)]),
        "INVALID_VALUE",
        place="arguments.n",
    ),
    "change no value": refused(
        requests.decode_update_state,
        pb.UpdateStateRequest(component="root.a", changes=[Change(var="n", value=NAN)]),
        "INVALID_VALUE",
        place="root.a.n",
    ),
    "change no change": refused(
        requests.decode_update_state,
        pb.UpdateStateRequest(component="root.a", changes=[Change(var="n")]),
        "INVALID_CHANGE",
        component="root.a",
        path="n",
    ),
    "expected revision": field_refused(
        requests.decode_update_state, pb.UpdateStateRequest(expected_revision=-1), "expected_revision"
    ),
    "after revision": field_refused(
        requests.decode_watch_state, pb.WatchStateRequest(after_revision=-1, journal_id="j"), "after_revision"
    ),
    "no journal": field_refused(
        requests.decode_watch_state, pb.WatchStateRequest(after_revision=0), "journal_id"
    ),
    "page too large": field_refused(
        requests.decode_list_page, pb.ListCommandsRequest(page_size=1001), "page_size"
    ),
    "page negative": field_refused(requests.decode_list_runs, pb.ListRunsRequest(page_size=-1), "page_size"),
    "status": field_refused(
        requests.decode_list_runs, pb.ListRunsRequest.FromString(b"\x12\x01\x00"), "statuses"
    ),
    "grace negative": field_refused(
        requests.decode_cancel_run, pb.CancelRunRequest(grace=Duration(nanos=-1000)), "grace"
    ),
    "grace long": field_refused(
        requests.decode_cancel_run, pb.CancelRunRequest(grace=Duration(seconds=61)), "grace"
    ),
    "grace absurd": field_refused(
        requests.decode_cancel_run, pb.CancelRunRequest(grace=Duration(seconds=2**62)), "grace"
    ),
    "drain nobody": field_refused(requests.decode_drain_agent, pb.DrainAgentRequest(), "agent_id"),
    "drain before now": field_refused(
        requests.decode_drain_agent, pb.DrainAgentRequest(agent_id="a", grace=Duration(seconds=-1)), "grace"
    ),
    "drain absurd": field_refused(
        requests.decode_drain_agent,
        pb.DrainAgentRequest(agent_id="a", grace=Duration(seconds=2**62)),
        "grace",
    ),
    "level": field_refused(
        requests.decode_stream_logs, pb.StreamLogsRequest.FromString(b"\x10\x0f"), "minimum_level"
    ),
    "tail": field_refused(requests.decode_stream_logs, pb.StreamLogsRequest(tail=-1), "tail"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_the_contract_does_not_allow_is_refused_with_its_reason(case: str) -> None:
    decode, reason, metadata = REFUSALS[case]
    with pytest.raises(CallError) as caught:
        decode()
    assert caught.value.reason == reason
    assert caught.value.metadata.items() >= metadata.items()


def test_a_client_cannot_send_what_is_no_value() -> None:
    with pytest.raises(InvalidValueError, match=r"^arguments\.n: "):
        requests.encode_call_command(CallCommand(command="add", arguments={"n": math.nan}))


def test_a_digest_ignores_the_request_id_and_nothing_else() -> None:
    first = pb.CallCommandRequest(command="add", arguments=[MapEntry(key="n", value=ONE)], request_id="1")
    again = pb.CallCommandRequest(command="add", arguments=[MapEntry(key="n", value=ONE)], request_id="2")
    other = pb.CallCommandRequest(command="add", arguments=[MapEntry(key="m", value=ONE)], request_id="1")
    newer = pb.CallCommandRequest.FromString(first.SerializeToString() + b"\xfa\x7f\x01x")
    digests = {requests.request_digest(message) for message in (first, other, newer)}
    assert requests.request_digest(first) == requests.request_digest(again)
    assert len(digests) == 3
    assert first.request_id == "1"


def test_requests_of_two_methods_never_have_the_same_digest() -> None:
    call, update = pb.CallCommandRequest(command="root"), pb.UpdateStateRequest(component="root")
    assert call.SerializeToString() == update.SerializeToString()
    assert requests.request_digest(call) != requests.request_digest(update)
