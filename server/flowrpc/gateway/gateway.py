"""The gateway of one flow service: takes the port at the start, and wakes up when somebody needs it.

What it takes to serve HTTP costs half a second to import. So an app that configures no routes loads it at the first
connection; one that does loads it at the start, because mistakes in routes are told then.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowrpc.component.app_info import AppInfo
from flowrpc.component.frontend import Frontend
from flowrpc.errors import StartError
from flowrpc.flow_service.door import Door
from flowrpc.flow_service.routes import Route
from flowrpc.flow_service.server import Tls, bind_checked, is_loopback
from flowrpc.gateway.access import Access
from flowrpc.gateway.frontends import Frontends
from flowrpc.gateway.hosts import Hosts
from flowrpc.gateway.listener import bind, port_of

if TYPE_CHECKING:
    from flowrpc.gateway.application import Application
    from flowrpc.gateway.http_server import HttpServer
    from flowrpc.gateway.views import Views

logger = logging.getLogger(__name__)

STOP_SECONDS = 3.0
"""How long the end may take altogether."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpOptions:
    """Where HTTP is served, and how."""

    address: str
    data_dir: Path
    names: tuple[str, ...] = ()
    """Names that the host is called by beside the one in the address."""
    tls: Tls | None = None
    info: AppInfo = field(default_factory=AppInfo)
    """What `/docs` says about the app."""
    ui: bool = True
    """Whether the dashboard is at `/`; else that leads to the root's frontend, or to `/docs`."""

    def check(self) -> None:
        """Refuses to serve strangers in the clear.

        Raises:
            StartError: The address is not a loopback one and there is no TLS, or it is no address.
        """
        bind_checked(self.address, self.tls)

    @property
    def served_tls(self) -> Tls | None:
        """The certificate, unless only this host is served: it names what strangers ask for."""
        return None if is_loopback(self._host) else self.tls

    @property
    def _host(self) -> str:
        return self.address.rpartition(":")[0]

    def origin(self, port: int) -> str:
        """Writes the address as browsers do."""
        return f"{'https' if self.served_tls else 'http'}://{self._host}:{port}"

    def hosts(self) -> Hosts:
        """Returns the names that are answered to."""
        return Hosts(self._host, self.names)


class HttpGateway:
    """Serves an app by HTTP. It lives in the flow service's event loop."""

    def __init__(self, door: Door, options: HttpOptions) -> None:
        self._door = door
        self._options = options
        self._routes: tuple[Route, ...] = ()
        self._frontends = Frontends(options.data_dir)
        self._views: Views | None = None
        self._app: Application | None = None
        self._server: HttpServer | None = None
        self._serving: asyncio.Task[None] | None = None
        self._ending = False
        self._socket: socket.socket | None = None

    def bind(self) -> str:
        """Takes the port; returns the address for people.

        Raises:
            StartError: The address cannot be bound.
        """
        self._socket = bind(self._options.address, self._options.data_dir)
        port = port_of(self._socket)
        self._origin = self._options.origin(port)
        self._access = Access(self._door.tokens, f"flowrpc-{port}")
        return self._origin

    def login_url(self) -> str:
        """Makes a link that logs a browser in, once."""
        return f"{self._origin}/login?key={self._access.new_link_key()}"

    def set_routes(self, routes: tuple[Route, ...]) -> None:
        """Takes the routes: before the start, and whenever flows with routes came or went."""
        self._routes = routes
        if self._app is not None:
            self._build(_log)

    def set_frontends(self, frontends: dict[str, Frontend]) -> None:
        """Takes the frontends, and starts the servers of new ones."""
        self._frontends.set(frontends)

    async def start(self) -> None:
        """Begins to serve: at once if there are routes, else when somebody connects.

        Raises:
            StartError: One of the routes cannot be served. One that comes later is left out, and the log says why.
        """
        assert self._socket is not None, "bind comes first"
        if self._routes:
            await _import("application")
            self._build(_raise)
            self._wake()
        else:
            asyncio.get_running_loop().add_reader(self._socket, self._wake)

    async def stop(self) -> None:
        """Ends every request and closes the port."""
        if self._socket is None:
            return
        self._ending = True
        asyncio.get_running_loop().remove_reader(self._socket)
        if self._serving is not None:
            await self._end_serving(self._serving)
        if self._views is not None:
            await self._views.close()
        await self._frontends.stop()
        self._socket.close()

    async def _end_serving(self, serving: asyncio.Task[None]) -> None:
        if self._server is not None:
            self._server.end()
        _, late = await asyncio.wait([serving], timeout=STOP_SECONDS)
        for task in late:
            task.cancel()
        await asyncio.gather(serving, return_exceptions=True)

    def _wake(self) -> None:
        assert self._socket is not None, "bind comes first"
        asyncio.get_running_loop().remove_reader(self._socket)
        if self._serving is None:
            self._serving = asyncio.create_task(self._serve(self._socket))

    async def _serve(self, listening: socket.socket) -> None:
        try:
            http_server = await _import("http_server")
            if self._app is None:
                await _import("application")
                self._build(_log)
            if self._ending:
                return
            self._server = http_server.HttpServer(self._guard(), self._options.served_tls)
            await self._server.serve(sockets=[listening])
        except Exception:  # the task ends here; gRPC goes on
            logger.exception("HTTP is served no more, by a fault of flowrpc")

    def _build(self, refuse: Callable[[Exception], None]) -> None:
        from flowrpc.gateway.application import Application
        from flowrpc.gateway.views import Views

        if self._views is None:
            self._views = Views(self._frontends, self._access.cookie)
        self._app = Application(
            self._door,
            self._access,
            self._views,
            self._routes,
            refuse,
            info=self._options.info,
            ui=self._options.ui,
        )

    def _guard(self) -> Any:
        from flowrpc.gateway.dashboard import FEED_PATH
        from flowrpc.gateway.guard import Guard
        from flowrpc.gateway.logs_api import LOGS_PATH
        from flowrpc.gateway.watch_api import WATCH_PATH

        streams = frozenset({WATCH_PATH, FEED_PATH, LOGS_PATH})
        return Guard(
            self._application,
            self._access,
            self._options.hosts(),
            self._needed,
            streams,
            refusals=self._door.refusals,
        )

    async def _application(self, scope: Any, receive: Any, send: Any) -> None:
        """Calls the application as it is now."""
        assert self._app is not None, "it is loaded before anything is served"
        await self._app.asgi(scope, receive, send)

    def _needed(self, scope: Any) -> str | None:
        assert self._app is not None, "it is loaded before anything is served"
        return self._app.needed(scope)


async def _import(name: str) -> Any:
    """Imports a module of this room that is slow to import: in a thread, so that the loop goes on meanwhile."""
    return await asyncio.to_thread(import_module, f"flowrpc.gateway.{name}")


def _raise(error: Exception) -> None:
    raise error if isinstance(error, StartError) else StartError(str(error))


def _log(error: Exception) -> None:
    logger.error("%s; it is left out", error)
