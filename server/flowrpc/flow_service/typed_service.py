"""The app's own services: what `flowctl contract build` writes, served live beside `FlowService`."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

import grpc

from flowrpc.contract.building import Built
from flowrpc.contract.masks import Mask, mask_of
from flowrpc.contract.reading import Unreadable
from flowrpc.contract.runs import run_parameters
from flowrpc.contract.shape import MethodShape, Ref, ServiceShape
from flowrpc.contract.state_of import state_of
from flowrpc.contract.writing import Unwritable
from flowrpc.errors import CallError
from flowrpc.flow_service.calls_waiting import WaitingCalls
from flowrpc.flow_service.events import CommandCalled
from flowrpc.flow_service.flow_servicer import streaming, unary
from flowrpc.flow_service.publisher import Publisher
from flowrpc.flow_service.refusals import Refusals
from flowrpc.protocol.answers import WatchEnd
from flowrpc.protocol.requests import GetState, WatchState
from flowrpc.state.canonical import canonical_bytes
from flowrpc.state.records import ComponentRecord, Failure

if TYPE_CHECKING:
    from flowrpc.contract.codec import ReadBytes, WriteBytes

logger = logging.getLogger(__name__)


class TypedService(grpc.GenericRpcHandler):
    """Answers the methods of a contract. Another contract takes its place under open channels.

    Args:
        waiting: Hands commands to the engine.
        publisher: Holds the state.
        refusals: Counts what is refused.
    """

    def __init__(self, waiting: WaitingCalls, publisher: Publisher, refusals: Refusals) -> None:
        self._waiting = waiting
        self._refusals = refusals
        self._publisher = publisher
        self._methods: dict[str, tuple[ServiceShape, MethodShape]] = {}
        self._handlers: dict[str, Any] = {}
        self._serving: _Serving | None = None
        self.built: Built | None = None
        """The contract that is served; None: none is."""

    def offer(self, built: Built) -> None:
        """Serves a contract from now on; calls that are under way end with the one they began with."""
        package = built.contract.package
        self._methods = {
            f"/{package}.{service.name}/{method.name}": (service, method)
            for service in built.contract.services.values()
            for method in service.methods
        }
        self._handlers, self._serving, self.built = {}, None, built

    def role_needed(self, path: str) -> str | None:
        """Returns the role that a method needs; None if it is none of the contract's."""
        found = self._methods.get(path)
        return None if found is None else "call" if found[1].command else "read"

    def service(self, details: Any) -> Any:
        """Returns the handler of a method, made when it is called first; None if it is none of the contract's."""
        handler = self._handlers.get(details.method)
        if handler is None and details.method in self._methods:
            assert self.built is not None, "its methods are there"
            self._serving = self._serving or _Serving(
                self._waiting, self._publisher, self._refusals, self.built
            )
            handler = self._handlers[details.method] = self._serving.handler(*self._methods[details.method])
        return handler


