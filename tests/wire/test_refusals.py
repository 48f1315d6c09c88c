"""Malformed messages are refused, and the error leads to what is wrong."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from flowrpc.errors import InvalidChangeError, InvalidValueError
from flowrpc.state.changes import Set, Splice
from flowrpc.state.records import ComponentKind, ComponentRecord, Delta, Recipe, Revision
from flowrpc.state.values import MAX_DEPTH, MAX_VALUE_BYTES
from flowrpc.v1 import (
    app_pb2,
    flow_service_pb2,
    journal_pb2,
    run_pb2,
    runner_pb2,
    state_pb2,
    value_pb2,
    work_service_pb2,
)
from flowrpc.v1.value_pb2 import ExtensionValue, ListValue, MapEntry, MapValue
from flowrpc.wire import agents, answers, attach, changes, journal, outcomes, records, times, values, watch
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from tests.wire import strategies as some

Value = value_pb2.Value
NESTED = Value(list_value=ListValue(values=[Value(int_value=1), Value()]))
TWICE = Value(map_value=MapValue(entries=[MapEntry(key="k", value=Value(int_value=n)) for n in (1, 2)]))

BAD_VALUES: dict[str, tuple[Value, str, str]] = {
    "no kind": (Value(), "here", "no kind"),
    "no kind inside": (NESTED, "here[1]", "no kind"),
    "unknown field": (Value.FromString(b"\x9a\x06\x01x"), "here", "no kind"),
    "extension without a type": (
        Value(extension_value=ExtensionValue(content=Value(int_value=1))),
        "here",
        "no name of a type",
    ),
    "extension without content": (Value(extension_value=ExtensionValue(type_name="t")), "here", "no kind"),
    "extension of what is no value": (
        Value(extension_value=ExtensionValue(type_name="t", content=Value(double_value=math.inf))),
        "here['t']",
        "inf",
    ),
    "NaN": (Value(double_value=math.nan), "here", "nan"),
    "infinity": (Value(double_value=-math.inf), "here", "inf"),
    "NaN inside": (Value(list_value=ListValue(values=[Value(double_value=math.nan)])), "here[0]", "nan"),
    "key twice": (TWICE, "here['k']", "twice"),
    "entry without value": (Value(map_value=MapValue(entries=[MapEntry(key="k")])), "here['k']", "no kind"),
    "too deep": (values.encode_value(some.deep(MAX_DEPTH + 1)), "here", "deeper"),
    "too large": (Value(string_value="x" * (MAX_VALUE_BYTES + 1)), "here", "larger"),
    "too large together": (
        Value(list_value=ListValue(values=[Value(string_value="x" * (MAX_VALUE_BYTES // 2))] * 2)),
        "here",
        "larger",
    ),
}
BIG_INTS = ["", "-", "0", "-0", "1", "-9223372036854775808", "9223372036854775807", "1" + "0" * 4000, "1_0"]
BIG_INTS += [
    "09223372036854775808",
    "+9223372036854775808",
    " 9223372036854775808",
    "9223372036854775808\n",
    "٣" * 20,
]


@pytest.mark.parametrize("case", BAD_VALUES)
def test_what_is_no_value_is_refused_with_its_place(case: str) -> None:
    message, place, problem = BAD_VALUES[case]
    with pytest.raises(InvalidValueError, match=problem) as caught:
        values.decode_value(message, "here")
    assert caught.value.place.startswith(place)


@pytest.mark.parametrize("text", BIG_INTS)
def test_a_big_int_that_is_not_canonical_is_refused(text: str) -> None:
    with pytest.raises(InvalidValueError, match="big_int_value"):
        values.decode_value(Value(big_int_value=text), "here")


def test_a_name_that_comes_twice_is_refused() -> None:
    entries = [MapEntry(key="k", value=Value(int_value=n)) for n in (1, 2)]
    with pytest.raises(InvalidValueError, match=r"arguments\.k: comes twice"):
        values.decode_entries(entries, "arguments")


def test_what_is_no_value_is_not_encoded() -> None:
    with pytest.raises(InvalidValueError):
        values.encode_value({"k": {1, 2}})  # type: ignore[dict-item]


def change(**fields: Any) -> state_pb2.Change:
    return state_pb2.Change(**{"var": "v", **fields})


BAD_CHANGES: dict[str, tuple[state_pb2.Change, type[Exception], str]] = {
    "no var": (change(var="", integer=1), InvalidChangeError, "names no var"),
    "no operation": (change(), InvalidChangeError, "^v: has no operation"),
    "empty step": (change(steps=[state_pb2.PathStep()], integer=1), InvalidChangeError, "neither key nor"),
    "negative index": (
        change(steps=[state_pb2.PathStep(index=-1)], integer=1),
        InvalidChangeError,
        "index -1",
    ),
    "negative start": (change(splice=state_pb2.Splice(start=-1)), InvalidChangeError, "negative"),
    "negative count": (change(splice=state_pb2.Splice(delete_count=-1)), InvalidChangeError, "negative"),
    "NaN": (change(number=math.nan), InvalidValueError, "^root.v: nan"),
    "infinity": (change(number=math.inf), InvalidValueError, "^root.v: inf"),
    "text too large": (change(text="é" * MAX_VALUE_BYTES), InvalidValueError, "larger"),
    "value without kind": (change(value=Value()), InvalidValueError, "^root.v: has no kind"),
    "splice of no value": (
        change(splice=state_pb2.Splice(start=3, insert=[Value(int_value=1), Value()])),
        InvalidValueError,
        r"^root.v\[4\]: has no kind",
    ),
}


@pytest.mark.parametrize("case", BAD_CHANGES)
def test_what_is_no_change_is_refused(case: str) -> None:
    message, error, problem = BAD_CHANGES[case]
    with pytest.raises(error, match=problem):
        changes.decode_change(message, "root")


@pytest.mark.parametrize(
    "inside", [Set(("v", "k"), some.deep(MAX_DEPTH)), Splice(("v",), 0, 0, [some.deep(MAX_DEPTH)])]
)
def test_depth_counts_what_a_change_goes_into(inside: Any) -> None:
    [message] = changes.encode_changes([inside])
    with pytest.raises(InvalidValueError, match="deeper"):
        changes.decode_change(message, "root")


def test_the_items_of_a_splice_are_counted_together() -> None:
    half = "x" * (MAX_VALUE_BYTES // 2)
    [message] = changes.encode_changes([Splice(("v",), 0, 0, [half, half])])
    with pytest.raises(InvalidValueError, match="larger"):
        changes.decode_change(message, "root")


COMPONENT = state_pb2.Component(name="root", kind=state_pb2.COMPONENT_KIND_FLOW)
BAD_RECORDS: dict[str, tuple[Callable[[], object], str]] = {
    "component without name": (
        lambda: records.decode_component(state_pb2.Component(kind=state_pb2.COMPONENT_KIND_FLOW), "here"),
        "here: a component has no name",
    ),
    "component without kind": (
        lambda: records.decode_component(state_pb2.Component(name="root"), "here"),
        "root: kind: 0 is not known",
    ),
    "delta without component": (
        lambda: records.decode_delta(state_pb2.Delta(), "here"),
        "names no component",
    ),
    "revision without number": (
        lambda: records.decode_revision(state_pb2.Revision(), "here"),
        "a revision has the number 0",
    ),
    "revision without time": (
        lambda: records.decode_revision(state_pb2.Revision(number=1), "here"),
        "or no time",
    ),
    "run without id": (lambda: records.decode_run(run_pb2.Run(), "here"), "a run has no id"),
    "run without status": (
        lambda: records.decode_run(run_pb2.Run(run_id="r"), "here"),
        "run r: status: 0 is not known",
    ),
    "app without stage": (
        lambda: records.decode_app_status(app_pb2.AppStatus(), "here"),
        "here: the app's stage: 0",
    ),
    "outcome without outcome": (
        lambda: outcomes.decode_command_outcome(flow_service_pb2.CallCommandResponse()),
        "neither a result nor a failure",
    ),
    "work without name": (
        lambda: answers.decode_works(flow_service_pb2.ListWorksResponse(works=[flow_service_pb2.Work()])),
        "a work has no name",
    ),
    "agent without name": (
        lambda: agents.decode_agents(flow_service_pb2.ListAgentsResponse(agents=[flow_service_pb2.Agent()])),
        "an agent has no name",
    ),
    "work without stage": (
        lambda: answers.decode_works(
            flow_service_pb2.ListWorksResponse(works=[flow_service_pb2.Work(name="w")])
        ),
        "w: stage: 0",
    ),
    "nack without reason": (
        lambda: attach.decode_flow_message(
            work_service_pb2.AttachResponse(nack=work_service_pb2.Nack(seq=1))
        ),
        "Nack.reason: 0",
    ),
    "time beyond the calendar": (
        lambda: times.decode_time(Timestamp(seconds=2**60), "here"),
        "here: .* outside the years",
    ),
    "span beyond what Python counts": (
        lambda: times.decode_span(Duration(seconds=2**62), "here"),
        "too long",
    ),
}


@pytest.mark.parametrize("case", BAD_RECORDS)
def test_a_malformed_record_is_refused(case: str) -> None:
    decode, problem = BAD_RECORDS[case]
    with pytest.raises(InvalidValueError, match=problem):
        decode()


BAD_BYTES: dict[str, tuple[Callable[[bytes], object], bytes]] = {
    "revision": (journal.revision_from_bytes, b"\xff"),
    "revision with a bad change": (
        journal.revision_from_bytes,
        state_pb2.Revision(
            number=1,
            time=Timestamp(seconds=1),
            deltas=[state_pb2.Delta(component="root", changes=[change()])],
        ).SerializeToString(),
    ),
    "run record": (journal.run_record_from_bytes, b""),
    "snapshot": (journal.snapshot_from_bytes, b"\x0a\x00"),
    "answer": (lambda data: journal.answer_from_bytes("id", data), b""),
    "runner request": (attach.runner_request_from_bytes, b"\xff"),
    "runner response": (
        attach.runner_response_from_bytes,
        runner_pb2.RunnerResponse(delta=work_service_pb2.WorkDelta(changes=[change()])).SerializeToString(),
    ),
}


@pytest.mark.parametrize("case", BAD_BYTES)
def test_bytes_that_are_something_else_raise_value_error(case: str) -> None:
    read, data = BAD_BYTES[case]
    with pytest.raises(ValueError, match=r"^the (bytes are not|frame is no)"):
        read(data)


UNKNOWN_FIELD = b"\xfa\x7f\x01x"


@pytest.mark.parametrize(
    "decode",
    [
        lambda: attach.decode_agent_message(work_service_pb2.AttachRequest.FromString(UNKNOWN_FIELD)),
        lambda: attach.decode_flow_message(work_service_pb2.AttachResponse.FromString(UNKNOWN_FIELD)),
        lambda: attach.runner_request_from_bytes(UNKNOWN_FIELD),
        lambda: attach.runner_response_from_bytes(UNKNOWN_FIELD),
        lambda: watch.decode_watch_update(flow_service_pb2.WatchStateResponse.FromString(UNKNOWN_FIELD)),
    ],
)
def test_a_kind_of_a_newer_version_is_none(decode: Callable[[], object]) -> None:
    assert decode() is None


def test_fields_of_a_newer_version_are_ignored() -> None:
    data = journal_pb2.StoredSnapshot(components=[COMPONENT]).SerializeToString()
    assert journal.snapshot_from_bytes(data + UNKNOWN_FIELD) == journal.snapshot_from_bytes(data)


def test_an_unknown_verdict_fences_and_an_absent_grace_is_ten_minutes() -> None:
    welcome = work_service_pb2.Welcome(verdicts=[work_service_pb2.HeldVerdict(run_id="r")])
    decoded: Any = attach.decode_flow_message(work_service_pb2.AttachResponse(welcome=welcome))
    assert decoded.verdicts[0].verdict.value == "fenced"
    start: Any = attach.decode_flow_message(
        work_service_pb2.AttachResponse(start_run=work_service_pb2.StartRun(run_id="r"))
    )
    assert start.orphan_grace.total_seconds() == 600


def _attached(value: Any) -> state_pb2.Revision:
    recipe = Recipe(type="m:C", kwargs={"config": value})
    component = ComponentRecord(
        name="root.child", kind=ComponentKind.FLOW, type="m:C", vars={"v": value}, recipe=recipe
    )
    delta = Delta(component="root.child", attached=component)
    return records.encode_revision(Revision(number=1, time=some.moment(), deltas=(delta,)))


def test_the_deepest_value_stays_below_the_nesting_limit_of_protobuf_parsers() -> None:
    """Parsers of most languages, ours too, refuse messages that nest more than 100 deep."""
    sent = flow_service_pb2.WatchStateResponse(revision=_attached(some.deep(MAX_DEPTH)))
    assert flow_service_pb2.WatchStateResponse.FromString(sent.SerializeToString()) == sent
