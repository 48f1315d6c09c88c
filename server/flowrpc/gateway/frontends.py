"""The frontends of an app: starts and stops the servers of those that have one."""

from __future__ import annotations

import asyncio
import logging
import socket
from dataclasses import dataclass
from pathlib import Path

from flowrpc.component.failures import failure_of
from flowrpc.component.frontend import Frontend
from flowrpc.component.layout import view_path
from flowrpc.frontend import StaticWebFrontend, StreamlitFrontend

logger = logging.getLogger(__name__)

STOP_SECONDS = 2.0
"""How long servers of frontends may take to stop altogether."""
HOST = "127.0.0.1"


@dataclass(slots=True, kw_only=True)
class FrontendServer:
    """A frontend with a server of its own."""

    frontend: Frontend
    port: int
    starting: asyncio.Task[None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a request is passed on to."""

    flow: str
    port: int
    path: str
    """As its server sees it, not quoted."""


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
        return Address(flow=name, port=server.port, path=kept + path)

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
        return _start(name, frontend)

    def _stop(self, server: FrontendServer) -> None:
        task = asyncio.create_task(_end(server))
        self._stopping.add(task)
        task.add_done_callback(self._stopping.discard)


def _start(name: str, frontend: Frontend) -> FrontendServer:
    port = _free_port()
    root_path = view_path(name).rstrip("/")

    async def start() -> None:
        try:
            await asyncio.to_thread(frontend.start_server, HOST, port, root_path)
        except Exception as error:  # noqa: BLE001  # user code ends here
            logger.error("the frontend of %s did not start:\n%s", name, failure_of(error).traceback.rstrip())

    return FrontendServer(frontend=frontend, port=port, starting=asyncio.create_task(start()))


async def _end(server: FrontendServer) -> None:
    await server.starting
    try:
        await asyncio.to_thread(server.frontend.stop_server)
    except Exception as error:  # noqa: BLE001  # user code ends here
        logger.error("a frontend did not stop:\n%s", failure_of(error).traceback.rstrip())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