class _Serving:
    """One version of a contract, its converters made once."""

    def __init__(self, waiting: WaitingCalls, publisher: Publisher, refusals: Refusals, built: Built) -> None:
        self._refusals = refusals
        self._waiting = waiting
        self._publisher = publisher
        from flowrpc.contract.codec import Codec  # what makes messages is loaded when somebody calls

        self._codec = Codec(built)
        self._contract = built.contract
        self._works = run_parameters(
            built.contract, next(one for one in built.contract.services.values() if "." not in one.flow)
        )

    def _state(self, components: Iterable[ComponentRecord]) -> dict[str, Any]:
        return state_of(components, self._works, self._publisher.newest_run)

    def handler(self, service: ServiceShape, method: MethodShape) -> Any:
        """Makes the handler of a method, which takes and gives bytes."""
        write = self._writer(method)
        if method.command and method.streams:
            stream = unary(self._stream(method, self._reader(method), write))  # it writes its answers
            return grpc.unary_stream_rpc_method_handler(partial(stream, self))
        if method.command:
            call = unary(self._command(method, self._reader(method), write))
            return grpc.unary_unary_rpc_method_handler(partial(call, self))
        if method.streams:
            watch = streaming(self._watch(service, method, write))
            return grpc.unary_stream_rpc_method_handler(partial(watch, self))
        return grpc.unary_unary_rpc_method_handler(partial(unary(self._get(service, method, write)), self))

    def _command(self, method: MethodShape, read: ReadBytes, write: WriteBytes) -> Callable[..., Any]:
        async def call(_: Any, data: bytes, context: Any) -> bytes:
            arguments = read(data)
            request_id = arguments.pop("request_id", "")
            arguments = self._spread(arguments, method)
            event = partial(
                CommandCalled,
                command=method.command,
                arguments=arguments,
                request_id=request_id,
                digest=_digest(method.command, arguments) if request_id else b"",
                deadline=_deadline(context),
            )
            outcome = await self._waiting.ask(lambda call_id: event(call_id=call_id))
            if outcome.failure is not None:
                raise _failed(method.command, outcome.failure, outcome.revision)
            return write({"result": outcome.result, "revision": outcome.revision})

        return call

    def _stream(self, method: MethodShape, read: ReadBytes, write: WriteBytes) -> Callable[..., Any]:
        async def call(_: Any, data: bytes, context: Any) -> None:
            arguments = self._spread(read(data), method)
            facts: dict[str, Any] = {"deadline": _deadline(context), "size_bytes": len(data)}
            async with self._waiting.streams.open(method.command, arguments, **facts) as stream:
                async for item in stream:
                    if item.failure is not None:
                        raise _failed(method.command, item.failure, item.revision)
                    message = write({"item": item.value, "revision": item.revision})
                    await context.write(message)
                    stream.took(len(message))

        return call

    def _spread(self, arguments: dict[str, Any], method: MethodShape) -> dict[str, Any]:
        """Takes the arguments that a command takes by whatever name out of the field that holds them."""
        rest: dict[str, Any] = arguments.pop(method.rest, {})
        if not rest:
            return arguments
        for name in rest.keys() & {one.python_name for one in self._contract.messages[method.request].fields}:
            problem = "is a parameter of its own; send it as that field"
            raise _refused(method, Unreadable((f"{method.rest}[{name!r}]", problem)))
        return arguments | rest

    def _get(self, service: ServiceShape, method: MethodShape, write: WriteBytes) -> Callable[..., Any]:
        read = self._masked(method)

        async def get(_: Any, data: bytes, context: Any) -> bytes:
            _, mask = read(data)
            snapshot = self._publisher.state(GetState(component=service.flow))
            return write({"state": mask.of(self._state(snapshot.components)), "revision": snapshot.revision})

        return get

    def _watch(self, service: ServiceShape, method: MethodShape, write: WriteBytes) -> Callable[..., Any]:
        read = self._masked(method)

        async def watch(_: Any, data: bytes, context: Any) -> AsyncIterator[bytes]:
            arguments, mask = read(data)
            after = arguments.get("after_revision")
            request = WatchState(
                component=service.flow, after_revision=after, journal_id=self._publisher.journal_id
            )
            with self._publisher.follow(request) as following:
                seen, sent = -1, b""
                while not following.over:
                    update = following.step()
                    if update is None:
                        await following.wait()
                        continue
                    revision = self._publisher.replica.revision
                    if isinstance(update, WatchEnd) or revision <= seen:
                        continue  # several revisions may have come since: the state is that of the last
                    seen = revision
                    state = mask.of(self._state(self._publisher.replica.subtree(service.flow)))
                    content = canonical_bytes(state)
                    if content != sent:
                        sent = content
                        yield write({"state": state, "revision": revision})

        return watch

    def _masked(self, method: MethodShape) -> Callable[[bytes], tuple[dict[str, Any], Mask]]:
        """Makes what reads a request to look at the state, and the mask in it."""
        read, contract = self._reader(method), self._contract
        message = next(
            one.shape.name for one in contract.messages[method.response].fields if isinstance(one.shape, Ref)
        )

        def arguments(data: bytes) -> tuple[dict[str, Any], Mask]:
            found = read(data)
            try:
                return found, mask_of(found.get("field_mask", ()), message, contract)
            except Unreadable as error:
                raise _refused(method, error) from None

        return arguments

    def _reader(self, method: MethodShape) -> ReadBytes:
        read = self._codec.reader(method.request)

        def arguments(data: bytes) -> dict[str, Any]:
            try:
                return read(data)
            except Unreadable as error:
                raise _refused(method, error) from None

        return arguments

    def _writer(self, method: MethodShape) -> WriteBytes:
        write = self._codec.writer(method.response)

        def answer(value: dict[str, Any]) -> bytes:
            try:
                return write(value)
            except Unwritable as error:
                place = error.path.removeprefix(".")
                raise CallError(
                    "NOT_IN_CONTRACT",
                    f"{method.name}: {place} {error.problem}",
                    place=place,
                    problem=error.problem,
                ) from None

        return answer


def _refused(method: MethodShape, error: Unreadable) -> CallError:
    told = "; ".join(f"{path or 'the request'} {problem}" for path, problem in error.problems)
    refused = CallError(
        "INVALID_ARGUMENTS",
        f"{method.command or method.name}: {told}",
        command=method.command,
        parameter=error.problems[0][0],
    )
    refused.violations = error.problems
    return refused


def _digest(command: str, arguments: dict[str, Any]) -> bytes:
    """Makes the digest of what a request asks for: of the arguments, as maps have no order on the wire."""
    return hashlib.sha256(canonical_bytes(["typed", command, arguments])).digest()


def _deadline(context: Any) -> float | None:
    remaining = context.time_remaining()
    return time.monotonic() + remaining if remaining is not None else None


def _failed(command: str, failure: Failure, revision: int) -> CallError:
    return CallError(
        "COMMAND_FAILED",
        f"{command} raised {failure.message}",
        command=command,
        type=failure.type or failure.reason.value,
        revision=str(revision),
    )
