"""The HTTP server of a work: uvicorn in a thread, so that the work's own thread is free for user code."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from typing import Any

import uvicorn

logger = logging.getLogger(__name__)

END_SECONDS = 3.0
"""How long the server may take to end."""

BACKLOG = 2048
"""How many connections may wait to be accepted."""


class HttpServer:
    """Serves an application on a socket until it is told to end.

    Args:
        app: An ASGI application.
        listener: Is bound, and closed by the server.
        on_end: Is called in the server's thread when it ends, in whatever way.
    """

    def __init__(self, app: Any, listener: socket.socket, on_end: Callable[[], None]) -> None:
        self._listener = listener
        self._on_end = on_end
        self._server = _Server(
            uvicorn.Config(
                app,
                http="h11",
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="warning",
                access_log=False,
                proxy_headers=False,
                server_header=False,
                date_header=False,  # uvicorn would wake up every second for it
                timeout_graceful_shutdown=1,
            )
        )
        self._thread = Thread(target=self._run, name="flowrpc-http", daemon=True)

    def start(self) -> None:
        """Starts to serve."""
        self._thread.start()

    def end(self, first: Callable[[], None]) -> None:
        """Calls a function in the event loop, and ends the server: requests that are answered now get a grace."""
        self._server.end(first)
        if self._thread.ident is None:
            self._listener.close()
        else:
            self._thread.join(END_SECONDS)

    def _run(self) -> None:
        try:
            self._server.run(sockets=[self._listener])
        except BaseException:  # the end of a thread
            logger.exception("the HTTP server ended")
        finally:
            self._on_end()


class _Server(uvicorn.Server):
    """Sleeps while nobody asks: uvicorn itself would look ten times a second whether it is to end."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._exit = asyncio.Event()

    async def main_loop(self) -> None:
        """Waits until it is told to end."""
        self._loop = asyncio.get_running_loop()
        if not self.should_exit:
            await self._exit.wait()

    def end(self, first: Callable[[], None]) -> None:
        """Ends it, from another thread."""
        self.should_exit = True
        if self._loop is None:
            return  # it will see that it is to end when it begins
        with suppress(RuntimeError):  # the loop is closed: it has ended by itself
            self._loop.call_soon_threadsafe(first)
            self._loop.call_soon_threadsafe(self._exit.set)


def listen(host: str, port: int) -> socket.socket:
    """Binds a socket to listen on.

    Raises:
        OSError: The port is in use, or the host is none of this machine's addresses; the message names both.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's algorithm off for sockets that say that they are TCP; without it answers take 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
        return listener
    except OSError as error:
        listener.close()
        raise OSError(error.errno, f"cannot serve on {host} port {port}: {error.strerror}") from None
