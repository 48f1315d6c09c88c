"""Visitors of an app, who come and go: some say goodbye, some are cut off in the midst of it."""

from __future__ import annotations

import asyncio
import http.client
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import closing, contextmanager, suppress
from urllib.parse import urlsplit

from flowrpc_client import FlowClient
from flowrpc_client.errors import NotReachableError

from tests.crash.faults.proxy import FaultProxy
from tests.soak.counted_app import CountedApp

SECONDS = 60.0
SWALLOW_SECONDS = 3_600.0
_RESET = struct.pack("ii", 1, 0)


class Proxy:
    """A way to an app that can be broken. It works in a thread of its own.

    Args:
        address: The app's.
    """

    def __init__(self, address: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._proxy = FaultProxy(int(address.rpartition(":")[2]))
        self._stalling: list[Future[None]] = []

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._proxy.port}"

    def reset(self) -> None:
        """Breaks every connection, which both sides notice."""
        self._loop.call_soon_threadsafe(self._proxy.reset)

    def swallow(self) -> None:
        """Passes nothing on any more: neither side hears of the other, nor that it is gone."""
        stalling = asyncio.run_coroutine_threadsafe(self._proxy.stall(SWALLOW_SECONDS), self._loop)
        self._stalling.append(stalling)

    def __enter__(self) -> Proxy:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._proxy.start(), self._loop).result(SECONDS)
        return self

    def __exit__(self, *error: object) -> None:
        for stalling in self._stalling:
            stalling.cancel()
        asyncio.run_coroutine_threadsafe(self._proxy.close(), self._loop).result(SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(SECONDS)
        self._loop.close()


class Visitors:
    """Makes visits; none of them leaves anything that it has to answer for.

    Args:
        app: Who is visited.
    """

    def __init__(self, app: CountedApp) -> None:
        self._app = app
        with self._client() as client:
            self._grpc = client.address
            self._http = urlsplit(client.app().http_address)
        self._token = (app.data_dir / "tokens" / "call").read_text().strip()

    def all(self) -> tuple[Callable[[], None], ...]:
        """Returns all kinds of visits that can be made at the same time."""
        return (
            *(self.watch, self.read_logs, self.stream),
            *(self.watch_until_cut, self.stream_until_cut),
            *(self.watch_by_http, self.watch_by_http_until_cut, self.stream_by_http_until_cut),
        )

    # By gRPC

    def watch(self) -> None:
        """Watches a component, and leaves."""
        with self._client() as client, client.watch("root.quick") as updates:
            next(updates)

    def read_logs(self) -> None:
        """Follows the log, and leaves."""
        with self._client() as client:
            client.call("say", text="a visitor is here")
            with client.logs(follow=True) as records:
                next(records)

    def stream(self) -> None:
        """Reads a little of what a command streams, and leaves."""
        with self._client() as client, client.stream("rows") as rows:
            for _ in range(3):
                next(rows)

    def watch_until_cut(self) -> None:
        """Watches, until the connection breaks."""
        with self._proxied() as (client, proxy), client.watch() as updates:
            next(updates)
            proxy.reset()
            with suppress(NotReachableError):
                for _ in updates:
                    pass

    def stream_until_cut(self) -> None:
        """Reads what a command streams, until the connection breaks."""
        with self._proxied() as (client, proxy), client.stream("rows") as rows:
            next(rows)
            proxy.reset()
            with suppress(NotReachableError):
                for _ in rows:
                    pass

    @contextmanager
    def watch_unheard(self) -> Iterator[None]:
        """Watches and is gone, which the service is not told, and finds out by itself while this goes on."""
        with self._proxied() as (client, proxy):
            with client.watch() as updates:
                next(updates)
                proxy.swallow()
            client.close()
            yield

    # By HTTP

    def watch_by_http(self) -> None:
        """Follows server-sent events, and hangs up."""
        with self._answer("GET", "/api/v1/watch") as (answer, _):
            answer.readline()

    def watch_by_http_until_cut(self) -> None:
        """Follows server-sent events, until the connection breaks."""
        with self._answer("GET", "/api/v1/watch?component=root.quick") as (answer, connection):
            answer.readline()
            _break(connection)

    def stream_by_http_until_cut(self) -> None:
        """Reads what a command streams, until the connection breaks."""
        with self._answer("POST", "/api/v1/commands/rows") as (answer, connection):
            answer.readline()
            _break(connection)

    # Inside

    @contextmanager
    def _client(self) -> Iterator[FlowClient]:
        with FlowClient(data_dir=self._app.data_dir, timeout=SECONDS) as client:
            _reach(client)
            yield client

    @contextmanager
    def _proxied(self) -> Iterator[tuple[FlowClient, Proxy]]:
        token = self._app.data_dir / "tokens" / "call"
        with (
            Proxy(self._grpc) as proxy,
            FlowClient(address=proxy.address, token_file=token, timeout=SECONDS) as client,
        ):
            _reach(client)
            yield client, proxy

    @contextmanager
    def _answer(
        self, method: str, path: str
    ) -> Iterator[tuple[http.client.HTTPResponse, http.client.HTTPConnection]]:
        made = http.client.HTTPConnection(self._http.hostname or "", self._http.port, timeout=SECONDS)
        with closing(made) as connection:
            connection.request(method, path, headers={"Authorization": f"Bearer {self._token}"})
            answer = connection.getresponse()
            with answer:
                assert answer.status == http.client.OK, answer.read()
                yield answer, connection


def _reach(client: FlowClient) -> None:
    """Connects, which may take several attempts on a busy machine: only calls are sent again until then."""
    client.call("bump", text="a visitor")


def _break(connection: http.client.HTTPConnection) -> None:
    """Has the connection reset as it is closed, instead of ended."""
    connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
