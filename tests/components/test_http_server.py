"""The HTTP server of a work."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from threading import Event
from typing import Any

import pytest
from flowrpc.components.http_server import HttpServer, listen


async def application(
    scope: Any, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def ask(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return connection.recv(1000)


def test_it_serves_until_it_is_told_to_end() -> None:
    listener, ended, first = listen("127.0.0.1", 0), Event(), Event()
    port = listener.getsockname()[1]
    server = HttpServer(application, listener, on_end=ended.set)
    server.start()
    assert ask(port).startswith(b"HTTP/1.1 204")
    server.end(first.set)
    assert first.is_set()
    assert ended.is_set()
    with pytest.raises(ConnectionRefusedError):
        ask(port)
    server.end(first.set)


def test_one_that_was_never_started_lets_go_of_its_port() -> None:
    listener = listen("127.0.0.1", 0)
    HttpServer(application, listener, on_end=Event().set).end(lambda: None)
    assert listener.fileno() == -1


def test_a_taken_port_is_named() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"cannot serve on 127.0.0.1 port {port}: Address already in use"):
            listen("127.0.0.1", port)


def test_a_host_that_is_not_of_this_machine_is_named() -> None:
    with pytest.raises(OSError, match=r"cannot serve on 192\.0\.2\.1 port 0"):
        listen("192.0.2.1", 0)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_answers_leave_at_once(host: str) -> None:
    """Asyncio sets TCP_NODELAY only on what says that it is TCP; otherwise each answer waits for 40 ms."""
    with listen(host, 0) as listener, socket.create_connection(listener.getsockname()[:2]):
        connection, _ = listener.accept()
        with connection:
            assert connection.proto == socket.IPPROTO_TCP
