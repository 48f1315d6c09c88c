"""Health: what probes and watchers of the standard gRPC health service are told."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from flowrpc.flow_service.server import Server


class Health:
    """Says SERVING while the app is served and its root is ready, else NOT_SERVING. It lives in the asyncio thread.

    A disk that is full changes nothing of that: the app answers what reads, and who starts it again because of a probe
    makes no room. Who wants to know asks for `flowrpc.writes`, which is SERVING while the app can save, too.
    """

    def __init__(self, server: Server) -> None:
        """Takes the server whose health it tells."""
        self._server = server
        self._served = False
        self._unready: tuple[str, ...] | None = None
        self._writing = True
        self._changed = asyncio.Event()
        self._telling: asyncio.Task[None] | None = None

    @property
    def ready(self) -> bool:
        """Whether the app is served and ready."""
        return self._served and self._unready == ()

    @property
    def unready(self) -> tuple[str, ...]:
        """Names of flows that are not ready."""
        return self._unready or ()

    def change(self, unready: tuple[str, ...]) -> None:
        """Takes what the core found."""
        self._unready = unready
        self._changed.set()

    def change_writing(self, writing: bool) -> None:
        """Takes whether the app can save what changes."""
        self._writing = writing
        self._changed.set()

    async def begin(self) -> None:
        """Says that the app is not served yet; the server would say otherwise."""
        await self._server.set_serving(False, writing=False)

    async def serve(self) -> None:
        """Says from now on whether the app is ready."""
        self._served = True
        self._changed.clear()
        await self._server.set_serving(self.ready, writing=self.ready and self._writing)
        self._telling = asyncio.create_task(self._tell())

    async def end(self) -> None:
        """Says that the app is served no longer."""
        self._served = False
        if self._telling is not None:
            self._telling.cancel()
            with suppress(asyncio.CancelledError):
                await self._telling
        await self._server.set_serving(False, writing=False)

    async def _tell(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            await self._server.set_serving(self.ready, writing=self.ready and self._writing)
