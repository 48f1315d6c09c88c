"""The server of one frontend: started in a thread, started again when it died, and stopped."""

from __future__ import annotations

import asyncio
import logging
import socket
from contextlib import suppress

from flowrpc.component.failures import failure_of
from flowrpc.component.frontend import Frontend
from flowrpc.component.layout import view_path

logger = logging.getLogger(__name__)

HOST = "127.0.0.1"
RESTARTS = 5
"""How often a server that died is started again in a life of the app."""
PAUSE_SECONDS = 0.5
"""How long the pause before the first restart is; each is twice as long as the one before."""


class FrontendServer:
    """Keeps the server of a frontend. It lives in the event loop; user code runs in threads.

    Nobody looks after a server that nobody asks: that it died shows when it takes no connection any more. One that
    never took one is still on its way.

    Args:
        flow: Full name of the flow.
        frontend: What it shows.
        revives_itself: Whether it looks after its process by itself.
    """

    def __init__(self, flow: str, frontend: Frontend, *, revives_itself: bool) -> None:
        self.frontend = frontend
        self.port = _free_port()
        self._flow = flow
        self._left = 0 if revives_itself else RESTARTS
        self._pause = PAUSE_SECONDS
        self._reached = False
        self._ending = asyncio.Event()
        self._starting = asyncio.create_task(self._start())

    def answered(self) -> None:
        """Is told that it took a connection."""
        self._reached = True

    def is_silent(self) -> None:
        """Is told that it takes no connection; starts it again if it did before."""
        if self._reached and self._left and self._starting.done():
            self._reached = False
            self._left -= 1
            self._starting = asyncio.create_task(self._start_again())

    async def stop(self) -> None:
        """Stops it, when it has started."""
        self._ending.set()
        if await self._starting:
            await self._stop()

    async def _start(self) -> bool:
        """Starts it; returns that it is to be stopped, also if it did not get ready."""
        try:
            await asyncio.to_thread(
                self.frontend.start_server, HOST, self.port, view_path(self._flow).rstrip("/")
            )
        except Exception as error:  # noqa: BLE001  # user code ends here
            logger.error(
                "the frontend of %s did not start:\n%s", self._flow, failure_of(error).traceback.rstrip()
            )
        return True

    async def _start_again(self) -> bool:
        then = f"it is started again in {self._pause:g} s; {self._left} restarts are left"
        logger.error("the frontend of %s takes no connections any more; %s", self._flow, then)
        await self._stop()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._pause):
                await self._ending.wait()
        self._pause *= 2
        return False if self._ending.is_set() else await self._start()

    async def _stop(self) -> None:
        try:
            await asyncio.to_thread(self.frontend.stop_server)
        except Exception as error:  # noqa: BLE001  # user code ends here
            logger.error(
                "the frontend of %s did not stop:\n%s", self._flow, failure_of(error).traceback.rstrip()
            )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
