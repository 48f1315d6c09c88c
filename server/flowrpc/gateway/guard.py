"""The guard: what is checked of every request before anything else looks at it."""

from __future__ import annotations

import time
from collections.abc import Callable, MutableMapping
from email.utils import formatdate
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flowrpc.errors import CallError
from flowrpc.flow_service.refusals import Refusals
from flowrpc.gateway.access import Access, check_role
from flowrpc.gateway.hosts import Hosts, check_origin
from flowrpc.gateway.login_page import login_page, wants_login_page
from flowrpc.gateway.replies import REFUSALS, Refusal, fault

_READS = ("GET", "HEAD")
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"SAMEORIGIN"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)

_STARTS = ("http.response.start", "websocket.http.response.start", "websocket.accept")

ROLE = "flowrpc.role"
"""Where the scope of a request holds the role of who asks; None for a stranger."""

Needed = Callable[[MutableMapping[str, Any]], str | None]
"""Tells the role that a request needs by its scope; None: it is open to everybody."""


class Guard:
    """Lets requests through to the application that may come through. It is an ASGI application itself.

    Args:
        app: The application.
        access: Who is who.
        hosts: The names that are answered to.
        needed: Tells what a request needs.
        streams: Paths that are no mere reads: what they send goes on.
        refusals: Counts what is refused.
    """

    def __init__(
        self,
        app: ASGIApp,
        access: Access,
        hosts: Hosts,
        needed: Needed,
        streams: frozenset[str],
        *,
        refusals: Refusals,
    ) -> None:
        self._refusals = refusals
        self._app = app
        self._access = access
        self._hosts = hosts
        self._needed = needed
        self._streams = streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request, or refuses it."""
        answer = _Answer(send)
        scope[REFUSALS] = self._refusals
        try:
            self._check(scope)
        except CallError as error:
            if wants_login_page(scope, error):
                self._refusals.count(error.reason)
                await login_page(scope)(scope, receive, answer)
            else:
                await Refusal(error)(scope, receive, answer)
            return
        try:
            await self._app(scope, receive, answer)
        except Exception as error:  # noqa: BLE001  # the request ends here
            if not answer.started:
                await fault(f"{_method(scope)} {scope['path']}", error)(scope, receive, answer)

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        self._hosts.check(host)
        method = _method(scope)
        reads = method in _READS and scope["path"] not in self._streams
        origin = headers.get("origin", "")
        if not reads:
            check_origin(origin, host)
        authorization = headers.get("authorization", "")
        role = self._access.role(authorization, headers.get("cookie", ""))
        by_cookie = role is not None and not authorization
        if by_cookie and method not in _READS:
            _check_page(origin)
        needed = self._needed(scope)
        if by_cookie and needed == "call":
            _check_site(headers.get("sec-fetch-site", ""))
        if needed is not None:
            check_role(role, needed, f"{method} {scope['path']}")
        scope[ROLE] = role


class _Answer:
    """Sends an answer with the headers that all of them have."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.started = False

    async def __call__(self, message: Message) -> None:
        if message["type"] in _STARTS:
            self.started = True
            given = message.get("headers", ())
            names = {name.lower() for name, _ in given}
            more = [header for header in (*_HEADERS, *_own_headers()) if header[0] not in names]
            if message["type"] != "websocket.accept":
                message = {**message, "headers": [*given, *more]}
        await self._send(message)


def _method(scope: Scope) -> str:
    """Tells the method of a request; a WebSocket has none and is no mere read."""
    return str(scope.get("method", "WebSocket"))


def _own_headers() -> tuple[tuple[bytes, bytes], ...]:
    return (b"date", formatdate(time.time(), usegmt=True).encode()), (b"cache-control", b"no-store")


def _check_page(origin: str) -> None:
    """Checks that a request with a cookie that changes things says which page it comes from, as browsers do."""
    if not origin:
        raise CallError(
            "PERMISSION_DENIED",
            "a request with a cookie that is no read must carry `Origin`; programs send a token instead",
            role="",
            needed="the app's own origin",
        )


def _check_site(site: str) -> None:
    """Checks that what may change things, by GET too, comes from a page of the app, or from no page.

    A link or an image in a page of another port of this host is of the same site, and yet of another origin: the
    browser sends the strict cookie along, and no `Origin`. Its `Sec-Fetch-Site` tells, and no page can set that.
    """
    if site not in ("", "same-origin", "none"):
        raise CallError(
            "PERMISSION_DENIED",
            "a page of another origin may not ask this of the app; only its own pages may",
            role="",
            needed="the app's own origin",
        )
