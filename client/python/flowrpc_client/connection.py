"""The connection of a client to its app: sends requests, repeats them, and follows an app that moves."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, TypeVar

import grpc
from flowrpc.errors import CallError, FlowrpcError
from flowrpc.protocol.run_directory import entry_in
from flowrpc.v1.flow_service_pb2_grpc import FlowServiceStub
from flowrpc.wire.errors import call_error

from flowrpc_client.backoff import pauses
from flowrpc_client.channel import call_metadata, open_channel
from flowrpc_client.errors import NotReachableError
from flowrpc_client.stream import Stream
from flowrpc_client.target import Target

T = TypeVar("T")

# CANCELLED: grpc drops what exceeds a burst of a thousand calls. A stream that we cancel raises nothing.
_NOT_REACHABLE = frozenset({"UNREACHABLE", "STOPPING", "DEADLINE_EXCEEDED", "CANCELLED"})


class Connection:
    """Holds the channel to one app; safe to use from several threads.

    A method is one of `FlowService`, by its name, or any other, by its path: that takes and gives bytes.
    """

    def __init__(self, target: Target) -> None:
        """Opens a channel to the target; nothing is sent before the first call.

        Raises:
            NotReachableError: the token may not be sent there, or a file of the target cannot be used.
        """
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._open(target)

    @property
    def address(self) -> str:
        """The address that is called."""
        return self._target.address

    def send(self, method: str, request: Any, timeout: float) -> Any:
        """Sends one request and waits for its answer.

        Raises:
            NotReachableError: the app cannot be reached, is ending, or did not answer in time.
            CallError: the app refuses the request.
        """
        try:
            call = self._channel.unary_unary(method) if method[0] == "/" else getattr(self._stub, method)
            return call(request, timeout=timeout, metadata=self._metadata)
        except grpc.RpcError as error:
            raise self._translate(error) from None
        except ValueError:  # what grpc says of a closed channel
            raise NotReachableError("this client is closed; make a new one") from None

    def repeat(self, method: str, request: Any, timeout: float) -> Any:
        """Sends one request again and again until the app answers or the time is over.

        Only for requests that carry a request id, each of which happens once however often it is sent, and for those
        that only look.
        """
        deadline = time.monotonic() + timeout
        for pause in pauses():
            remaining = deadline - time.monotonic()
            try:
                return self.send(method, request, remaining)
            except NotReachableError:
                if time.monotonic() + pause >= deadline or self._closed.wait(pause):
                    raise
                self._follow()
        raise AssertionError("there is always a next pause")

    def stream(
        self,
        method: str,
        request: Any,
        decode: Callable[[Any], Iterable[T]],
        timeout: float | None = None,
        *,
        refine: Callable[[FlowrpcError], FlowrpcError] = lambda error: error,
    ) -> Stream[T]:
        """Opens a stream of answers, of an app that may be elsewhere since the last one broke.

        Args:
            method: its name or path.
            request: the one request.
            decode: makes any number of items of an answer.
            timeout: seconds that the whole stream may take; None: as long as it takes.
            refine: tells more precisely what an error is.
        """
        self._follow()
        try:
            begin = self._channel.unary_stream(method) if method[0] == "/" else getattr(self._stub, method)
            call = begin(request, timeout=timeout, metadata=self._metadata)
        except ValueError:
            raise NotReachableError("this client is closed; make a new one") from None
        return Stream(call, decode, lambda error: refine(self._translate(error)))

    def close(self) -> None:
        """Closes the channel; calls and streams that are open end."""
        self._closed.set()
        self._channel.close()

    def _open(self, target: Target) -> None:
        self._target = target
        self._metadata = call_metadata(target)
        self._channel = open_channel(target)
        self._stub = FlowServiceStub(self._channel)

    def _follow(self) -> None:
        """Finds an app again that was found by itself: one that is started again may have another address."""
        entry = entry_in(self._target.data_dir) if self._target.data_dir is not None else None
        with self._lock:
            if entry is None or entry.address == self._target.address or self._closed.is_set():
                return
            left = self._channel
            self._open(replace(self._target, address=entry.address))
        left.close()

    def _translate(self, error: grpc.RpcError) -> FlowrpcError:
        translated = call_error(error, self.address)
        if isinstance(translated, CallError) and translated.reason in _NOT_REACHABLE:
            return NotReachableError(translated.message)
        return translated
