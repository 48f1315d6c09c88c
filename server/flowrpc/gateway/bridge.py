"""The bridge: passes WebSockets on to the servers of frontends, message by message."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, cast
from urllib.parse import quote

from starlette.responses import PlainTextResponse
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.typing import Subprotocol

from flowrpc.gateway.frontend_server import HOST
from flowrpc.gateway.frontends import Address
from flowrpc.gateway.http_server import MAX_MESSAGE_BYTES
from flowrpc.gateway.proxy import CONNECT_SECONDS, headers_to_pass_on

MAX_SOCKETS = 500
"""How many are passed on at a time; others are refused."""
CLOSE_SECONDS = 1.0
"""How long a frontend may take to answer that a WebSocket is closed."""

_NORMAL, _GOING_AWAY = 1000, 1001
_NEVER_SENT = frozenset((1005, 1006, 1015))
"""Codes of RFC 6455 §7.4.1 that say how a connection ended, and that no message carries."""
_MAX_REASON_BYTES = 123


class Bridge:
    """Connects browsers to frontends."""

    def __init__(self, cookie: str) -> None:
        """Takes the name of the cookie that frontends must not see."""
        self._cookie = cookie
        self._open = 0

    async def connect(self, browser: WebSocket, to: Address) -> None:
        """Opens a WebSocket to the server of a frontend, and passes on what both say until one has ended."""
        if self._open >= MAX_SOCKETS:
            problem = f"{MAX_SOCKETS} WebSockets are open; close some pages\n"
            await browser.send_denial_response(PlainTextResponse(problem, 503))
            return
        self._open += 1
        try:
            await self._connect(browser, to)
        finally:
            self._open -= 1

    async def _connect(self, browser: WebSocket, to: Address) -> None:
        try:
            frontend = await self._dial(browser, to)
        except (OSError, TimeoutError, WebSocketException) as error:
            if isinstance(error, ConnectionRefusedError):
                to.server.is_silent()
            problem = (
                f"the frontend of {to.flow} opens no WebSocket ({type(error).__name__}); is it starting?\n"
            )
            await browser.send_denial_response(PlainTextResponse(problem, 502))
            return
        to.server.answered()
        async with frontend:
            await browser.accept(frontend.subprotocol)
            await _first_of(_to_frontend(browser, frontend), _to_browser(frontend, browser))

    async def _dial(self, browser: WebSocket, to: Address) -> ClientConnection:
        """Opens it under the name that the browser knows, so that the frontend sees one origin."""
        query = f"?{browser.url.query}" if browser.url.query else ""
        offered = browser.scope.get("subprotocols") or None
        return await connect(
            f"ws://{browser.headers['host']}{quote(to.path)}{query}",
            host=HOST,
            port=to.port,
            proxy=None,
            additional_headers=_headers(browser, to, self._cookie),
            subprotocols=cast("list[Subprotocol] | None", offered),
            user_agent_header=None,
            compression=None,
            ping_interval=None,  # it does not leave this host; who waits for the browser is the server in front
            open_timeout=CONNECT_SECONDS,
            close_timeout=CLOSE_SECONDS,
            max_size=MAX_MESSAGE_BYTES,
        )


def _headers(browser: WebSocket, to: Address, cookie: str) -> list[tuple[str, str]]:
    """Leaves out what each handshake has of its own."""
    given = headers_to_pass_on(browser, to.flow, cookie)
    return [(key, value) for key, value in given if key != "host" and not key.startswith("sec-websocket-")]


async def _first_of(*ways: Coroutine[Any, Any, None]) -> None:
    """Goes both ways until one of them ends, and ends the other one."""
    tasks = [asyncio.create_task(way) for way in ways]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception):
            raise result


async def _to_frontend(browser: WebSocket, frontend: ClientConnection) -> None:
    while True:
        message = await browser.receive()
        if message["type"] == "websocket.disconnect":
            await frontend.close(*_closing(message.get("code"), message.get("reason")))
            return
        text = message.get("text")
        try:
            await frontend.send(message["bytes"] if text is None else text)
        except ConnectionClosed:
            return  # the other way tells the browser


async def _to_browser(frontend: ClientConnection, browser: WebSocket) -> None:
    try:
        async for content in frontend:
            if isinstance(content, str):
                await browser.send_text(content)
            else:
                await browser.send_bytes(content)
    except ConnectionClosed:
        pass  # not in order: its code says so
    except WebSocketDisconnect:
        return  # the browser went while we sent
    if browser.client_state is WebSocketState.CONNECTED:
        with suppress(WebSocketDisconnect):
            await browser.close(*_closing(frontend.close_code, frontend.close_reason))


def _closing(code: int | None, reason: str | None) -> tuple[int, str]:
    """Makes the code and reason to close one side with of those that the other side was closed with."""
    if code is None or code in _NEVER_SENT:
        return (_NORMAL if code == 1005 else _GOING_AWAY), ""
    return code, (reason or "").encode()[:_MAX_REASON_BYTES].decode(errors="ignore")
