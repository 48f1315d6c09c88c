"""Errors cross a real call as status codes with reasons, whatever is in them."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest
from flowrpc.errors import CallError
from flowrpc.wire import errors
from google.rpc import error_details_pb2, status_pb2


async def over_the_wire(error: CallError) -> Any:
    """Raises an error in a servicer and gives what the caller's stub raised."""

    async def abort(_: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        await context.abort(*errors.status_of(error))

    server = grpc.aio.server()
    method: Any = grpc.unary_unary_rpc_method_handler(abort)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("s", {"m": method}),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            call: Any = channel.unary_unary("/s/m")
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await call(b"", timeout=20)
            return caught.value
    finally:
        await server.stop(0)


def test_an_error_comes_back_with_reason_message_and_metadata() -> None:
    sent = CallError("UNKNOWN_COMMAND", "no command 'ad'", command="ad", suggestion="add")
    raised = asyncio.run(over_the_wire(sent))
    back = errors.call_error(raised)
    assert isinstance(back, CallError)
    assert raised.code() is grpc.StatusCode.NOT_FOUND
    assert (back.reason, back.message, back.metadata) == (sent.reason, sent.message, sent.metadata)


@pytest.mark.parametrize("text", [one * 100_000 for one in ("x", "é", "\n", "%", "\U0001f600", "\ud800")])
def test_the_largest_error_stays_below_what_a_reader_may_drop(text: str) -> None:
    sent = CallError("INVALID_VALUE", text, **{f"{n}{text}": text for n in range(20)})
    code, message, trailer = errors.status_of(sent)
    details = trailer[0][1]
    assert isinstance(details, bytes)
    assert message.endswith("…")
    encoded = sum(errors._cost(character) for character in message)
    # The rest of 8 KiB is for content-type, grpc-status and what gRPC counts per entry.
    assert encoded + len(details) * 4 / 3 < 7_680
    raised = asyncio.run(over_the_wire(sent))
    assert raised.code() is code
    back = errors.call_error(raised)
    assert isinstance(back, CallError)
    assert (back.reason, back.message) == ("INVALID_VALUE", message)
    assert len(back.metadata) == errors.MAX_METADATA_ENTRIES


@pytest.mark.parametrize("size", [2047, 2048, 2049])
def test_a_message_is_cut_exactly_when_it_is_too_long(size: int) -> None:
    _, message, _ = errors.status_of(CallError("INTERNAL", "x" * size))
    assert (message == "x" * size) is (size <= errors.MAX_MESSAGE_BYTES)
    assert len(message) <= errors.MAX_MESSAGE_BYTES


def test_metadata_may_have_any_key() -> None:
    raised = asyncio.run(over_the_wire(_with_metadata({"reason": "a", "message": "b", "self": "c"})))
    back = errors.call_error(raised)
    assert isinstance(back, CallError)
    assert back.metadata == {"reason": "a", "message": "b", "self": "c"}


def _with_metadata(metadata: dict[str, str]) -> CallError:
    error = CallError("STOPPING", "the app ends")
    error.metadata.update(metadata)
    return error


def test_a_reason_that_is_not_in_the_table_is_a_fault_of_ours() -> None:
    code, _, _ = errors.status_of(CallError("NO_SUCH_REASON", "text"))
    assert code is grpc.StatusCode.INTERNAL


def test_an_internal_error_tells_its_id_and_nothing_else() -> None:
    error = errors.internal_error("e-1")
    assert (error.reason, error.metadata) == ("INTERNAL", {"error_id": "e-1"})
    assert "e-1" in error.message


class Failed(grpc.RpcError):
    """Is an error of a stub, as grpc makes them."""

    def __init__(self, code: grpc.StatusCode, details: str | None, trailer: Any = None) -> None:
        self._parts = code, details, trailer

    def code(self) -> grpc.StatusCode:
        return self._parts[0]

    def details(self) -> str | None:
        return self._parts[1]

    def trailing_metadata(self) -> Any:
        return self._parts[2]


@pytest.mark.parametrize(
    ("code", "reason", "text"),
    [
        (
            grpc.StatusCode.UNAVAILABLE,
            "UNREACHABLE",
            "cannot reach the app at host:1; .* .refused",
        ),
        (grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", "at host:1 did not answer in time"),
        (grpc.StatusCode.CANCELLED, "CANCELLED", "was cancelled"),
        (grpc.StatusCode.UNIMPLEMENTED, "UNIMPLEMENTED", "no flowrpc app"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "RESOURCE_EXHAUSTED", "at host:1 failed .refused"),
    ],
)
def test_a_failed_call_says_where_and_how(code: grpc.StatusCode, reason: str, text: str) -> None:
    error = errors.call_error(Failed(code, "refused"), "host:1")
    assert isinstance(error, CallError)
    assert error.reason == reason
    with pytest.raises(CallError, match=text):
        raise error


def test_a_failed_call_without_words_or_address_is_still_readable() -> None:
    error = errors.call_error(Failed(grpc.StatusCode.UNAVAILABLE, None))
    assert str(error) == "cannot reach the app; check the address and that it runs (UNAVAILABLE)"


def _details(domain: str, reason: str) -> bytes:
    status = status_pb2.Status()
    status.details.add().Pack(status_pb2.Status())
    status.details.add().Pack(error_details_pb2.ErrorInfo(reason=reason, domain=domain))
    return bytes(status.SerializeToString())


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (_details("flowrpc", "STOPPING"), "STOPPING"),
        (_details("flowrpc", "ERROR_REASON_STOPPING"), "STOPPING"),
        (_details("elsewhere.example", "STOPPING"), "UNREACHABLE"),
        (b"\xff", "UNREACHABLE"),
    ],
)
def test_only_our_details_are_taken_for_ours(data: bytes, reason: str) -> None:
    trailer = (("other", "x"), (errors.DETAILS_KEY, data))
    error = errors.call_error(Failed(grpc.StatusCode.UNAVAILABLE, "text", trailer))
    assert isinstance(error, CallError)
    assert error.reason == reason
