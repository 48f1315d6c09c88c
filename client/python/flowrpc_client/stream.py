"""A stream of answers: an iterator that can be closed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import grpc
from flowrpc.errors import FlowrpcError

T = TypeVar("T")


class Stream(Iterator[T], Generic[T]):
    """Yields what the app sends, as it comes; closing it cancels the call.

    The call is made when the stream is, not at the first `next`. Use it in a `with` statement, or close it.
    """

    def __init__(
        self,
        call: Any,
        decode: Callable[[Any], Iterable[T]],
        translate: Callable[[grpc.RpcError], FlowrpcError],
    ) -> None:
        """Takes a grpc call that is under way, and what makes any number of items of a message."""
        self._call = call
        self._decode = decode
        self._translate = translate
        self._closed = False
        self._items: Iterator[T] = iter(())

    def __next__(self) -> T:
        """Waits for the next answer.

        Raises:
            StopIteration: the stream has ended or was closed.
            FlowrpcError: the call was refused, or broke.
        """
        while True:
            for item in self._items:
                return item
            self._items = iter(self._decode(self._receive()))

    def close(self) -> None:
        """Ends the stream; a `next` that waits in another thread ends too."""
        self._closed = True
        self._call.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        # A stream that nobody reads any more must not go on in the background.
        self._call.cancel()

    def _receive(self) -> Any:
        try:
            return next(self._call)
        except grpc.RpcError as error:
            if self._closed:
                raise StopIteration from None
            raise self._translate(error) from None
