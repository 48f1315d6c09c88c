"""Views: the frontends of flows under the app's own origin, at `/view/NAME/`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from flowrpc.component.layout import VIEWS, view_path
from flowrpc.errors import CallError
from flowrpc.gateway.frontends import Address, Frontends
from flowrpc.gateway.replies import Refusal
from flowrpc.gateway.static_files import Folder

if TYPE_CHECKING:
    from flowrpc.gateway.bridge import Bridge
    from flowrpc.gateway.proxy import Proxy


class Views:
    """Passes a request on to the frontend that its path names. It is an ASGI application."""

    def __init__(self, frontends: Frontends, cookie: str) -> None:
        """Takes the frontends, and the name of the cookie that they must not see."""
        self._frontends = frontends
        self._folders: dict[str, tuple[object, Folder]] = {}
        self._cookie = cookie
        self._proxy: Proxy | None = None
        self._bridge: Bridge | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request."""
        name, slash, rest = scope["path"].removeprefix(f"{VIEWS}/").partition("/")
        answer: ASGIApp | None = self._frontend(name, scope, rest)
        if answer is None:
            error = CallError("UNKNOWN_COMPONENT", f"{name[:100]!r} has no frontend", component=name[:100])
            answer = Refusal(error)
        elif not slash:
            answer = RedirectResponse(view_path(name), 307)  # so that relative addresses in the page work
        await answer(scope, receive, send)

    async def close(self) -> None:
        """Ends what is passed on."""
        if self._proxy is not None:
            await self._proxy.close()

    def _frontend(self, name: str, scope: Scope, rest: str) -> ASGIApp | None:
        static = self._frontends.static(name)
        if static is not None and scope["type"] == "http":
            return _inside(self._folder(name, static), name, rest)
        to = self._frontends.address(name, rest)
        if to is None:
            return None
        return self._bridged(to) if scope["type"] == "websocket" else self._proxied(to)

    def _folder(self, name: str, static: object) -> Folder:
        known = self._folders.get(name)
        if known is None or known[0] is not static:
            known = self._folders[name] = (static, Folder(static.serve_dir))  # type: ignore[attr-defined]
        return known[1]

    def _bridged(self, to: Address) -> ASGIApp:
        from flowrpc.gateway.bridge import Bridge

        bridge = self._bridge = self._bridge or Bridge(self._cookie)

        async def connect(scope: Scope, receive: Receive, send: Send) -> None:
            await bridge.connect(WebSocket(scope, receive, send), to)

        return connect

    def _proxied(self, to: Address) -> ASGIApp:
        from flowrpc.gateway import proxy as passing_on  # most apps pass nothing on

        proxy = self._proxy = self._proxy or passing_on.Proxy(self._cookie)

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            response: Response = await proxy.answer(Request(scope, receive), to)
            await response(scope, receive, send)

        return answer


def _inside(folder: Folder, name: str, rest: str) -> ASGIApp:
    """Makes the folder see the path below it."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        root = view_path(name).rstrip("/")
        await folder({**scope, "root_path": root, "path": f"{root}/{rest}"}, receive, send)

    return answer
