"""The frontends of an app: starts and stops the servers of those that have one."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from pathlib import Path

from flowrpc.component.frontend import Frontend
from flowrpc.component.layout import view_path
from flowrpc.frontend import StaticWebFrontend, StreamlitFrontend
from flowrpc.gateway.frontend_server import FrontendServer

logger = logging.getLogger(__name__)

STOP_SECONDS = 2.0
"""How long servers of frontends may take to stop altogether."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a request is passed on to."""

    flow: str
    server: FrontendServer
    path: str
    """As its server sees it, not quoted."""

    @property
    def port(self) -> int:
        """The port of the server."""
        return self.server.port


class Frontends:
    """Knows the frontends by the name of their flow. It lives in the event loop; servers are started in threads.

    Args:
        data_dir: The app's data directory, for pages that are clients of it.
    """

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._static: dict[str, StaticWebFrontend] = {}
        self._servers: dict[str, FrontendServer] = {}
        self._stopping: set[asyncio.Task[None]] = set()

    def set(self, frontends: dict[str, Frontend]) -> None:
        """Starts the servers of those that are new, and stops those of others that are gone."""
        self._static = {name: f for name, f in frontends.items() if isinstance(f, StaticWebFrontend)}
        own = {name: f for name, f in frontends.items() if not isinstance(f, StaticWebFrontend)}
        for name in [name for name, server in self._servers.items() if own.get(name) is not server.frontend]:
            self._stop(self._servers.pop(name))
        for name in own.keys() - self._servers.keys():
            self._servers[name] = self._start(name, own[name])

    def static(self, name: str) -> StaticWebFrontend | None:
        """Finds the files of a flow."""
        return self._static.get(name)

    def address(self, name: str, path: str) -> Address | None:
        """Finds where the server of a flow has what is below `/view/NAME/`; None if it has no server."""
        server = self._servers.get(name)
        if server is None:
            return None
        kept = view_path(name) if server.frontend.keeps_root_path else "/"
        return Address(flow=name, server=server, path=kept + path)

    async def stop(self) -> None:
        """Stops all servers."""
        self.set({})
        if self._stopping:
            _, late = await asyncio.wait(self._stopping, timeout=STOP_SECONDS)
            if late:
                logger.warning(
                    "%d frontends did not stop in %g s and are left behind", len(late), STOP_SECONDS
                )

    def _start(self, name: str, frontend: Frontend) -> FrontendServer:
        if isinstance(frontend, StreamlitFrontend):
            frontend.belong_to(name, self._data_dir)
        return FrontendServer(name, frontend, revives_itself=isinstance(frontend, StreamlitFrontend))

    def _stop(self, server: FrontendServer) -> None:
        task = asyncio.create_task(server.stop())
        self._stopping.add(task)
        task.add_done_callback(self._stopping.discard)
