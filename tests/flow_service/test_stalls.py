"""A flow that was held up by user code, or frozen: what that took is not held against agents."""

from __future__ import annotations

import queue
import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from flowrpc import LightningFlow, LightningWork
from flowrpc.flow_service import agents
from flowrpc.flow_service.agents import LEASE
from flowrpc.flow_service.core import Core
from flowrpc.flow_service.dispatcher import GRACE_MARGIN
from flowrpc.flow_service.effects import CloseSession, Effect
from flowrpc.flow_service.engine import Engine
from flowrpc.flow_service.events import AgentAttached, AgentSpoke, CommandCalled
from flowrpc.protocol.messages import Beat, HeldAttempt, Hello, StartRun, Verdict, Welcome
from flowrpc.state.records import Revision
from flowrpc.store import MemoryStore

from tests.flow_service.driver import Driver, FakeAgent

GRACE = timedelta(seconds=60)
LEASE_SECONDS = LEASE.total_seconds()


class Job(LightningWork):
    def __init__(self) -> None:
        super().__init__(parallel=True, orphan_grace=GRACE)

    def run(self) -> None:
        raise AssertionError("a flow never executes a work")


class Root(LightningFlow):
    def __init__(self) -> None:
        self.job = Job()

    def run(self) -> None:
        self.job.run()


def running() -> tuple[Driver, FakeAgent, StartRun]:
    driver = Driver(Root)
    agent = FakeAgent(driver, agent_id="far").attach()
    driver.settle()
    return driver, agent, agent.take_start()


def stall(driver: Driver, seconds: float) -> None:
    """Lets time pass in which nobody was heard."""
    driver.clock += seconds
    driver.core.tick(driver.now, stalled=seconds)
    driver.settle()


def test_a_late_tick_extends_the_leases_by_the_time_that_nobody_was_heard() -> None:
    driver, _, _ = running()
    stall(driver, 20)
    assert driver.closed == []
    driver.advance(LEASE_SECONDS - 0.1)
    assert driver.closed == []
    driver.advance(0.2)
    assert driver.closed == [1]


def test_a_tick_in_time_extends_nothing() -> None:
    driver, _, _ = running()
    for _ in range(51):
        stall(driver, 0.1)
    assert driver.closed == [1]


def test_a_flow_whose_passes_are_slow_notices_a_silent_agent_all_the_same() -> None:
    """Every tick is late by then."""
    driver, _, _ = running()
    begin = driver.clock
    while not driver.closed:
        stall(driver, 0.9)
        assert driver.clock - begin < LEASE_SECONDS + 2
    assert driver.clock - begin > LEASE_SECONDS


def test_an_agent_that_was_heard_is_given_time_again() -> None:
    driver, agent, _ = running()
    for _ in range(3):
        stall(driver, 20)
        agent.heartbeat()
    assert driver.closed == []


def test_a_late_tick_gives_agents_that_are_away_time_to_come_back() -> None:
    driver, agent, start = running()
    agent.detach()
    driver.advance(GRACE.total_seconds())
    stall(driver, 300)

    held = HeldAttempt(run_id=start.run_id, attempt=1, last_seq=0)
    again = FakeAgent(driver, session=2, agent_id="far").attach(held)

    assert again.heard(Welcome)[0].verdicts[0].verdict is Verdict.CONTINUE


def test_an_agent_that_stays_away_is_lost_in_the_end() -> None:
    driver, agent, _ = running()
    agent.detach()
    stall(driver, 300)
    driver.advance((GRACE + GRACE_MARGIN).total_seconds() + 0.1)
    assert FakeAgent(driver, session=2, agent_id="other").attach().take_start().attempt == 2


class Stalling(LightningFlow):
    def __init__(self, begun: threading.Event, proceed: threading.Event) -> None:
        self._begun = begun
        self._proceed = proceed

    def stall(self) -> None:
        self._begun.set()
        assert self._proceed.wait(30)

    def configure_commands(self) -> Any:
        return {"stall": self.stall}


def test_what_came_while_user_code_held_up_the_engine_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beats wait in the inbox for longer than a lease; the timers come after them."""
    monkeypatch.setattr(agents, "LEASE", timedelta(seconds=2))
    begun, proceed = threading.Event(), threading.Event()
    root, store = Stalling(begun, proceed), MemoryStore()
    recovered = store.open()
    effects: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def deliver(revision: Revision | None, data: bytes, news: list[Effect]) -> None:
        for effect in news:
            effects.put(effect)

    engine = Engine(lambda now: Core(root, recovered, now), store, deliver, effects.put)
    engine.start()
    hello = Hello(agent_id="far", boot_id="b", works=("*",))
    engine.submit(AgentAttached(session=1, hello=hello))
    engine.submit(CommandCalled(call_id=1, command="stall", arguments={}))
    assert begun.wait(30)
    end = time.monotonic() + 4.0
    number = 0
    while time.monotonic() < end:
        number += 1
        engine.submit(AgentSpoke(session=1, message=Beat(number=number)))
        time.sleep(0.1)  # the time that the engine is held up, which is what this is about
    proceed.set()

    said: list[Any] = []
    while not (said and getattr(said[-1], "message", None) == Beat(number=number)):
        said.append(effects.get(timeout=60))

    assert not any(isinstance(effect, CloseSession | BaseException) for effect in said)
    assert engine.stop(10)
