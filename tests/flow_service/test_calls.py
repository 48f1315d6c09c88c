"""Calls of works from a flow: what runs, what waits, what raises."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import pytest
from flowrpc import LightningFlow, LightningWork, WorkRunError
from flowrpc.errors import CallError
from flowrpc.flow_service.events import CancelRequested
from flowrpc.protocol.messages import CancelAttempt, StartRun, StopRunner
from flowrpc.state import Set
from flowrpc.state.records import AppStage, Failure, FailureReason, RunStatus

from tests.flow_service.driver import Driver, FakeAgent

BROKEN = Failure(
    reason=FailureReason.EXCEPTION, type="ValueError", message="broken", traceback="Traceback: broken\n"
)


class Job(LightningWork):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.result: int | None = None

    def run(self, number: int = 0) -> None:
        raise AssertionError("a flow never executes a work")


class Caller(LightningFlow):
    """Calls its work with `arguments`, one after another; notes how far it came."""

    def __init__(self, **options: Any) -> None:
        self.job = Job(**options)
        self.arguments = [1]
        self.before = 0
        self.after = 0
        self.caught = ""

    def run(self) -> None:
        self.before = self.before or 1
        for argument in list(self.arguments):
            self.job.run(argument)
        self.after = len(self.arguments)

    def ask(self, number: int) -> None:
        self.arguments.append(number)

    def halt(self) -> None:
        self.job.stop()

    def request_here(self, number: int, fail: bool = False) -> None:
        self.job.run(number)
        if fail:
            raise RuntimeError("after the request")

    def configure_commands(self) -> Any:
        return {"ask": self.ask, "halt": self.halt, "request_here": self.request_here}


def attached(**options: Any) -> tuple[Driver, FakeAgent]:
    driver = Driver(lambda: Caller(**options))
    agent = FakeAgent(driver).attach()
    driver.settle()
    return driver, agent


def test_a_blocking_call_unwinds_until_its_run_succeeded_and_keeps_what_came_before() -> None:
    driver, agent = attached()

    assert driver.vars() | {"arguments": []} == {"arguments": [], "before": 1, "after": 0, "caught": ""}
    start = agent.do(Set(("result",), 7))

    assert start.args == (1,)
    assert driver.vars()["after"] == 1
    assert driver.vars("root.job") == {"result": 7}
    assert [run.status for run in driver.runs()] == [RunStatus.SUCCEEDED]


def test_a_parallel_call_returns_at_once_and_other_arguments_queue_up() -> None:
    driver, agent = attached(parallel=True)
    driver.call("ask", number=2)
    agent.take_start()

    assert driver.vars()["after"] == 2
    assert [run.status for run in driver.runs()] == [RunStatus.RUNNING, RunStatus.PENDING]


def test_runs_of_one_work_are_executed_one_after_another_in_order() -> None:
    driver, agent = attached(parallel=True)
    driver.call("ask", number=2)
    driver.call("ask", number=3)

    seen = []
    for _ in range(3):
        start = agent.take_start()
        assert agent.heard(StartRun) == []
        seen.append(start.args)
        agent.finish(start)

    assert seen == [(1,), (2,), (3,)]


def test_equal_arguments_run_once_even_after_a_restart() -> None:
    driver, agent = attached(parallel=True)
    agent.do()
    driver.call("ask", number=1)
    driver.restart()
    agent = FakeAgent(driver, boot_id="boot-2").attach()
    driver.settle()

    assert agent.heard(StartRun) == []
    assert len(driver.runs()) == 1


def test_arguments_that_python_takes_for_equal_are_different_calls() -> None:
    driver, agent = attached(parallel=True)
    for argument in (1.0, True):
        driver.root.arguments.append(argument)
    driver.core.wants_pass = True
    driver.settle()

    assert [agent.do().args for _ in range(3)] == [(1,), (1.0,), (True,)]
    assert len(driver.runs()) == 3


def test_without_cache_a_parallel_call_starts_again_whenever_its_run_succeeded() -> None:
    driver, agent = attached(parallel=True, cache_calls=False)

    first = agent.do()
    second = agent.do()

    assert first.run_id != second.run_id
    assert len(driver.runs()) == 1, "the run before is forgotten"
    assert driver.root.job.num_successes == 2


def test_without_cache_each_run_lets_one_blocking_call_pass() -> None:
    driver, agent = attached(cache_calls=False)

    agent.do()

    assert driver.vars()["after"] == 1
    assert agent.take_start().args == (1,)  # the loop goes round, as a while loop would


class TwoBlocking(LightningFlow):
    def __init__(self) -> None:
        self.a = Job(cache_calls=False)
        self.b = Job(cache_calls=False)
        self.rounds = 0

    def run(self) -> None:
        self.a.run(1)
        self.b.run(1)
        self.rounds += 1


def test_a_pass_that_is_unwound_later_does_not_use_up_a_run_that_it_went_past() -> None:
    driver = Driver(TwoBlocking)
    agent = FakeAgent(driver).attach()
    driver.settle()

    order = [agent.do().work for _ in range(4)]

    assert order == ["root.a", "root.b", "root.a", "root.b"]
    assert driver.vars()["rounds"] == 2


def test_a_failed_run_raises_in_the_call_with_the_remote_traceback() -> None:
    class Catching(Caller):
        def run(self) -> None:
            try:
                self.job.run(1)
            except WorkRunError as error:
                self.caught = f"{error.type_name}: {error.message}"

    driver = Driver(Catching)
    agent = FakeAgent(driver).attach()
    driver.settle()

    agent.finish(agent.take_start(), BROKEN)

    assert driver.vars()["caught"] == "ValueError: broken"
    assert driver.exit is None


def test_an_uncaught_failure_fails_the_app() -> None:
    driver, agent = attached()

    agent.finish(agent.take_start(), BROKEN)

    assert driver.exit is not None
    assert driver.exit.stage is AppStage.FAILED
    assert driver.exit.failure is not None
    assert driver.exit.failure.type == "flowrpc.errors.WorkRunError"
    assert "Traceback: broken" in driver.exit.failure.traceback


def test_a_failure_that_no_call_meets_fails_the_app() -> None:
    class Once(LightningFlow):
        def __init__(self) -> None:
            self.job = Job(parallel=True)
            self.asked = False

        def run(self) -> None:
            if not self.asked:
                self.asked = True
                self.job.run(1)

    driver = Driver(Once)
    agent = FakeAgent(driver).attach()
    driver.settle()

    agent.finish(agent.take_start(), BROKEN)

    assert driver.exit is not None
    assert "root.job.run failed and the flow did not call it again: broken" in driver.exit.message


@pytest.mark.parametrize("parallel", [True, False])
def test_a_failure_that_does_not_raise_lets_the_flow_go_on(parallel: bool) -> None:
    driver, agent = attached(parallel=parallel, raise_exception=False)

    agent.finish(agent.take_start(), BROKEN)

    assert driver.exit is None
    assert driver.vars()["after"] == 1
    assert driver.root.job.has_failed
    status = driver.root.job.status
    assert (status.stage, status.reason, status.message) == ("failed", "exception", "Traceback: broken\n")
    assert agent.heard(StartRun) == []


def test_failed_calls_may_run_again_in_the_life_after_a_failed_app() -> None:
    driver, agent = attached()
    agent.finish(agent.take_start(), BROKEN)
    assert driver.exit is not None

    driver.restart()
    agent = FakeAgent(driver, boot_id="boot-2").attach()
    driver.settle()
    agent.do()

    assert driver.vars()["after"] == 1
    assert [run.status for run in driver.runs()] == [RunStatus.FAILED, RunStatus.SUCCEEDED], "history stays"


def test_a_failed_call_stays_failed_over_a_crash() -> None:
    driver, agent = attached(parallel=True, raise_exception=False)
    agent.finish(agent.take_start(), BROKEN)

    driver.restart()
    agent = FakeAgent(driver, boot_id="boot-2").attach()
    driver.settle()

    assert agent.heard(StartRun) == []
    assert driver.root.job.has_failed


def test_a_command_records_a_request_and_returns_even_if_the_work_is_blocking() -> None:
    driver, agent = attached()
    agent.do()

    assert driver.call("request_here", number=9).failure is None

    assert agent.take_start().args == (9,)


def test_a_command_that_raises_takes_its_request_back() -> None:
    driver, agent = attached()
    agent.do()

    failure = driver.call("request_here", number=9, fail=True).failure

    assert failure is not None
    assert failure.message == "after the request"
    assert agent.heard(StartRun) == []
    assert len(driver.runs()) == 1


def test_stop_cancels_what_runs_and_the_same_call_starts_again() -> None:
    driver, agent = attached(parallel=True)
    start = agent.take_start()

    driver.call("halt")

    (stop,) = agent.heard(StopRunner)
    assert stop.work == "root.job"
    again = agent.take_start()
    assert again.args == (1,)
    assert again.run_id != start.run_id
    agent.finish(start)  # too late: it is fenced, and changes nothing
    assert driver.root.job.is_running


def test_a_client_cancels_a_running_run_at_its_agent() -> None:
    driver, agent = attached(parallel=True)
    start = agent.take_start()

    driver.ask(CancelRequested, run_id=start.run_id, grace=timedelta(seconds=2))

    (cancel,) = agent.heard(CancelAttempt)
    assert (cancel.run_id, cancel.grace) == (start.run_id, timedelta(seconds=2))
    agent.finish(start, Failure(reason=FailureReason.CANCELLED, message="cancelled"))
    assert driver.runs()[0].status is RunStatus.CANCELLED
    assert driver.exit is None
    with pytest.raises(CallError, match="has ended already: cancelled"):
        driver.ask(CancelRequested, run_id=start.run_id, grace=timedelta(0))


def test_a_cancelled_run_raises_in_a_blocking_call() -> None:
    driver, agent = attached()
    start = agent.take_start()

    driver.ask(CancelRequested, run_id=start.run_id, grace=timedelta(seconds=2))
    agent.finish(start, Failure(reason=FailureReason.CANCELLED, message="cancelled by hand"))

    assert driver.exit is not None
    assert "cancelled by hand" in driver.exit.message


def test_a_run_that_no_agent_took_is_cancelled_at_once() -> None:
    driver = Driver(lambda: Caller(parallel=True))
    driver.settle()
    (run,) = driver.runs()

    driver.ask(CancelRequested, run_id=run.run_id, grace=timedelta(seconds=2))

    assert driver.runs()[0].status is RunStatus.CANCELLED
    with pytest.raises(CallError, match="no run 'nope'"):
        driver.ask(CancelRequested, run_id="nope", grace=timedelta(0))


def test_swallowing_the_unwind_is_told_with_its_line(caplog: pytest.LogCaptureFixture) -> None:
    class Swallowing(Caller):
        def run(self) -> None:
            try:
                self.job.run(1)
            except:  # noqa: E722
                self.after = 5

    driver = Driver(Swallowing)
    with caplog.at_level(logging.WARNING):
        driver.settle()

    assert driver.vars()["after"] == 5
    assert "test_calls.py:" in caplog.text
    assert "swallowed" in caplog.text


def test_calls_are_checked_where_they_are_made() -> None:
    class Wrong(Caller):
        def run(self) -> None:
            self.job.run(1, 2, 3)  # type: ignore[call-arg]  # that is what is tested

    driver = Driver(Wrong)
    driver.settle()

    assert driver.exit is not None
    assert driver.exit.failure is not None
    assert driver.exit.failure.type == "TypeError"


def test_statuses_follow_the_newest_run() -> None:
    driver, agent = attached(parallel=True)
    job = driver.root.job
    assert job.is_pending
    start = agent.take_start()
    assert job.is_running
    assert job.has_started
    agent.finish(start)

    assert job.has_succeeded
    assert [status.stage for status in job.statuses] == ["pending", "running", "succeeded"]
    calls = job.state["calls"]
    assert calls["latest_call_hash"] == driver.runs()[0].call_key
    assert calls[calls["latest_call_hash"]]["ret"] is None
