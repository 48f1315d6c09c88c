"""Commands that stream over HTTP: a line of JSON for each item (https://jsonlines.org).

A line is `{"item": …, "revision": …}`. If the stream does not end by itself, the last line says why:

* the command raised: `{"failure": {…}, "revision": …}`
* anything else: `{"detail": …, "reason": …, "metadata": {…}}`

A connection that ends without the last chunk is one that broke.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from flowrpc.errors import CallError
from flowrpc.flow_service.door import Door
from flowrpc.flow_service.stream_readers import StreamReader
from flowrpc.gateway.facts import fact_json
from flowrpc.gateway.replies import Refusal, json_bytes, refusal_content
from flowrpc.protocol.answers import CommandItem
from flowrpc.state import Value

MEDIA_TYPE = "application/x-ndjson"

LAST_LINE_SECONDS = 1.0
"""How long a reader whose time is over may take to hear that it is."""


class CommandStream(Response):
    """Answers with the items of a command; it is called when the answer begins, and closed when nobody reads it.

    Args:
        door: What leads to the engine.
        command: The command, which has to stream.
        arguments: Plain values.
        seconds: How long it may take.
    """

    media_type = MEDIA_TYPE

    def __init__(self, door: Door, command: str, arguments: dict[str, Value], seconds: float) -> None:
        super().__init__()
        self._door = door
        self._command = command
        self._arguments = arguments
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends the items."""
        try:
            await self._answer(scope, receive, send)
        except CallError as error:
            await Refusal(error)(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends the items.

        Raises:
            CallError: The call is refused; nothing was sent.
        """
        deadline = time.monotonic() + self._seconds
        streams = self._door.waiting.streams
        async with streams.open(self._command, self._arguments, deadline=deadline) as stream:
            lines = self._lines(stream, asyncio.get_running_loop().time() + self._seconds)
            with suppress(TimeoutError):  # who does not read is not told
                async with asyncio.timeout(self._seconds + LAST_LINE_SECONDS):
                    await StreamingResponse(lines, media_type=MEDIA_TYPE)(scope, receive, send)

    async def _lines(self, stream: StreamReader, end: float) -> AsyncIterator[bytes]:
        try:
            while True:
                async with asyncio.timeout_at(end):
                    item = await anext(stream)
                line = json_bytes(_content(item)) + b"\n"
                yield line
                stream.took(len(line))
        except StopAsyncIteration:
            return
        except TimeoutError:
            error = CallError(
                "DEADLINE_EXCEEDED", f"{self._command} streamed for {self._seconds:g} s; allow more"
            )
            yield self._last_line(error)
        except CallError as error:
            yield self._last_line(error)

    def _last_line(self, error: CallError) -> bytes:
        self._door.refusals.count(error.reason)
        return json_bytes(refusal_content(error)) + b"\n"


def _content(item: CommandItem) -> dict[str, Any]:
    if item.failure is not None:
        return {"failure": fact_json(item.failure), "revision": item.revision}
    return {"item": item.value, "revision": item.revision}
