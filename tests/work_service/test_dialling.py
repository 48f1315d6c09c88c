"""How long an agent waits before it dials again, and how it ends while it dials or waits."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flowrpc.protocol.messages import Beat, Bye
from flowrpc.work_service import channel, session
from flowrpc.work_service.backoff import FIRST_SECONDS, LONGEST_SECONDS
from grpc import StatusCode

from tests.work_service.conftest import agent_here, on_a_loop, start_agent
from tests.work_service.flow_double import DEADLINE_SECONDS, flow_double
from tests.work_service.test_agent import BEHAVE, children, ended, pid_of_work

pytestmark = pytest.mark.slow

NEVER_SECONDS = 3600.0
"""Longer than any test: what waits for so long was not waited for."""
GROWTH = 1.6


class Waits:
    """What is asked to be waited for: it is noted, and over when the test says so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[float] = []
        self._over = asyncio.Semaphore(0)
        self._news = asyncio.Condition()
        monkeypatch.setattr(asyncio, "sleep", self._sleep)

    async def _sleep(self, seconds: float) -> None:
        self.asked.append(seconds)
        async with self._news:
            self._news.notify_all()
        await self._over.acquire()

    def end_one(self) -> None:
        self._over.release()

    async def until(self, count: int) -> None:
        """Waits until so many were asked for."""
        async with asyncio.timeout(DEADLINE_SECONDS), self._news:
            await self._news.wait_for(lambda: len(self.asked) >= count)

    async def take(self, count: int) -> list[float]:
        """Lets waits pass until so many more were asked for; returns these. The last one is not over."""
        before = len(self.asked)
        for number in range(before + 1, before + count + 1):
            if number > 1:
                self.end_one()
            await self.until(number)
        return self.asked[before:]


def size_of_wait(number: int) -> float:
    """Returns how long the wait after so many failures in a row is without jitter."""
    return min(FIRST_SECONDS * GROWTH**number, LONGEST_SECONDS)


@on_a_loop
async def test_each_wait_is_longer_than_the_one_before_up_to_a_bound(
    app_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every stream is opened before it ends: that alone is no success."""
    waits = Waits(monkeypatch)
    async with flow_double() as flow:
        flow.refusal = StatusCode.UNAVAILABLE
        async with agent_here(flow.address, app_file):
            asked = await waits.take(15)
    for number, seconds in enumerate(asked):
        assert 0.75 * size_of_wait(number) <= seconds <= 1.25 * size_of_wait(number), asked
    assert asked[-1] >= 0.75 * LONGEST_SECONDS


@on_a_loop
async def test_agents_that_lost_one_flow_do_not_come_back_all_at_once(
    app_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = Waits(monkeypatch)
    async with flow_double() as flow:
        flow.refusal = StatusCode.UNAVAILABLE
        async with (
            agent_here(flow.address, app_file, "a"),
            agent_here(flow.address, app_file, "b"),
            agent_here(flow.address, app_file, "c"),
        ):
            await waits.until(3)
    assert len(set(waits.asked[:3])) == 3


@on_a_loop
async def test_waits_begin_small_again_after_a_stream_that_was_attached(
    app_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = Waits(monkeypatch)
    async with flow_double() as flow:
        flow.refusal = StatusCode.UNAVAILABLE
        async with agent_here(flow.address, app_file):
            grown = await waits.take(6)
            flow.refusal = None
            waits.end_one()
            await flow.until(lambda: flow.of(Beat) or None)  # so it knows that it is attached
            flow.refusal = StatusCode.UNAVAILABLE
            flow.hang_up()
            await waits.until(7)
            again = [waits.asked[6], *await waits.take(1)]
    assert grown[-1] > 1.25 * FIRST_SECONDS
    for number, seconds in enumerate(again):
        assert 0.75 * size_of_wait(number) <= seconds <= 1.25 * size_of_wait(number), waits.asked


@contextmanager
def silent_port() -> Iterator[tuple[socket.socket, str]]:
    """Lets connections be made and says nothing on them, as a flow does that is frozen."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        yield listening, f"127.0.0.1:{listening.getsockname()[1]}"


@on_a_loop
async def test_an_agent_that_is_stopped_while_it_waits_does_not_wait_on(
    app_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = Waits(monkeypatch)
    async with flow_double() as flow:
        flow.refusal = StatusCode.UNAVAILABLE
        async with agent_here(flow.address, app_file) as here:
            await waits.until(1)
            here.agent.stop()
            async with asyncio.timeout(DEADLINE_SECONDS):
                await here.run
        assert (flow.refused, len(waits.asked)) == (1, 1)


@on_a_loop
async def test_an_agent_that_is_stopped_while_it_dials_does_not_dial_on(
    app_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is connected, and the other side says nothing; gRPC does not give up here as it would after a while."""
    never = int(1000 * NEVER_SECONDS)
    patience = ("grpc.min_reconnect_backoff_ms", never), ("grpc.keepalive_time_ms", never)
    monkeypatch.setattr(channel, "_OPTIONS", patience)
    waits = Waits(monkeypatch)
    with silent_port() as (listening, address):
        async with agent_here(address, app_file) as here:
            connection, _ = await asyncio.get_running_loop().sock_accept(listening)
            with connection:
                here.agent.stop()
                async with asyncio.timeout(DEADLINE_SECONDS):
                    await here.run
    assert waits.asked == []


@on_a_loop
async def test_an_agent_that_is_stopped_before_its_hello_is_answered_ends_without_a_bye(
    app_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "SILENCE_SECONDS", NEVER_SECONDS)
    waits = Waits(monkeypatch)
    async with flow_double() as flow:
        flow.welcoming = False
        async with agent_here(flow.address, app_file) as here:
            await flow.until(lambda: flow.hellos or None)
            here.agent.stop()
            async with asyncio.timeout(DEADLINE_SECONDS):
                await here.run
        assert (flow.of(Bye), waits.asked) == ([], [])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@on_a_loop
async def test_an_agent_that_is_stopped_while_its_flow_is_away_ends_in_order(
    app_file: Path, number: signal.Signals
) -> None:
    """User code cleans up, and nothing that the agent started is left."""
    tidied = app_file.with_name("tidied")
    async with flow_double() as flow:
        process = await start_agent(flow.address, app_file)
        async with asyncio.timeout(DEADLINE_SECONDS):
            await flow.attached.wait()
        flow.start("root.behave", "tidy", str(tidied), vars=dict(BEHAVE))
        pid = await pid_of_work(flow)
    try:
        assert process.stderr is not None
        async with asyncio.timeout(DEADLINE_SECONDS):
            await anext(line async for line in process.stderr if b"dialling again" in line)
        started = {pid, *children(process.pid)}
        gone = [asyncio.ensure_future(ended(each, DEADLINE_SECONDS)) for each in started]
        await asyncio.sleep(0)
        assert not tidied.exists()
        process.send_signal(number)
        async with asyncio.timeout(DEADLINE_SECONDS):
            assert await process.wait() == 0
        assert tidied.exists()
        assert all(await asyncio.gather(*gone))
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
