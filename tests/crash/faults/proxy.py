"""A TCP proxy that spoils connections on purpose."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass, field

_CHUNK = 64 * 1024
_RESET = struct.pack("ii", 1, 0)
_DOWN_SECONDS = 0.05


@dataclass(slots=True, eq=False)
class _Pipe:
    """One direction of one connection."""

    source: asyncio.StreamReader
    target: asyncio.StreamWriter
    upwards: bool
    """Whether it carries what the client says."""


@dataclass(slots=True, eq=False)
class _Link:
    """One connection of a client, and the one that was made to the service for it."""

    client: asyncio.StreamWriter
    service: asyncio.StreamWriter
    pumps: list[asyncio.Task[None]] = field(default_factory=list)

    def reset(self) -> None:
        """Ends it on both sides as a crash of the network would."""
        for writer in (self.client, self.service):
            sock = writer.get_extra_info("socket")
            if sock is not None:
                with suppress(OSError):
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            writer.transport.abort()
        for pump in self.pumps:
            pump.cancel()


class FaultProxy:
    """Passes bytes on, until it is told to do something else with them.

    Args:
        target: The port on this host that it leads to.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._server: asyncio.Server | None = None
        self._links: set[_Link] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self._open_up, self._open_down = asyncio.Event(), asyncio.Event()
        self._open_up.set()
        self._open_down.set()
        self._spoil_next = ""
        self._slow = False
        self.port = 0
        """Where clients dial it."""
        self.spoilt = 0
        """How many chunks were spoilt."""

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        await _turns()  # what was accepted just now is served
        self.reset()
        for task in self._serving:
            task.cancel()
        if self._serving:
            await asyncio.wait(self._serving)
        await _turns()  # what was aborted lets go of its socket

    # Faults

    def reset(self) -> None:
        """Resets every connection."""
        for link in list(self._links):
            link.reset()

    async def stall(self, seconds: float) -> None:
        """Passes nothing on for a while; nothing is lost."""
        await self._hold(seconds, up=True, down=True)

    async def half_open(self, seconds: float, *, up: bool) -> None:
        """Loses one direction for a while, and with it the connections."""
        await self._hold(seconds, up=up, down=not up, then_reset=True)

    async def slow(self, seconds: float) -> None:
        """Passes on a few bytes at a time for a while."""
        self._slow = True
        await asyncio.sleep(seconds)
        self._slow = False

    def spoil(self, how: str) -> None:
        """Has the next chunk of each kind of traffic truncated or duplicated."""
        assert how in _SPOILERS, how
        self._spoil_next = how

    # Inside

    async def _hold(self, seconds: float, *, up: bool, down: bool, then_reset: bool = False) -> None:
        held = [self._open_up] * up + [self._open_down] * down
        for event in held:
            event.clear()
        await asyncio.sleep(seconds)
        if then_reset:
            self.reset()
        for event in held:
            event.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            await self._join(reader, writer)
        except asyncio.CancelledError:  # at the end, which has nobody to tell
            writer.transport.abort()
        finally:
            self._serving.discard(task)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            to_read, to_write = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            await asyncio.sleep(_DOWN_SECONDS)
            writer.transport.abort()
            return
        link = _Link(writer, to_write)
        self._links.add(link)
        link.pumps = [
            asyncio.create_task(self._pump(link, _Pipe(reader, to_write, upwards=True))),
            asyncio.create_task(self._pump(link, _Pipe(to_read, writer, upwards=False))),
        ]
        await asyncio.wait(link.pumps)
        self._links.discard(link)

    async def _pump(self, link: _Link, pipe: _Pipe) -> None:
        with suppress(OSError):
            while data := await pipe.source.read(_CHUNK):
                await (self._open_up if pipe.upwards else self._open_down).wait()
                if self._slow:
                    await self._trickle(pipe, data)
                elif self._spoil_next and len(data) > 20:
                    how, self._spoil_next = self._spoil_next, ""
                    self.spoilt += 1
                    pipe.target.write(_SPOILERS[how](data))
                    if how == "truncate":
                        await pipe.target.drain()
                        break
                else:
                    pipe.target.write(data)
                await pipe.target.drain()
        link.client.close()
        link.service.close()

    async def _trickle(self, pipe: _Pipe, data: bytes) -> None:
        for start in range(0, len(data), 256):
            pipe.target.write(data[start : start + 256])
            await pipe.target.drain()
            if self._slow:
                await asyncio.sleep(0.005)


async def _turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


_SPOILERS = {
    "truncate": lambda data: data[: len(data) // 2],
    "duplicate": lambda data: data + data,
}
