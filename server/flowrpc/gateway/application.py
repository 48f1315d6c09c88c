"""The application: what the gateway answers, built anew when the routes change."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from functools import partial
from typing import Any

from fastapi import FastAPI, Request
from fastapi_offline import FastAPIOffline
from starlette.routing import BaseRoute, Match, Mount
from starlette.types import ASGIApp

from flowrpc.component.app_info import AppInfo
from flowrpc.component.layout import VIEWS
from flowrpc.errors import CallError
from flowrpc.flow_service.door import Door
from flowrpc.flow_service.routes import Route
from flowrpc.gateway.access import Access
from flowrpc.gateway.command_api import add_command_api
from flowrpc.gateway.dashboard import FILES_PATH, add_dashboard
from flowrpc.gateway.layout_api import add_layout_api
from flowrpc.gateway.logs_api import add_logs_api
from flowrpc.gateway.pages import add_pages, add_plain_page
from flowrpc.gateway.replies import Json, Refusal, fault
from flowrpc.gateway.state_api import add_state_api
from flowrpc.gateway.user_routes import add_route
from flowrpc.gateway.views import Views
from flowrpc.gateway.watch_api import add_watch_api
from flowrpc.gateway.write_api import add_write_api

MAX_BODY_BYTES = 64 * 1024 * 1024
"""How large the body of a request may be, as over gRPC."""

OWN_TAGS = ("app", "commands", "state", "works")
"""What our own routes are shown under in /docs; the user's are under their flow."""

OPEN = ("/healthz", "/readyz", "/login", FILES_PATH)
"""Paths that are open to everybody: probes carry no tokens, and who logs in has none yet."""


class Application:
    """All that is served, and what each of it needs.

    Args:
        door: The flow service.
        access: Who is who.
        views: What serves the frontends.
        routes: The user's routes, in the order in which requests are compared with them.
        refuse: Is told what is wrong with a route that cannot be served; may raise it.
        info: What `/docs` says about the app.
        ui: Whether the dashboard is served.
    """

    def __init__(
        self,
        door: Door,
        access: Access,
        views: Views,
        routes: tuple[Route, ...],
        refuse: Callable[[Exception], None],
        *,
        info: AppInfo,
        ui: bool = True,
    ) -> None:
        self._app = _new_app(door, [route.flow for route in routes], info)
        self._needed: list[tuple[BaseRoute, str | None]] = []
        add_pages(self._app, door, access)
        add_dashboard(self._app, door) if ui else add_plain_page(self._app, door)
        add_state_api(self._app, door)
        add_command_api(self._app, door)
        add_watch_api(self._app, door)
        add_layout_api(self._app, door)
        add_write_api(self._app, door)
        add_logs_api(self._app, door)
        self._app.mount(VIEWS, views)
        self._note(partial(_own_need, ui=ui))
        for route in routes:
            try:
                add_route(self._app, route, door.waiting)
            except Exception as error:  # noqa: BLE001  # whatever FastAPI has against it
                refuse(error)
            need = None if route.public else "call"
            self._note(lambda _, need=need: need)  # type: ignore[misc]

    @property
    def asgi(self) -> ASGIApp:
        """What is called for each request that the guard lets through."""
        return self._app

    def needed(self, scope: MutableMapping[str, Any]) -> str | None:
        """Tells the role that a request needs; None: it is open to everybody.

        What no route takes is told to those only who have some role, so that strangers learn nothing.
        """
        partial: str | None = "read"
        for route, needed in self._needed:
            match, _ = route.matches(scope)
            if match is Match.FULL:
                return "call" if isinstance(route, Mount) and not _reads(scope) else needed
            if match is Match.PARTIAL:
                partial = partial and needed
        return partial

    def _note(self, needed: Callable[[BaseRoute], str | None]) -> None:
        for route in self._app.routes[len(self._needed) :]:
            self._needed.append((route, needed(route)))


def _new_app(door: Door, flows: list[str], told: AppInfo) -> FastAPI:
    info = door.info()
    tags = [{"name": name} for name in dict.fromkeys([*flows, *OWN_TAGS])]  # the user's come first in /docs
    return FastAPIOffline(
        redoc_url=None,
        static_url="/docs/assets",
        title=told.title or info.name,
        description=told.description or "",
        version=info.version,
        openapi_tags=tags,
        redirect_slashes=False,
        max_body_size=MAX_BODY_BYTES,
        exception_handlers={CallError: _refuse, Exception: _fault},
    )


async def _refuse(request: Request, error: Exception) -> Json:
    assert isinstance(error, CallError)
    return Refusal(error)


async def _fault(request: Request, error: Exception) -> Json:
    return fault(f"{request.method} {request.url.path}", error)


def _reads(scope: MutableMapping[str, Any]) -> bool:
    """Tells whether a request only reads; a WebSocket, which has no method, does more."""
    return scope.get("method") in ("GET", "HEAD")


def _own_need(route: BaseRoute, *, ui: bool) -> str | None:
    """Tells what a path of our own needs: `call` where something can change."""
    path = str(getattr(route, "path", ""))
    if path in OPEN or (
        path == "/" and ui
    ):  # the dashboard holds nothing of the app, and tells how to log in
        return None
    methods: set[str] = getattr(route, "methods", None) or {"GET"}
    return "read" if methods <= {"GET", "HEAD"} else "call"
