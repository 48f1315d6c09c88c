"""A typed watch: the state of a flow, each time that it has changed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from flowrpc_client.backoff import pauses
from flowrpc_client.errors import NotReachableError
from flowrpc_client.stream import Stream

State = TypeVar("State")

_TRIES = 15
_LONGEST_PAUSE = timedelta(seconds=2)


class StateWatch(Iterator[State], Generic[State]):
    """Yields the state as it is, and again whenever it has changed; several changes may come as one.

    A watch that breaks is begun again, also where the app is started again at another address; what was yielded last is
    not yielded twice. It ends by closing it: use it in a `with` statement.
    """

    def __init__(self, begin: Callable[[], Stream[dict[str, Any]]]) -> None:
        """Takes what begins a watch of the app."""
        self._begin = begin
        self._closed = threading.Event()
        self._last = ""
        self._revision = 0
        self._failures = 0
        self._pauses = pauses(most=_LONGEST_PAUSE)
        self._stream: Stream[dict[str, Any]] | None = None

    @property
    def revision(self) -> int:
        """The revision of the app that holds what was yielded last; 0 before."""
        return self._revision

    def __next__(self) -> State:
        """Waits for the next state.

        Raises:
            StopIteration: The watch was closed.
            NotReachableError: The app was away for too long.
            CallError: The app refuses, or its state does not fit the contract.
        """
        while True:
            answer = self._receive()
            # By what is written of it: 1 and True are equal, but no state that shows one has shown the other.
            told = repr(answer["state"])
            self._revision = answer["revision"]
            if told != self._last:
                self._last = told
                state: State = answer["state"]
                return state

    def wait_for(self, predicate: Callable[[State], bool], timeout: float = 10.0) -> State:
        """Waits for a state of which the predicate holds, and returns it.

        Raises:
            TimeoutError: The time is over, and the watch closed.
            NotReachableError: The app was away for too long.
        """
        timer = threading.Timer(timeout, self.close)
        timer.daemon = True
        timer.start()
        try:
            for state in self:
                if predicate(state):
                    return state
        finally:
            timer.cancel()
        raise TimeoutError(f"not within {timeout:g} s, up to revision {self.revision}")

    def close(self) -> None:
        """Ends the watch; a `next` that waits in another thread ends too."""
        self._closed.set()
        if self._stream is not None:
            self._stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _receive(self) -> dict[str, Any]:
        while not self._closed.is_set():
            try:
                answer = next(self._opened(), None)
                if answer is None:  # the app is ending, and comes again if it is started again
                    raise NotReachableError("the app ended the watch; is it still running?")
            except NotReachableError:
                self._stream = None
                if self._failures >= _TRIES:
                    raise
                self._pause()
            else:
                self._failures = 0
                return answer
        raise StopIteration

    def _opened(self) -> Stream[dict[str, Any]]:
        if self._stream is None:
            self._stream = self._begin()
        if self._closed.is_set():  # while this one was begun
            self._stream.close()
        return self._stream

    def _pause(self) -> None:
        if self._failures == 0:
            self._pauses = pauses(most=_LONGEST_PAUSE)
        self._failures += 1
        self._closed.wait(next(self._pauses))
