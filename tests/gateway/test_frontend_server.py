"""The server of a frontend: when it is started again, and when no more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from flowrpc.component.frontend import Frontend
from flowrpc.gateway import frontend_server
from flowrpc.gateway.frontend_server import RESTARTS, FrontendServer


class Noted(Frontend):
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def start_server(self, host: str, port: int, root_path: str = "") -> None:
        self.told.append(f"start below {root_path}")

    def stop_server(self) -> None:
        self.told.append("stop")
        raise OSError("it is gone already")


START = "start below /view/root.own"


async def until(happens: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not happens():  # noqa: ASYNC110  # a thread does what it waits for
            await asyncio.sleep(0)


async def die(server: FrontendServer) -> None:
    server.answered()
    await until(server._starting.done)
    for _ in range(3):  # many ask at a time
        server.is_silent()
    await until(server._starting.done)


def test_it_is_started_again_a_few_times(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(frontend_server, "PAUSE_SECONDS", 0.0001)
    frontend = Noted()

    async def run() -> None:
        server = FrontendServer("root.own", frontend, revives_itself=False)
        for _ in range(RESTARTS + 2):
            await die(server)
        await server.stop()

    asyncio.run(run())
    assert frontend.told == [START, "stop"] * (RESTARTS + 1)
    assert caplog.text.count("it is started again in") == RESTARTS
    assert "0 restarts are left" in caplog.text
    assert "it is gone already" in caplog.text


def test_one_that_never_took_a_connection_is_on_its_way() -> None:
    frontend = Noted()

    async def run() -> None:
        server = FrontendServer("root.own", frontend, revives_itself=False)
        await until(server._starting.done)
        server.is_silent()
        await server.stop()

    asyncio.run(run())
    assert frontend.told == [START, "stop"]


def test_one_that_looks_after_itself_is_left_alone() -> None:
    frontend = Noted()

    async def run() -> None:
        server = FrontendServer("root.own", frontend, revives_itself=True)
        await die(server)
        await server.stop()

    asyncio.run(run())
    assert frontend.told == [START, "stop"]


def test_an_end_during_the_pause_starts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frontend_server, "PAUSE_SECONDS", 1_000.0)
    frontend = Noted()

    async def run() -> None:
        server = FrontendServer("root.own", frontend, revives_itself=False)
        await until(server._starting.done)
        server.answered()
        server.is_silent()
        await until(lambda: frontend.told == [START, "stop"])
        await server.stop()

    asyncio.run(run())
    assert frontend.told == [START, "stop"]
