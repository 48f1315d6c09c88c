"""Streams of commands that are read: the asyncio side of the hand-over, and what bounds what waits there."""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from flowrpc.errors import CallError
from flowrpc.flow_service.effects import StreamEnded, StreamItem
from flowrpc.flow_service.events import StreamClosed, StreamOpened, StreamWanted
from flowrpc.protocol.answers import CommandItem
from flowrpc.state import Value

MAX_ITEMS = 16
"""How many items of a stream may wait for its reader."""
MAX_BYTES = 1024 * 1024
"""How large they may be together, if all are as large as the last one that was taken."""


class StreamReader:
    """Gives the items of one stream, and asks for more as there is room."""

    def __init__(self, number: int, submit: Callable[[StreamWanted], None]) -> None:
        """Takes the stream's number, and what tells the engine that more is wanted. One item was asked for already."""
        self._number = number
        self._submit = submit
        self._arrived: deque[CommandItem] = deque()
        self._news = asyncio.Event()
        self._asked = 1  # items that wait here, or that there is room for
        self.ended: StreamEnded | None = None
        """How it ended, once it has."""

    def __aiter__(self) -> StreamReader:
        return self

    async def __anext__(self) -> CommandItem:
        """Waits for the next item.

        Raises:
            StopAsyncIteration: The command has returned, or raised what the last item tells.
            CallError: Something else ended the stream.
        """
        while not self._arrived:
            if self.ended is not None:
                if self.ended.error is not None:
                    raise self.ended.error
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        return self._arrived.popleft()

    def took(self, size_bytes: int) -> None:
        """Is told that an item has left, and how large it was as it went."""
        self._asked -= 1
        room = max(1, min(MAX_ITEMS, MAX_BYTES // max(size_bytes, 1)))
        if self.ended is None and self._asked <= room // 2:
            self._submit(StreamWanted(stream=self._number, count=room - self._asked))
            self._asked = room

    def take(self, effect: StreamItem | StreamEnded) -> None:
        """Takes what the engine gives."""
        if isinstance(effect, StreamItem):
            self._arrived.append(effect.item)
        else:
            self.ended = effect
        self._news.set()


class StreamReaders:
    """Opens streams, and gives each what is its own. It lives in the asyncio thread.

    Args:
        submit: Hands an event to the engine.
        ask: Hands a request over, made for the id that it gets, and waits for the answer.
    """

    def __init__(
        self,
        submit: Callable[[Any], None],
        ask: Callable[[Callable[[int], StreamOpened]], Awaitable[Any]],
    ) -> None:
        self._submit = submit
        self._ask = ask
        self._numbers = itertools.count(1)
        self._readers: dict[int, StreamReader] = {}

    @asynccontextmanager
    async def open(
        self,
        command: str,
        arguments: dict[str, Value],
        *,
        deadline: float | None = None,
        size_bytes: int = 0,
    ) -> AsyncIterator[StreamReader]:
        """Calls a command that streams; whoever leaves before its end closes it.

        Args:
            command: Its name.
            arguments: Plain values.
            deadline: Monotonic time after which it need not begin any more.
            size_bytes: How large the request was.

        Raises:
            CallError: It is refused.
        """
        number = next(self._numbers)
        reader = self._readers[number] = StreamReader(number, self._submit)
        refused = False
        try:
            await self._ask(
                lambda call_id: StreamOpened(
                    call_id=call_id,
                    stream=number,
                    command=command,
                    arguments=arguments,
                    deadline=deadline,
                    size_bytes=size_bytes,
                )
            )
        except CallError:
            refused = True
            raise
        else:
            yield reader
        finally:
            del self._readers[number]
            if not refused and reader.ended is None:
                self._submit(StreamClosed(stream=number))

    def deliver(self, effect: StreamItem | StreamEnded) -> None:
        """Gives an item or an end to who reads the stream, if anybody still does."""
        reader = self._readers.get(effect.stream)
        if reader is not None:
            reader.take(effect)

    def close(self, error: CallError) -> None:
        """Ends all streams that have not ended."""
        for number, reader in self._readers.items():
            if reader.ended is None:
                reader.take(StreamEnded(number, error))
