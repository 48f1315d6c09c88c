"""Errors ⇄ status codes, `google.rpc.Status` and `google.rpc.ErrorInfo`.

This is the only file that names status codes, and the only one of this room that imports grpc: import it
where calls are answered or made, never in a runner.

gRPC counts the whole of a call's trailing metadata: above 8 KiB a reader may drop it, and the caller then
sees RESOURCE_EXHAUSTED instead of the error. A text costs up to three times its UTF-8 there (it is percent-
encoded), the details a third more than their bytes (base64). The limits below keep the sum under 8 KiB in
the worst case.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from flowrpc.errors import CallError, FlowrpcError

DOMAIN = "flowrpc"
"""The domain of our reasons in `google.rpc.ErrorInfo`."""
DETAILS_KEY = "grpc-status-details-bin"
"""Where gRPC carries a `google.rpc.Status`."""
MAX_MESSAGE_BYTES = 2048
"""How long the message of a status is at most, percent-encoded; a longer one is cut and ends in `…`."""
MAX_METADATA_BYTES = 1024
"""How long the values of an error's metadata are at most, all together."""
MAX_METADATA_ENTRIES = 8
"""How many entries of an error's metadata are sent at most."""
MAX_NAME_BYTES = 64
"""How long a reason, or a key of an error's metadata, is at most."""

STATUS_CODES = {
    "UNAUTHENTICATED": grpc.StatusCode.UNAUTHENTICATED,
    "PERMISSION_DENIED": grpc.StatusCode.PERMISSION_DENIED,
    "UNKNOWN_COMPONENT": grpc.StatusCode.NOT_FOUND,
    "UNKNOWN_COMMAND": grpc.StatusCode.NOT_FOUND,
    "UNKNOWN_RUN": grpc.StatusCode.NOT_FOUND,
    "INVALID_VALUE": grpc.StatusCode.INVALID_ARGUMENT,
    "INVALID_ARGUMENTS": grpc.StatusCode.INVALID_ARGUMENT,
    "INVALID_CHANGE": grpc.StatusCode.INVALID_ARGUMENT,
    "REVISION_CONFLICT": grpc.StatusCode.FAILED_PRECONDITION,
    "REQUEST_ID_REUSED": grpc.StatusCode.ALREADY_EXISTS,
    "INVALID_REQUEST_ID": grpc.StatusCode.INVALID_ARGUMENT,
    "OVERLOADED": grpc.StatusCode.RESOURCE_EXHAUSTED,
    "STOPPING": grpc.StatusCode.UNAVAILABLE,
    "RUN_ENDED": grpc.StatusCode.FAILED_PRECONDITION,
    "INVALID_REQUEST": grpc.StatusCode.INVALID_ARGUMENT,
    "INVALID_HELLO": grpc.StatusCode.FAILED_PRECONDITION,
    "INTERNAL": grpc.StatusCode.INTERNAL,
    "NO_CLIENT_PART": grpc.StatusCode.NOT_FOUND,
    "READ_ONLY": grpc.StatusCode.RESOURCE_EXHAUSTED,
    "UNKNOWN_AGENT": grpc.StatusCode.NOT_FOUND,
    "COMMAND_FAILED": grpc.StatusCode.FAILED_PRECONDITION,
    "NOT_IN_CONTRACT": grpc.StatusCode.FAILED_PRECONDITION,
    "WRONG_METHOD": grpc.StatusCode.FAILED_PRECONDITION,
    "AGENT_SILENT": grpc.StatusCode.UNAVAILABLE,
    "AGENT_REPLACED": grpc.StatusCode.ABORTED,
}
"""Of each `ErrorReason` its status code; a reason that is missing here is a fault of ours and INTERNAL."""

_TRANSPORT = {
    grpc.StatusCode.UNAVAILABLE: (
        "UNREACHABLE",
        "cannot reach the app{at}; check the address and that it runs",
    ),
    grpc.StatusCode.DEADLINE_EXCEEDED: (
        "DEADLINE_EXCEEDED",
        "the app{at} did not answer in time, and may do it all the same; allow more",
    ),
    grpc.StatusCode.CANCELLED: ("CANCELLED", "the call of the app{at} was cancelled"),
    grpc.StatusCode.UNIMPLEMENTED: ("UNIMPLEMENTED", "what runs{at} is no flowrpc app, or an older one"),
}

