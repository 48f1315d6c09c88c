"""Requests that wait for the engine: the asyncio side of the hand-over."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable
from typing import Any

from flowrpc.errors import CallError
from flowrpc.flow_service.effects import Reply
from flowrpc.flow_service.events import CommandCalled, Request, StopRequested
from flowrpc.flow_service.inbox import MAX_REQUESTS
from flowrpc.flow_service.stream_readers import StreamReaders


class WaitingCalls:
    """Hands requests to the engine and gives their answers to those who wait. It lives in the asyncio thread."""

    def __init__(self, submit: Callable[[Any], None], check_room: Callable[[], None]) -> None:
        """Takes what hands an event to the engine, and what raises a CallError if it has too many already."""
        self._submit = submit
        self._check_room = check_room
        self._ids = itertools.count(1)
        self._futures: dict[int, asyncio.Future[Any]] = {}
        self._closed = False
        self.streams = StreamReaders(submit, self.ask)
        """Commands that stream."""
        self.on_command: Callable[[float], None] | None = None
        """Is told how many seconds each command took, while somebody wants to know."""

    async def ask(self, make: Callable[[int], Request | StopRequested]) -> Any:
        """Hands a request over and waits for its answer; `make` gets the id to give it.

        Raises:
            CallError: The request is refused, or too many wait.
        """
        if self._closed:
            raise CallError("STOPPING", "the app is ending; start it again to go on")
        self._check_room()
        if len(self._futures) >= MAX_REQUESTS:
            message = f"{MAX_REQUESTS:,} requests wait already; wait and try again"
            raise CallError("OVERLOADED", message, queue="requests", limit=str(MAX_REQUESTS))
        call_id = next(self._ids)
        future = self._futures[call_id] = asyncio.get_running_loop().create_future()
        event = make(call_id)
        begin = time.perf_counter() if self.on_command is not None else 0.0
        self._submit(event)
        try:
            return await future
        finally:
            self._futures.pop(call_id, None)
            if begin and self.on_command is not None and isinstance(event, CommandCalled):
                self.on_command(time.perf_counter() - begin)

    def settle(self, reply: Reply) -> None:
        """Gives an answer to who waits for it, if anybody still does."""
        future = self._futures.get(reply.call_id)
        if future is None or future.done():
            return
        if isinstance(reply.answer, CallError):
            future.set_exception(reply.answer)
        else:
            future.set_result(reply.answer)

    def close(self, error: CallError) -> None:
        """Refuses what waits and what comes."""
        self._closed = True
        for future in self._futures.values():
            if not future.done():
                future.set_exception(error)
        self.streams.close(error)
