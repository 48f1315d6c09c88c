"""Passes: when `run` is called, what it keeps, and how it ends the app."""

from __future__ import annotations

from typing import Any

import pytest
from flowrpc import LightningFlow
from flowrpc.errors import CallError
from flowrpc.flow_service.events import StopRequested
from flowrpc.state.records import AppStage

from tests.flow_service.driver import Driver


class Counting(LightningFlow):
    def __init__(self) -> None:
        self.counter = 0
        self.limit = 3

    def run(self) -> None:
        if self.counter < self.limit:
            self.counter += 1

    def raise_limit(self, to: int) -> int:
        self.limit = to
        return self.counter

    def read(self) -> int:
        return self.counter

    def configure_commands(self) -> Any:
        return {"raise_limit": self.raise_limit, "read": self.read}


def test_a_pass_that_changes_state_causes_the_next_one_and_then_it_is_quiet() -> None:
    driver = Driver(Counting)

    driver.settle()

    assert driver.vars() == {"counter": 3, "limit": 3}
    assert driver.passes == 4
    assert not driver.core.wants_pass


def test_passes_between_two_commits_are_one_revision_with_the_last_value() -> None:
    driver = Driver(Counting)

    driver.settle()

    (revision,) = driver.revisions[1:]
    (delta,) = revision.deltas
    assert [change.value for change in delta.changes] == [3]  # type: ignore[union-attr]


def test_a_command_wakes_the_flow_and_its_answer_names_a_revision_that_holds_it() -> None:
    driver = Driver(Counting)
    driver.settle()

    outcome = driver.call("raise_limit", to=5)

    assert outcome.result == 3
    assert driver.vars()["counter"] == 5
    assert outcome.revision <= driver.replica.revision


def test_a_command_that_changes_nothing_makes_no_revision_and_no_pass() -> None:
    driver = Driver(Counting)
    driver.settle()
    revision, passes = driver.replica.revision, driver.passes

    outcome = driver.call("read")

    assert (outcome.result, outcome.revision) == (3, revision)
    assert (driver.replica.revision, driver.passes) == (revision, passes)


def test_state_goes_on_where_it_was_after_a_crash() -> None:
    driver = Driver(Counting)
    driver.settle()
    driver.call("raise_limit", to=4)

    driver.restart()

    assert driver.vars() == {"counter": 4, "limit": 4}
    driver.settle()
    assert driver.vars()["counter"] == 4


def test_what_was_not_committed_is_lost_and_done_again() -> None:
    driver = Driver(Counting)
    driver.run_pass()
    assert driver.root.counter == 1

    driver.restart()

    assert driver.root.counter == 0
    driver.settle()
    assert driver.vars()["counter"] == 3


class Ending(LightningFlow):
    def __init__(self, how: str = "stop") -> None:
        self.how = how
        self.before = 0

    def run(self) -> None:
        self.before += 1
        if self.how == "raise":
            raise ValueError("broken")
        getattr(self, self.how)("enough")


@pytest.mark.parametrize(
    ("how", "stage", "code"), [("stop", AppStage.STOPPED, 0), ("fail", AppStage.FAILED, 1)]
)
def test_stop_and_fail_end_the_app_with_their_message(how: str, stage: AppStage, code: int) -> None:
    driver = Driver(lambda: Ending(how))

    driver.settle()

    assert driver.exit is not None
    assert (driver.exit.stage, driver.exit.message, driver.exit.exit_code) == (stage, "enough", code)
    assert driver.replica.app == driver.exit
    assert driver.vars()["before"] == 1


def test_a_pass_that_raises_is_not_committed_only_the_failure_is() -> None:
    driver = Driver(lambda: Ending("raise"))
    before = driver.vars()

    driver.core.run_pass(driver.now)
    commit = driver.core.seal(driver.now)

    assert commit is not None
    assert commit.revision.deltas == ()
    status = commit.revision.app
    assert status is not None
    assert status.failure is not None
    assert (status.stage, status.failure.type, status.failure.message) == (
        AppStage.FAILED,
        "ValueError",
        "broken",
    )
    assert "raise ValueError" in status.failure.traceback
    assert "run_pass" not in status.failure.traceback
    assert before == {"how": "raise", "before": 0}


def test_an_app_that_ended_refuses_commands_and_goes_on_in_the_next_life() -> None:
    driver = Driver(Counting)
    driver.settle()
    driver.submit(StopRequested(message="by hand"))
    assert driver.exit is not None

    with pytest.raises(CallError, match="has ended"):
        driver.call("read")
    driver.restart()

    assert driver.replica.app is not None
    assert driver.replica.app.stage is AppStage.RUNNING
    assert driver.call("read").result == 3


def test_many_passes_are_folded_before_their_log_grows() -> None:
    class Spinning(LightningFlow):
        def __init__(self) -> None:
            self.counter = 0

        def run(self) -> None:
            self.counter += 1

    driver = Driver(Spinning)
    for _ in range(5_000):
        driver.run_pass()

    assert len(driver.core._log.entries) < 1_100
    driver.commit()
    assert driver.vars()["counter"] == 5_000
