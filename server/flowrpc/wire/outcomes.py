"""How a command or an update ended ⇄ messages; clients get them as answers, the store keeps them."""

from __future__ import annotations

from flowrpc.errors import InvalidValueError
from flowrpc.protocol.answers import CommandItem, CommandOutcome, UpdateOutcome
from flowrpc.v1 import flow_service_pb2
from flowrpc.wire.runs import decode_failure, encode_failure
from flowrpc.wire.values import decode_value, fill_value


def encode_command_outcome(outcome: CommandOutcome) -> flow_service_pb2.CallCommandResponse:
    """Makes the answer to `CallCommand`."""
    message = flow_service_pb2.CallCommandResponse()
    fill_command_outcome(message, outcome)
    return message


def fill_command_outcome(message: flow_service_pb2.CallCommandResponse, outcome: CommandOutcome) -> None:
    """Writes the answer to `CallCommand`."""
    message.revision = outcome.revision
    message.replayed = outcome.replayed
    if outcome.failure is None:
        fill_value(message.result, outcome.result)
    else:
        message.failure.CopyFrom(encode_failure(outcome.failure))


def decode_command_outcome(message: flow_service_pb2.CallCommandResponse) -> CommandOutcome:
    """Reads the answer to `CallCommand`.

    Raises:
        InvalidValueError: It holds neither a result nor a failure, or a result that is no value.
    """
    kind = message.WhichOneof("outcome")
    if kind is None:
        raise InvalidValueError("outcome", "is neither a result nor a failure; set one")
    failed = kind == "failure"
    return CommandOutcome(
        result=None if failed else decode_value(message.result, "result"),
        failure=decode_failure(message.failure) if failed else None,
        revision=message.revision,
        replayed=message.replayed,
    )


def encode_command_item(item: CommandItem) -> flow_service_pb2.StreamCommandResponse:
    """Makes a message of `StreamCommand`."""
    message = flow_service_pb2.StreamCommandResponse(revision=item.revision)
    if item.failure is None:
        fill_value(message.item, item.value)
    else:
        message.failure.CopyFrom(encode_failure(item.failure))
    return message


def decode_command_item(message: flow_service_pb2.StreamCommandResponse) -> CommandItem:
    """Reads a message of `StreamCommand`.

    Raises:
        InvalidValueError: It holds neither an item nor a failure, or an item that is no value.
    """
    kind = message.WhichOneof("content")
    if kind is None:
        raise InvalidValueError("content", "is neither an item nor a failure; set one")
    failed = kind == "failure"
    return CommandItem(
        value=None if failed else decode_value(message.item, "item"),
        failure=decode_failure(message.failure) if failed else None,
        revision=message.revision,
    )


def encode_update_outcome(outcome: UpdateOutcome) -> flow_service_pb2.UpdateStateResponse:
    """Makes the answer to `UpdateState`."""
    return flow_service_pb2.UpdateStateResponse(revision=outcome.revision, replayed=outcome.replayed)


def decode_update_outcome(message: flow_service_pb2.UpdateStateResponse) -> UpdateOutcome:
    """Reads the answer to `UpdateState`."""
    return UpdateOutcome(revision=message.revision, replayed=message.replayed)
