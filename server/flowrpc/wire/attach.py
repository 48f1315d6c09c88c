"""What agents, flows and runners say to each other ⇄ the envelopes it travels in.

A message goes into the field of its type and comes out by the name of the field that is set, by one table
for all four envelopes. An envelope with a field that this version does not know is decoded to None; its
reader ignores it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from google.protobuf.message import DecodeError

from flowrpc.errors import InvalidChangeError, InvalidValueError
from flowrpc.protocol.messages import (
    AgentMessage,
    Finished,
    FlowMessage,
    LogBatch,
    RunnerRequest,
    RunnerResponse,
    Serving,
)
from flowrpc.v1 import runner_pb2, work_service_pb2
from flowrpc.wire import agent_kinds, flow_kinds

ATTACH_METHOD = f"/{work_service_pb2.DESCRIPTOR.services_by_name['WorkService'].full_name}/Attach"
"""The path of the call, for those who send and receive its envelopes as bytes."""

_ENCODERS = agent_kinds.ENCODERS | flow_kinds.ENCODERS
_DECODERS = agent_kinds.DECODERS | flow_kinds.DECODERS


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedDelta:
    """A `WorkDelta` as its runner wrote it: an agent has to know where it belongs, not what it changes."""

    run_id: str
    attempt: int
    seq: int
    data: bytes
    """The envelope that it travels in from the agent to the flow."""


def agent_message_bytes(message: AgentMessage | PackedDelta) -> bytes:
    """Serialises what an agent says."""
    if isinstance(message, PackedDelta):
        return message.data
    return encode_agent_message(message).SerializeToString()


def flow_message_from_bytes(data: bytes) -> FlowMessage | None:
    """Reads what a flow says; None if this version does not know it.

    Raises:
        ValueError: The bytes are no such message.
    """
    return _from_frame(work_service_pb2.AttachResponse, data)  # type: ignore[no-any-return]


def encode_agent_message(message: AgentMessage) -> work_service_pb2.AttachRequest:
    """Puts what an agent says into its envelope."""
    envelope = work_service_pb2.AttachRequest()
    _fill(envelope, message)
    return envelope


def decode_agent_message(envelope: work_service_pb2.AttachRequest) -> AgentMessage | None:
    """Reads what an agent says; None if this version does not know it.

    Raises:
        InvalidValueError: It is malformed, or holds something that is no value.
        InvalidChangeError: A change in it cannot be a change.
    """
    return _decode(envelope)  # type: ignore[no-any-return]


def attempt_of(envelope: work_service_pb2.AttachRequest) -> tuple[str, int] | None:
    """Returns run id and number of the attempt whose delta the envelope holds, though the delta may be unreadable."""
    if envelope.WhichOneof("message") != "delta":
        return None
    return envelope.delta.run_id, envelope.delta.attempt


def encode_flow_message(message: FlowMessage) -> work_service_pb2.AttachResponse:
    """Puts what a flow says into its envelope."""
    envelope = work_service_pb2.AttachResponse()
    _fill(envelope, message)
    return envelope


def decode_flow_message(envelope: work_service_pb2.AttachResponse) -> FlowMessage | None:
    """Reads what a flow says; None if this version does not know it.

    Raises:
        InvalidValueError: It is malformed, or holds something that is no value.
        InvalidChangeError: A change in it cannot be a change.
    """
    return _decode(envelope)  # type: ignore[no-any-return]


def runner_request_bytes(message: RunnerRequest) -> bytes:
    """Serialises what an agent says to a runner, without the length that goes before a frame."""
    envelope = runner_pb2.RunnerRequest()
    _fill(envelope, message)
    return envelope.SerializeToString()


def runner_request_from_bytes(data: bytes) -> RunnerRequest | None:
    """Reads what an agent says to a runner; None if this version does not know it.

    Raises:
        ValueError: The bytes are no such message.
    """
    return _from_frame(runner_pb2.RunnerRequest, data)  # type: ignore[no-any-return]


def runner_response_bytes(message: RunnerResponse) -> bytes:
    """Serialises what a runner says to its agent, without the length that goes before a frame."""
    envelope = runner_pb2.RunnerResponse()
    _fill(envelope, message)
    return envelope.SerializeToString()


def runner_response_from_bytes(data: bytes) -> RunnerResponse | None:
    """Reads what a runner says to its agent; None if this version does not know it.

    Raises:
        ValueError: The bytes are no such message.
    """
    return _from_frame(runner_pb2.RunnerResponse, data)  # type: ignore[no-any-return]


def packed_response_from_bytes(data: bytes) -> PackedDelta | Finished | LogBatch | Serving | None:
    """Reads what a runner says, as far as an agent has to know it; None if this version does not know it.

    Raises:
        ValueError: The bytes are no such message.
    """
    envelope = _parse(runner_pb2.RunnerResponse, data)
    if not envelope.HasField("delta"):
        return _decoded(envelope)  # type: ignore[no-any-return]
    delta = envelope.delta
    packed = _repacked(data) or work_service_pb2.AttachRequest(delta=delta).SerializeToString()
    return PackedDelta(run_id=delta.run_id, attempt=delta.attempt, seq=delta.seq, data=packed)


_RESPONSE_TAG = runner_pb2.RunnerResponse.DESCRIPTOR.fields_by_name["delta"].number << 3 | 2
_REQUEST_TAG = bytes([work_service_pb2.AttachRequest.DESCRIPTOR.fields_by_name["delta"].number << 3 | 2])


def _repacked(response: bytes) -> bytes | None:
    """Moves the delta of a `RunnerResponse` into an `AttachRequest`; None if there is more than it.

    A message field is its tag, its length and its bytes (https://protobuf.dev/programming-guides/encoding), so
    only the tag differs.
    """
    if response[0] != _RESPONSE_TAG:
        return None
    length, at = 0, 1
    while response[at] & 0x80:
        length |= (response[at] & 0x7F) << 7 * (at - 1)
        at += 1
    length |= response[at] << 7 * (at - 1)
    return _REQUEST_TAG + response[1:] if at + 1 + length == len(response) else None


def _fill(envelope: Any, message: object) -> None:
    field, fill = _ENCODERS[type(message)]
    fill(getattr(envelope, field), message)


def _decode(envelope: Any) -> Any:
    field = envelope.WhichOneof("message")
    return None if field is None else _DECODERS[field](getattr(envelope, field))


def _from_frame(kind: Any, data: bytes) -> Any:
    return _decoded(_parse(kind, data))


def _parse(kind: Any, data: bytes) -> Any:
    try:
        return kind.FromString(data)
    except DecodeError as error:
        raise ValueError(f"the frame is no {kind.DESCRIPTOR.name}: {error}") from error


def _decoded(envelope: Any) -> Any:
    try:
        return _decode(envelope)
    except (InvalidValueError, InvalidChangeError) as error:
        raise ValueError(f"the frame is no {envelope.DESCRIPTOR.name}: {error}") from error
