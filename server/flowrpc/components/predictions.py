"""Requests for predictions, on their way from the HTTP server's thread to the work's and back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

MAX_WAITING = 1000
"""How many requests may wait for the work; more are refused."""


class NotServedError(Exception):
    """Tells that a request is not answered: too many wait, or the server ends. The same request may be made again."""


class PredictionFailedError(Exception):
    """Tells that user code raised, which is in the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A request that waits."""

    request: Any
    answer: asyncio.Future[Any]


class Predictions:
    """Hands requests to the thread of the work, one after another, because that thread alone sets state.

    `ask` and `refuse` belong to the event loop, `serve` and `end` to the thread of the work.
    """

    def __init__(self) -> None:
        self._queue: SimpleQueue[_Asked | None] = SimpleQueue()
        self._waiting: set[asyncio.Future[Any]] = set()
        self._refusing = False

    # The event loop

    async def ask(self, request: Any) -> Any:
        """Has a request answered.

        Raises:
            NotServedError: It is not.
            Exception: Whatever the prediction raised.
        """
        if self._refusing:
            raise NotServedError("the server ends")
        if len(self._waiting) >= MAX_WAITING:
            raise NotServedError(f"{MAX_WAITING} requests wait already")
        answer = asyncio.get_running_loop().create_future()
        self._waiting.add(answer)
        self._queue.put(_Asked(request=request, answer=answer))
        try:
            return await answer
        finally:
            self._waiting.discard(answer)

    def refuse(self) -> None:
        """Answers nothing any more, neither what waits nor what comes."""
        self._refusing = True
        for answer in self._waiting:
            _settle(answer, error=NotServedError("the server ends"))

    # The thread of the work

    def serve(self, predict: Callable[[Any], Any]) -> None:
        """Answers requests until `end` is called. What `predict` raises is the answer, if it is an `Exception`."""
        while (asked := self._queue.get()) is not None:
            if asked.answer.done():
                continue  # nobody waits for it any more
            try:
                result, error = predict(asked.request), None
            except Exception as raised:  # noqa: BLE001  # the end of user code, for this request
                result, error = None, raised
            asked.answer.get_loop().call_soon_threadsafe(_settle, asked.answer, result, error)

    def end(self) -> None:
        """Lets `serve` return, from any thread."""
        self._queue.put(None)


def _settle(answer: asyncio.Future[Any], result: Any = None, error: Exception | None = None) -> None:
    if answer.done():
        return
    if error is None:
        answer.set_result(result)
    else:
        answer.set_exception(error)