Trailer = tuple[tuple[str, str | bytes], ...]
"""What is sent behind a status."""


def status_of(error: CallError) -> tuple[grpc.StatusCode, str, Trailer]:
    """Gives what `context.abort` takes: the status code, its message and the trailing metadata."""
    code = STATUS_CODES.get(error.reason, grpc.StatusCode.INTERNAL)
    message = _cut(error.message, MAX_MESSAGE_BYTES)
    status = status_pb2.Status(code=code.value[0], message=message)
    status.details.add().Pack(_info(error))
    if error.violations:
        status.details.add().Pack(_bad_request(error))
    return code, message, ((DETAILS_KEY, status.SerializeToString()),)


def internal_error(error_id: str) -> CallError:
    """Makes what a caller is told of a fault of ours: nothing but where to find it in the log."""
    message = f"flowrpc met a fault of its own; look for {error_id} in the log of the service"
    return CallError("INTERNAL", message, error_id=error_id)


def call_error(error: grpc.RpcError, address: str = "") -> FlowrpcError:
    """Makes of what a stub raises the error that the service meant, or one that says how the call failed.

    Args:
        error: What a stub raised, sync or aio.
        address: Where the app was called, for the message.
    """
    call = cast("Any", error)  # sync and aio errors share these methods, but no type
    info = _sent_info(call.trailing_metadata() or ())
    if info is None:
        return _transport_error(call.code(), call.details() or "", address)
    result = CallError(info.reason.removeprefix("ERROR_REASON_"), call.details() or info.reason)
    result.metadata.update(info.metadata)
    return result


def _info(error: CallError) -> error_details_pb2.ErrorInfo:
    entries = list(error.metadata.items())[:MAX_METADATA_ENTRIES]
    share = MAX_METADATA_BYTES // max(len(entries), 1)
    metadata = {_cut(key, MAX_NAME_BYTES): _cut(value, share) for key, value in entries}
    return error_details_pb2.ErrorInfo(
        reason=_cut(error.reason, MAX_NAME_BYTES), domain=DOMAIN, metadata=metadata
    )


def _bad_request(error: CallError) -> error_details_pb2.BadRequest:
    details = error_details_pb2.BadRequest()
    share = MAX_METADATA_BYTES // len(error.violations[:MAX_METADATA_ENTRIES])
    for field, problem in error.violations[:MAX_METADATA_ENTRIES]:
        details.field_violations.add(field=_cut(field, MAX_NAME_BYTES), description=_cut(problem, share))
    return details


def _cut(text: str, size: int) -> str:
    """Cuts a text to a size when percent-encoded, and replaces what UTF-8 cannot carry."""
    used = 0
    text = text[: size + 1].encode("utf-8", "replace").decode()
    for index, character in enumerate(text):
        used += _cost(character)
        if used > size:
            return _shortened(text[:index], size)
    return text


def _shortened(text: str, size: int) -> str:
    """Makes room for `…` at the end of a text that fits without it."""
    used = sum(map(_cost, text))
    while text and used + _cost("…") > size:
        used -= _cost(text[-1])
        text = text[:-1]
    return text + "…"


def _cost(character: str) -> int:
    return 1 if " " <= character <= "~" and character != "%" else 3 * len(character.encode())


def _sent_info(metadata: Iterable[tuple[str, str | bytes]]) -> error_details_pb2.ErrorInfo | None:
    for key, value in metadata:
        if key == DETAILS_KEY and isinstance(value, bytes):
            return _our_info(value)
    return None


def _our_info(data: bytes) -> error_details_pb2.ErrorInfo | None:
    try:
        for detail in status_pb2.Status.FromString(data).details:
            info = error_details_pb2.ErrorInfo()
            if detail.Unpack(info) and info.domain == DOMAIN:
                return info
    except DecodeError:  # somebody else's details
        return None
    return None


def _transport_error(code: grpc.StatusCode, details: str, address: str) -> CallError:
    at = f" at {address}" if address else ""
    reason, text = _TRANSPORT.get(code, (code.name, "the call of the app{at} failed"))
    return CallError(reason, f"{text.format(at=at)} ({details or code.name})", status=code.name)
