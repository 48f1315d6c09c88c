"""A delta passes through an agent as bytes, and means the same on the other side."""

from __future__ import annotations

from typing import Any

import pytest
from flowrpc.protocol.messages import LogBatch, WorkDelta
from flowrpc.state import Set
from flowrpc.v1 import runner_pb2, work_service_pb2
from flowrpc.wire import attach
from flowrpc.wire.attach import PackedDelta
from hypothesis import given, settings

from tests.wire import strategies as some

UNKNOWN_FIELD = b"\xfa\x7f\x01x"


def delta(size: int = 1) -> WorkDelta:
    return WorkDelta(run_id="r", attempt=2, seq=3, changes=(Set(("x",), "x" * size),), base=4)


def received(packed: object) -> Any:
    assert isinstance(packed, PackedDelta)
    data = attach.agent_message_bytes(packed)
    return attach.decode_agent_message(work_service_pb2.AttachRequest.FromString(data))


@settings(derandomize=True, database=None, deadline=None, max_examples=100)
@given(some.work_deltas)
def test_a_delta_arrives_as_its_runner_made_it(made: WorkDelta) -> None:
    packed = attach.packed_response_from_bytes(attach.runner_response_bytes(made))
    assert received(packed) == made
    assert isinstance(packed, PackedDelta)
    assert (packed.run_id, packed.attempt, packed.seq) == (made.run_id, made.attempt, made.seq)


@pytest.mark.parametrize("size", [0, 50, 100, 127, 128, 200, 16_300, 16_384, 1_500_000])
def test_lengths_of_every_number_of_bytes_pass(size: int) -> None:
    assert received(attach.packed_response_from_bytes(attach.runner_response_bytes(delta(size)))) == delta(
        size
    )


@pytest.mark.parametrize("where", ["before", "behind", "in two parts"])
def test_an_envelope_with_more_than_the_delta_loses_nothing_of_the_delta(where: str) -> None:
    data = attach.runner_response_bytes(delta())
    if where == "in two parts":
        data += runner_pb2.RunnerResponse(delta=work_service_pb2.WorkDelta(base=9)).SerializeToString()
    else:
        data = UNKNOWN_FIELD + data if where == "before" else data + UNKNOWN_FIELD
    base = 9 if where == "in two parts" else 4
    changes = delta().changes
    assert received(attach.packed_response_from_bytes(data)) == WorkDelta(
        run_id="r", attempt=2, seq=3, changes=changes, base=base
    )


def test_what_is_no_delta_is_read_whole() -> None:
    batch = LogBatch(records=(), dropped=3)
    assert attach.packed_response_from_bytes(attach.runner_response_bytes(batch)) == batch
    assert attach.packed_response_from_bytes(UNKNOWN_FIELD) is None


@pytest.mark.parametrize(
    "read", [attach.packed_response_from_bytes, attach.flow_message_from_bytes], ids=["runner", "flow"]
)
def test_bytes_that_are_something_else_raise_value_error(read: Any) -> None:
    with pytest.raises(ValueError, match="the frame is no"):
        read(b"\xff")


def test_the_method_is_the_one_of_the_contract() -> None:
    assert attach.ATTACH_METHOD == "/flowrpc.v1.WorkService/Attach"
