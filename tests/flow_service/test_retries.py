"""Retries and timeouts: another attempt after a pause, with the vars that the run began with."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flowrpc import LightningFlow, LightningWork, Retry
from flowrpc.flow_service.work_processes import STOP_GRACE
from flowrpc.protocol.messages import CancelAttempt, StartRun
from flowrpc.state import Set
from flowrpc.state.records import AppStage, Failure, FailureReason, RunStatus

from tests.flow_service.driver import Driver, FakeAgent

BROKEN = Failure(reason=FailureReason.EXCEPTION, type="ValueError", message="broken")
CANCELLED = Failure(reason=FailureReason.CANCELLED, message="cancelled")


class Job(LightningWork):
    def __init__(self, **options: Any) -> None:
        super().__init__(parallel=True, **options)
        self.step = 0

    def run(self) -> None:
        raise AssertionError("a flow never executes a work")


class Root(LightningFlow):
    def __init__(self, **options: Any) -> None:
        self.job = Job(**options)

    def run(self) -> None:
        self.job.run()


def attached(**options: Any) -> tuple[Driver, FakeAgent]:
    driver = Driver(lambda: Root(**options))
    agent = FakeAgent(driver).attach()
    driver.settle()
    return driver, agent


def status(driver: Driver) -> RunStatus:
    (run,) = driver.runs()
    return run.status


RETRY = Retry(attempts=3, delay=timedelta(seconds=2), factor=2)


def test_a_failed_run_is_tried_again_after_growing_pauses_and_then_has_failed() -> None:
    driver, agent = attached(retry=RETRY)

    for number, pause in ((1, 2.0), (2, 4.0)):
        start = agent.take_start()
        assert (start.attempt, start.vars["step"]) == (number, 0)
        agent.change(start, Set(("step",), 7))
        agent.finish(start, BROKEN)
        assert status(driver) is RunStatus.PENDING
        assert driver.vars("root.job")["step"] == 0, "what the attempt changed is taken back"
        agent.heartbeat()
        driver.advance(pause - 0.1)
        assert agent.heard(StartRun) == []
        driver.advance(0.2)
    agent.finish(agent.take_start(), BROKEN)

    assert status(driver) is RunStatus.FAILED
    assert driver.exit is not None
    assert driver.exit.stage is AppStage.FAILED


def test_a_run_that_succeeds_at_last_has_succeeded() -> None:
    driver, agent = attached(retry=RETRY)
    agent.finish(agent.take_start(), BROKEN)
    driver.advance(2.1)

    start = agent.take_start()
    agent.finish(start)

    assert status(driver) is RunStatus.SUCCEEDED
    assert driver.runs()[0].attempt == 2


@pytest.mark.parametrize("reason", [FailureReason.BROKEN_RULE, FailureReason.NOT_BUILT])
def test_what_another_attempt_would_only_repeat_is_not_tried_again(reason: FailureReason) -> None:
    driver, agent = attached(retry=RETRY)

    agent.finish(agent.take_start(), Failure(reason=reason, message="no use"))

    assert status(driver).terminal


def test_a_run_that_nobody_wanted_to_end_begins_again() -> None:
    """Its app was stopped, or its agent, and the work's process had the time to say how it ended."""
    driver, agent = attached()

    agent.finish(agent.take_start(), Failure(reason=FailureReason.CANCELLED, message="cancelled"))

    agent.finish(agent.take_start())
    assert status(driver) is RunStatus.SUCCEEDED
    assert driver.runs()[0].attempt == 2


def test_a_run_that_pauses_is_tried_at_once_after_a_restart() -> None:
    driver, agent = attached(retry=RETRY)
    agent.finish(agent.take_start(), BROKEN)

    driver.restart()
    agent = FakeAgent(driver, boot_id="boot-2").attach()
    driver.settle()

    assert agent.take_start().attempt == 2


def test_a_run_that_pauses_can_be_cancelled() -> None:
    from flowrpc.flow_service.events import CancelRequested

    driver, agent = attached(retry=RETRY)
    start = agent.take_start()
    agent.finish(start, BROKEN)

    driver.ask(CancelRequested, run_id=start.run_id, grace=timedelta(0))
    driver.advance(3)

    assert status(driver) is RunStatus.CANCELLED
    assert agent.heard(StartRun) == []


def test_an_attempt_that_takes_too_long_is_cancelled_and_has_failed() -> None:
    driver, agent = attached(timeout=timedelta(seconds=3), raise_exception=False)
    start = agent.take_start()
    driver.advance(2.9)
    assert agent.heard(CancelAttempt) == []

    driver.advance(0.2)
    (cancel,) = agent.heard(CancelAttempt)
    assert (cancel.attempt, cancel.grace) == (1, STOP_GRACE)
    agent.finish(start, CANCELLED)

    (run,) = driver.runs()
    assert run.failure is not None
    assert (run.status, run.failure.reason) == (RunStatus.FAILED, FailureReason.TIMED_OUT)
    assert driver.root.job.has_timeout
    assert driver.root.job.has_failed


def test_a_timeout_is_tried_again_like_a_failure() -> None:
    driver, agent = attached(timeout=timedelta(seconds=1), retry=RETRY)
    start = agent.take_start()
    driver.advance(1.1)
    agent.finish(start, CANCELLED)
    driver.advance(2.1)

    assert agent.take_start().attempt == 2


def test_time_goes_on_counting_while_the_flow_is_down() -> None:
    driver = Driver(lambda: Root(timeout=timedelta(seconds=10)))
    agent = FakeAgent(driver, agent_id="far").attach()
    driver.settle()
    agent.take_start()
    driver.clock += 8
    driver.restart()
    from flowrpc.protocol.messages import HeldAttempt

    (run,) = driver.runs()
    held = HeldAttempt(run_id=run.run_id, attempt=1, last_seq=0)
    again = FakeAgent(driver, agent_id="far").attach(held)

    driver.advance(2.1)

    assert [cancel.run_id for cancel in again.heard(CancelAttempt)] == [run.run_id]


def test_pauses_are_bounded() -> None:
    retry = Retry(attempts=10_000, delay=timedelta(seconds=1), factor=10, longest=timedelta(minutes=5))

    assert [retry.pause_after(n).total_seconds() for n in (1, 2, 3, 4, 9_999)] == [1, 10, 100, 300, 300]


@pytest.mark.parametrize("options", [{"attempts": 0}, {"delay": timedelta(seconds=-1)}, {"factor": 0.5}])
def test_a_policy_that_cannot_be_meant_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"attempt|pause"):
        Retry(**options)
