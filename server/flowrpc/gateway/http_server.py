"""The HTTP server: uvicorn, as a guest in the flow service's event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from flowrpc.flow_service.server import Tls

GRACE_SECONDS = 1.0
"""How long requests may take to end when the app ends; then they are cancelled."""


MAX_MESSAGE_BYTES = 64 * 1024 * 1024
"""How large a message over a WebSocket may be, as over gRPC."""


class HttpServer(uvicorn.Server):
    """Leaves signals to the flow service, and sleeps while nobody asks."""

    def __init__(self, app: Any, tls: Tls | None) -> None:
        self._exit = asyncio.Event()
        super().__init__(
            uvicorn.Config(
                app,
                http="h11",
                ws=_web_socket,  # type: ignore[arg-type]  # it is called and nothing else
                ws_max_size=MAX_MESSAGE_BYTES,
                lifespan="off",
                log_config=None,
                log_level="warning",
                access_log=False,
                proxy_headers=False,
                server_header=False,
                date_header=False,  # the guard dates answers; uvicorn would wake up every second for it
                timeout_graceful_shutdown=1,
                ssl_certfile=tls.certificate if tls else None,
                ssl_keyfile=tls.key if tls else None,
            )
        )

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Captures none."""
        yield

    async def main_loop(self) -> None:
        """Waits until it is told to end; uvicorn looks ten times a second."""
        await self._exit.wait()

    def end(self) -> None:
        """Ends it: open requests get a grace."""
        self.should_exit = True
        self._exit.set()


def _web_socket(**facts: Any) -> asyncio.Protocol:
    """Makes the protocol of a connection that becomes a WebSocket; it is imported at the first one."""
    from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

    return WebSocketsSansIOProtocol(**facts)
