"""The service of a flow: what generated classes inherit, with a method for each command."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from flowrpc.errors import CallError, FlowrpcError
from flowrpc.state.records import Failure, FailureReason

from flowrpc_client.errors import CommandFailed
from flowrpc_client.request_id import new_request_id
from flowrpc_client.typed.contract import Contract
from flowrpc_client.typed.message import ABSENT
from flowrpc_client.typed.state_watch import StateWatch

if TYPE_CHECKING:
    from flowrpc_client.client import FlowClient
    from flowrpc_client.stream import Stream

_REASONS = frozenset(reason.value for reason in FailureReason)


class Service:
    """Calls the commands of a flow with their types, over the connection of a client.

    A command happens once, however often its request has to be sent. One that streams is sent once.

    Args:
        client: The client of the app; closing it is left to whoever made it.
        timeout: Seconds that each call may take, and each stream of a command; by default as many as the client's,
            and a stream as long as it takes.

    Raises:
        CommandFailed: By commands: the command raised; what it changed was undone. One that streams may have sent
            items before; they stand.
        CallError: By all methods: the app refuses the request, or has no such method.
        NotReachableError: By all methods: the app cannot be reached, or does not answer in time.
        InvalidValueError: By all methods: an argument does not fit its type.
    """

    _contract: ClassVar[Contract]
    """What it is part of."""
    _service: ClassVar[str]
    """What it is called there."""

    def __init__(self, client: FlowClient, *, timeout: float | None = None) -> None:
        self._connection = client._connection
        self._timeout = client._timeout if timeout is None else timeout
        self._stream_timeout = timeout

    def _call(self, method: str, arguments: Mapping[str, Any], request_id: str | None) -> Any:
        request = {**_given(arguments), "request_id": request_id or new_request_id()}
        try:
            return self._ask(method, request).get("result")
        except CallError as error:
            raise _refined(error) from None

    def _stream(self, method: str, arguments: Mapping[str, Any]) -> Stream[Any]:
        found = self._contract.method(self._service, method)
        return self._connection.stream(
            found.path,
            found.encode(_given(arguments)),
            lambda answer: [found.decode(answer).get("item")],
            self._stream_timeout,
            refine=_refined,
        )

    def _get_state(self, fields: Iterable[str]) -> Any:
        return self._ask("GetState", _masked(fields))["state"]

    def _watch_state(self, fields: Iterable[str]) -> StateWatch[Any]:
        method = self._contract.method(self._service, "WatchState")
        request = method.encode(_masked(fields))

        def begin() -> Stream[dict[str, Any]]:
            return self._connection.stream(method.path, request, lambda answer: [method.decode(answer)])

        return StateWatch(begin)

    def _ask(self, method: str, request: Mapping[str, Any]) -> dict[str, Any]:
        found = self._contract.method(self._service, method)
        return found.decode(self._connection.repeat(found.path, found.encode(request), self._timeout))


def _masked(fields: Iterable[str]) -> dict[str, Any]:
    paths = [fields] if isinstance(fields, str) else list(fields)
    return {"field_mask": paths} if paths else {}


def _given(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in arguments.items() if value is not ABSENT}


def _refined(error: FlowrpcError) -> FlowrpcError:
    """Makes what `FlowClient.call` raises of the error of a command that raised; its traceback stays in the app."""
    if not isinstance(error, CallError) or error.reason != "COMMAND_FAILED":
        return error
    command, kind = error.metadata.get("command", ""), error.metadata.get("type", "")
    message = error.message.removeprefix(f"{command} raised ")
    reason = FailureReason(kind) if kind in _REASONS else FailureReason.EXCEPTION
    failure = Failure(reason=reason, message=message, type="" if kind in _REASONS else kind)
    return CommandFailed(command, failure)
