"""Round trip of an HTTP route, against the same route of a bare FastAPI."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection

from flowrpc.protocol.run_directory import read_token

from benchmarks.calls import Call, timed
from benchmarks.harness import (
    Block,
    Blocks,
    Result,
    Settings,
    Side,
    alternate,
    at_most,
    microseconds,
    over_lives,
    p50,
    ratio,
)
from benchmarks.processes import fastapi_server, flow_service

CALLS = 200
ORDER = json.dumps({"name": "tea", "count": 2}).encode()


def measure(settings: Settings) -> Iterator[Result]:
    """Calls one after another, in turns of two hundred on one connection."""
    times = over_lives(lambda: _life(settings), settings)
    for what, side in (("route that only reads", "read"), ("route that changes state, durable", "change")):
        yield Result(
            what=f"{what} ÷ bare FastAPI, p50",
            value=ratio(times[side], times["bare"]),
            unit="x",
            goal=at_most(2.0) if side == "read" else None,
            detail=f"{microseconds(p50(times[side]))} ÷ {microseconds(p50(times['bare']))}",
        )


def _life(settings: Settings) -> Blocks:
    with (
        flow_service("routed", settings.directory) as service,
        fastapi_server(settings.directory) as bare,
        service.client() as client,
    ):
        ours = client.app().http_address.removeprefix("http://")
        token = {"Authorization": f"Bearer {read_token(service.token_file)}"}
        return alternate(
            {
                "bare": _posts(bare, "/read", {}),
                "read": _posts(ours, "/read", token),
                "change": _posts(ours, "/change", token),
            },
            blocks=settings.choose(5, 2),
        )


def _posts(address: str, path: str, headers: dict[str, str]) -> Side:
    """Makes a side that connects, which is not timed, and calls: servers close connections that wait for a turn."""

    def block() -> Block:
        with closing(_connect(address)) as connection:
            return timed(_post(connection, path, headers), lambda: ORDER, CALLS)()

    return block


def _connect(address: str) -> HTTPConnection:
    host, _, port = address.rpartition(":")
    connection = HTTPConnection(host, int(port), timeout=30)
    connection.connect()
    connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _post(connection: HTTPConnection, path: str, headers: dict[str, str]) -> Call:
    sent = {"Content-Type": "application/json", **headers}

    def call(body: bytes) -> bytes:
        connection.request("POST", path, body, sent)
        response = connection.getresponse()
        content = response.read()
        if response.status != 200:
            raise RuntimeError(f"{path} answered {response.status}: {content!r}")
        return content

    return call
