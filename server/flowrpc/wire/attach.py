"""What agents, flows and runners say to each other ⇄ the envelopes it travels in.

A message goes into the field of its type and comes out by the name of the field that is set, by one table
for all four envelopes. An envelope with a field that this version does not know is decoded to None; its
reader ignores it.
"""

from __future__ import annotations

from typing import Any

from google.protobuf.message import DecodeError

from flowrpc.errors import InvalidChangeError, InvalidValueError
from flowrpc.protocol.messages import AgentMessage, FlowMessage, RunnerRequest, RunnerResponse
from flowrpc.v1 import runner_pb2, work_service_pb2
from flowrpc.wire import agent_kinds, flow_kinds

_ENCODERS = agent_kinds.ENCODERS | flow_kinds.ENCODERS
_DECODERS = agent_kinds.DECODERS | flow_kinds.DECODERS


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


def _fill(envelope: Any, message: object) -> None:
    field, fill = _ENCODERS[type(message)]
    fill(getattr(envelope, field), message)


def _decode(envelope: Any) -> Any:
    field = envelope.WhichOneof("message")
    return None if field is None else _DECODERS[field](getattr(envelope, field))


def _from_frame(envelope: Any, data: bytes) -> Any:
    try:
        return _decode(envelope.FromString(data))
    except (DecodeError, InvalidValueError, InvalidChangeError) as error:
        raise ValueError(f"the frame is no {envelope.DESCRIPTOR.name}: {error}") from error
