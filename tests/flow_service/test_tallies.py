"""How often runs succeeded, failed and took too long: counted over restarts, forgotten runs included."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flowrpc import Dict, LightningFlow, LightningWork, Retry
from flowrpc.flow_service.events import WorksListed
from flowrpc.protocol.messages import CancelAttempt
from flowrpc.state.records import Failure, FailureReason

from tests.flow_service.driver import Driver, FakeAgent

BROKEN = Failure(reason=FailureReason.EXCEPTION, type="ValueError", message="broken")
CANCELLED = Failure(reason=FailureReason.CANCELLED, message="cancelled")


class Job(LightningWork):
    def run(self, number: int = 0) -> None:
        raise AssertionError("a flow never executes a work")


class Root(LightningFlow):
    def __init__(self, **options: Any) -> None:
        self.wanted = 0
        self.jobs = Dict(a=Job(parallel=True, raise_exception=False, **options))

    def configure_commands(self) -> Any:
        return {"ask": self.ask, "fail_after_asking": self.fail_after_asking, "replace": self.replace}

    def ask(self, number: int = 0) -> None:
        self.jobs["a"].run(number)

    def fail_after_asking(self) -> None:
        self.ask()
        raise ValueError("taken back")

    def replace(self) -> None:
        del self.jobs["a"]
        self.jobs["a"] = Job(parallel=True)

    def run(self) -> None:
        """Leaves it to commands."""


def attached(**options: Any) -> tuple[Driver, FakeAgent]:
    driver = Driver(lambda: Root(**options))
    agent = FakeAgent(driver).attach()
    driver.settle()
    return driver, agent


def tally(driver: Driver) -> tuple[int, int, int]:
    (info,) = driver.ask(WorksListed).works
    job = driver.root.jobs["a"]
    assert (job.num_successes, job.num_timeouts) == (info.succeeded_count, info.timed_out_count)
    return info.succeeded_count, info.failed_count, info.timed_out_count


def restarted(driver: Driver) -> FakeAgent:
    driver.restart()
    agent = FakeAgent(driver, boot_id=f"boot of {driver.store}").attach()
    driver.settle()
    return agent


@pytest.mark.parametrize("cache", [True, False])
def test_runs_are_counted_over_restarts(*, cache: bool) -> None:
    driver, agent = attached(cache_calls=cache)
    for number in (1, 2, 3):
        driver.call("ask", number=number if cache else 0)
        agent.do()
        agent = restarted(driver)
    driver.call("ask", number=4)
    agent.finish(agent.take_start(), BROKEN)

    assert len(driver.runs()) == (4 if cache else 2), "without a cache the runs before are forgotten"
    assert tally(driver) == (3, 1, 0)
    restarted(driver)
    assert tally(driver) == (3, 1, 0)


def test_attempts_that_took_too_long_are_counted_also_when_the_run_succeeds() -> None:
    driver, agent = attached(timeout=timedelta(seconds=5), retry=Retry(delay=timedelta(0)), cache_calls=False)
    for _ in range(2):
        driver.call("ask")
        for _ in range(2):
            start = agent.take_start()
            agent.heartbeat()
            driver.advance(4)
            agent.heartbeat()
            driver.advance(2)
            assert agent.heard(CancelAttempt)
            agent.finish(start, CANCELLED)
            driver.advance(0)
        agent.do()

    assert tally(driver) == (2, 0, 4)
    restarted(driver)
    assert tally(driver) == (2, 0, 4)


def test_a_command_that_is_undone_changes_no_count() -> None:
    driver, agent = attached(cache_calls=False)
    driver.call("ask")
    agent.do()

    assert driver.call("fail_after_asking").failure is not None

    assert tally(driver) == (1, 0, 0)
    driver.call("ask")
    agent.do()
    assert tally(driver) == (2, 0, 0)


def test_a_work_that_takes_the_place_of_a_removed_one_begins_at_nothing() -> None:
    driver, agent = attached(cache_calls=False)
    for _ in range(2):
        driver.call("ask")
        agent.do()

    driver.call("replace")

    assert tally(driver) == (0, 0, 0)
    driver.call("ask")
    agent.do()
    assert tally(driver) == (1, 0, 0)
    restarted(driver)
    assert tally(driver) == (1, 0, 0)
