"""Idle processes of works: an agent that comes back is told of each that nobody wants any more."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flowrpc import CloudCompute, Dict, LightningFlow, LightningWork
from flowrpc.flow_service.events import CommandCalled
from flowrpc.protocol.messages import HeldAttempt, StartRun, StopRunner

from tests.flow_service.driver import Driver, FakeAgent

TIMEOUT = 30.0


class Job(LightningWork):
    def __init__(self, **options: Any) -> None:
        super().__init__(parallel=True, raise_exception=False, **options)

    def run(self, number: int = 0) -> None:
        raise AssertionError("a flow never executes a work")


class Root(LightningFlow):
    def __init__(self, **options: Any) -> None:
        self.job = Job(**options)
        self.extra = Dict()

    def run(self) -> None:
        self.job.run()
        for job in self.extra.values():
            job.run()

    def grow(self, key: str) -> None:
        self.extra[key] = Job()

    def shrink(self, key: str) -> None:
        del self.extra[key]

    def stop_job(self) -> None:
        self.job.stop()

    def again(self) -> None:
        self.job.run(1)

    def configure_commands(self) -> Any:
        return {"grow": self.grow, "shrink": self.shrink, "stop_job": self.stop_job, "again": self.again}


def attach(driver: Driver, session: int, *idle: str, agent_id: str = "far", held: Any = ()) -> FakeAgent:
    agent = FakeAgent(driver, agent_id=agent_id, session=session, idle_works=idle)
    return agent.attach(*held)


def done(**options: Any) -> tuple[Driver, FakeAgent]:
    """Returns a flow whose work has run at an agent, where its process is idle."""
    driver = Driver(lambda: Root(**options))
    agent = attach(driver, 1)
    driver.settle()
    agent.do()
    return driver, agent


def stopped(agent: FakeAgent) -> list[str]:
    return [message.work for message in agent.heard(StopRunner)]


def test_a_process_that_may_be_used_again_is_left_alone() -> None:
    driver, agent = done()
    agent.detach()
    agent = attach(driver, 2, "root.job")
    assert stopped(agent) == []
    driver.restart()
    assert stopped(attach(driver, 1, "root.job")) == []


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("heard", [False, True])
def test_a_work_that_was_stopped_is_ended_when_its_agent_is_back(*, heard: bool, restart: bool) -> None:
    """Whether its stream broke before the flow asked for the end, or with the frame that asked for it."""
    driver, agent = done()
    if heard:
        driver.call("stop_job")
        assert stopped(agent) == ["root.job"]
        agent.detach()
    else:
        agent.detach()
        driver.call("stop_job")
    if restart:
        driver.restart()
    assert stopped(attach(driver, 3, "root.job")) == ["root.job"]


@pytest.mark.parametrize("restart", [False, True])
def test_a_work_that_was_removed_is_ended_when_its_agent_is_back(*, restart: bool) -> None:
    driver, agent = done()
    driver.call("grow", key="a")
    agent.do()
    agent.detach()
    driver.call("shrink", key="a")
    if restart:
        driver.restart()
    assert stopped(attach(driver, 3, "root.job", "root.extra.a")) == ["root.extra.a"]


def test_a_run_that_came_and_went_in_one_revision_is_not_asked_for() -> None:
    driver, agent = done()
    driver.feed(CommandCalled(call_id=1, command="grow", arguments={"key": "a"}))
    driver.run_pass()
    driver.feed(CommandCalled(call_id=2, command="shrink", arguments={"key": "a"}))
    driver.settle()

    assert agent.heard(StartRun) == []
    assert [run.work for run in driver.runs()] == ["root.job"]


def test_a_new_work_does_not_get_the_process_of_one_that_had_its_name() -> None:
    driver, agent = done()
    driver.call("grow", key="a")
    agent.do()
    agent.detach()
    driver.call("shrink", key="a")
    driver.call("grow", key="a")
    agent = attach(driver, 3, "root.extra.a")
    said = [type(message) for message in driver.sent[3]]
    assert said.index(StopRunner) < said.index(StartRun), "the run gets a new process"


def test_a_process_that_was_idle_for_long_is_ended_again() -> None:
    driver, agent = done(cloud_compute=CloudCompute(idle_timeout=timedelta(seconds=TIMEOUT)))
    for _ in range(int(TIMEOUT) + 1):
        agent.heartbeat()
        driver.advance(1.0)
    assert stopped(agent) == ["root.job"]
    agent.detach()
    agent = attach(driver, 2, "root.job")
    assert stopped(agent) == ["root.job"]
    driver.call("again")
    agent.do()
    agent.detach()
    assert stopped(attach(driver, 3, "root.job")) == [], "it was used since"


def test_a_run_elsewhere_ends_the_process_that_was_used_before() -> None:
    driver, agent = done()
    agent.detach()
    other = attach(driver, 2, agent_id="other")
    driver.call("again")
    other.do()
    agent = attach(driver, 3, "root.job")
    assert stopped(agent) == ["root.job"]
    other.detach()
    driver.call("stop_job")
    assert stopped(agent) == [], "it was told"


def test_a_run_that_goes_elsewhere_ends_the_process_at_once() -> None:
    driver, agent = done()
    agent.detach()
    agent = FakeAgent(driver, agent_id="far", session=2, idle_works=("root.job",), draining=True).attach()
    other = attach(driver, 3, agent_id="other")
    driver.call("again")
    other.take_start()
    assert stopped(agent) == ["root.job"]


def test_what_is_executed_elsewhere_after_a_restart_is_no_reason_to_keep_a_process() -> None:
    driver, agent = done()
    agent.detach()
    other = attach(driver, 2, agent_id="other")
    driver.call("again")
    start = other.take_start()
    driver.restart()
    held = HeldAttempt(run_id=start.run_id, attempt=1, last_seq=0)
    other = attach(driver, 1, agent_id="other", held=[held])
    assert stopped(other) == []
    assert stopped(attach(driver, 2, "root.job")) == ["root.job"]


def test_an_idle_process_of_an_earlier_life_is_used_again() -> None:
    driver, _ = done()
    driver.restart()
    agent, other = attach(driver, 1, "root.job"), attach(driver, 2, agent_id="a-better-name")
    driver.call("again")
    assert agent.take_start().args == (1,)
    assert other.heard(StartRun) == []
