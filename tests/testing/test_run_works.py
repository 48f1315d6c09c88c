"""Executing what is pending: in this process, or in real ones."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import call

import pytest
from flowrpc import LightningFlow, LightningWork
from flowrpc.state.records import FailureReason, RunStatus
from flowrpc.testing import AppFailed, SimulatedApp, SimulationError
from flowrpc.testing.child_runner import ChildRunner

from tests.testing.jobs import Holding, Job, Jobs, Pipeline, Restless, Twice, hasty_jobs, stubborn_jobs

ISOLATED = pytest.param(True, marks=pytest.mark.slow, id="isolated")
both = pytest.mark.parametrize("isolated", [pytest.param(False, id="inline"), ISOLATED])


def wanting(*what: str, **options: Any) -> SimulatedApp:
    app = SimulatedApp(Jobs(**options))
    app.update("root", wanted=list(what))
    return app


def failure(app: SimulatedApp) -> Any:
    return app.runs()[-1].failure


@both
def test_a_pending_work_is_executed_and_its_vars_come_back(isolated: bool) -> None:
    app = wanting("count")

    assert app.run_works(isolated=isolated) == 1
    assert app.root.job.has_succeeded
    assert (app.root.job.items, app.root.job.count) == ([0, 1, 2], 3)
    assert (app.root.job.pid == os.getpid()) is not isolated
    assert app.run_works(isolated=isolated) == 0, "equal arguments run once"


@both
def test_works_that_wait_for_each_other_are_executed_in_their_turn(isolated: bool) -> None:
    app = SimulatedApp(Pipeline())

    assert app.run_works(isolated=isolated) == 3
    assert app.root.total == 2 + 4 + 1
    assert app.calls("root.second") == [call(number=4)]


@both
def test_a_run_that_raises_fails_the_app_with_what_it_raised(isolated: bool) -> None:
    app = wanting("raise")

    with pytest.raises(AppFailed, match=r"root\.job\.run failed: ValueError: boom") as failed:
        app.run_works(isolated=isolated)
    assert 'raise ValueError("boom")' in str(failed.value)
    assert app.root.job.count == 3


@both
@pytest.mark.parametrize(
    ("what", "reason", "message"),
    [
        ("raise", FailureReason.EXCEPTION, "boom"),
        ("return", FailureReason.BROKEN_RULE, "Your work root.job shouldn't have a return value. Found 5"),
        ("exit", FailureReason.EXITED, "exit code 3"),
        ("thread", FailureReason.EXCEPTION, "state may only be set from its own thread"),
    ],
)
def test_ends_are_what_they_are_in_a_served_app(
    isolated: bool, what: str, reason: FailureReason, message: str
) -> None:
    app = wanting(what, raise_exception=False)
    app.run_works(isolated=isolated)

    assert failure(app).reason is reason
    assert message in failure(app).message


@both
def test_retries_are_made_and_their_pauses_pass_on_the_clock(isolated: bool) -> None:
    app = SimulatedApp(stubborn_jobs)
    app.update("root", wanted=["raise_once"])
    begin = app.now

    assert app.run_works(isolated=isolated) == 2
    assert app.root.job.items == [0, 1, 2], "the second attempt began with the vars of before"
    assert (app.runs()[0].attempt, app.now - begin) == (2, timedelta(hours=1))


@both
def test_private_attributes_live_from_one_run_to_the_next(isolated: bool) -> None:
    app = SimulatedApp(Twice)

    assert app.run_works(isolated=isolated) == 2
    assert app.root.job.count == 2


@both
def test_a_work_that_cannot_be_built_has_failed(isolated: bool, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    app = SimulatedApp(Holding(str(mark)))
    mark.touch()

    with pytest.raises(AppFailed, match="OSError: the mark is there already"):
        app.run_works(isolated=isolated)
    assert failure(app).reason is FailureReason.NOT_BUILT


def test_each_change_of_an_inline_run_is_durable_as_it_is_made() -> None:
    app = wanting("count")
    app.run_works()

    assert app.history("root.job", "count") == [0, 1, 2, 3]
    assert app.history("root.job", "items") == [[], [0], [0, 1], [0, 1, 2]]


def test_some_works_are_executed_and_the_test_plays_the_others() -> None:
    app = SimulatedApp(Pipeline())
    app.settle()
    app.works["root.first"].set(count=7).succeed()

    app.run_works("root.second")
    assert app.calls("root.second") == [call(number=9)]
    assert app.root.more[0].is_pending


def test_a_run_that_the_test_began_stays_its_own() -> None:
    app = wanting("count")
    app.settle()
    app.works["root.job"].start()

    assert app.run_works() == 0
    app.works["root.job"].set(count=9).succeed()
    assert app.root.job.items == []


def test_vars_that_the_flow_set_before_the_run_are_there() -> None:
    class Preparing(Jobs):
        def run(self) -> None:
            super().run()
            if self.job.is_pending and not self.job.items:
                self.job.items = [9]
                self.job.items.append(8)

    app = SimulatedApp(Preparing)
    app.update("root", wanted=["count"])
    app.run_works()
    assert app.root.job.items == [9, 8, 0, 1, 2]


def test_a_flow_that_never_stops_calling_is_told() -> None:
    with pytest.raises(SimulationError, match=r"1,000 attempts were executed, of root\.job"):
        SimulatedApp(Restless()).run_works()


def test_classes_of_a_test_function_can_be_executed_here_but_not_elsewhere() -> None:
    class Local(LightningWork):
        def run(self) -> None:
            pass

    class Root(LightningFlow):
        def __init__(self) -> None:
            self.local = Local()

        def run(self) -> None:
            self.local.run()

    app = SimulatedApp(Root())
    with pytest.raises(SimulationError, match="define it at the top of a module, not in a function"):
        app.run_works(isolated=True)
    assert app.run_works() == 1


def test_what_is_no_error_of_the_work_goes_to_the_test() -> None:
    class Stopped(BaseException):
        pass

    class Ending(Job):
        def run(self, what: str = "", number: int = 0) -> None:
            raise Stopped

    class Root(LightningFlow):
        def __init__(self) -> None:
            self.job = Ending()

        def run(self) -> None:
            self.job.run()

    with pytest.raises(Stopped):
        SimulatedApp(Root()).run_works()


def test_a_work_whose_constructor_takes_objects_is_built_as_the_root_builds_it() -> None:
    class Taking(LightningWork):
        def __init__(self, thing: list[object]) -> None:
            super().__init__()
            self._thing = thing
            self.size = 0

        def run(self) -> None:
            self.size = len(self._thing)

    class Root(LightningFlow):
        def __init__(self) -> None:
            self.taking = Taking([object(), object()])

        def run(self) -> None:
            self.taking.run()

    app = SimulatedApp(Root())
    app.run_works()
    assert app.root.taking.size == 2


# Processes


@pytest.mark.slow
@pytest.mark.parametrize(
    ("what", "reason", "code", "number"),
    [("crash", FailureReason.SIGNALLED, 0, 9), ("leave", FailureReason.EXITED, 4, 0)],
)
def test_a_process_that_dies_has_failed(what: str, reason: FailureReason, code: int, number: int) -> None:
    app = wanting(what, raise_exception=False)
    app.run_works(isolated=True)

    assert (failure(app).reason, failure(app).exit_code, failure(app).signal) == (reason, code, number)
    app.update("root", wanted=["count"])
    assert app.run_works(isolated=True) == 1, "the next run gets a new process"
    assert app.root.job.has_succeeded


@pytest.mark.slow
def test_a_timeout_counts_in_real_time_and_passes_on_the_clock() -> None:
    app = SimulatedApp(hasty_jobs)
    app.update("root", wanted=["hang"])
    begin = app.now

    app.run_works(isolated=True)
    assert app.root.job.has_timeout
    assert app.now - begin == timedelta(seconds=0.5)


@pytest.mark.slow
def test_a_process_that_takes_too_long_is_killed_and_fails_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    app = wanting("hang")
    give_up, pids = ChildRunner._give_up, list[int]()

    def note_and_give_up(runner: ChildRunner) -> None:
        assert runner._process is not None
        pids.append(runner._process.pid)
        give_up(runner)

    monkeypatch.setattr(ChildRunner, "_give_up", note_and_give_up)

    with pytest.raises(
        SimulationError, match=r"root\.job\.run took longer than 0\.5 s, and its process was killed"
    ):
        app.run_works(isolated=True, timeout=0.5)
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)


@pytest.mark.slow
def test_what_a_process_logs_is_logged_here(caplog: pytest.LogCaptureFixture) -> None:
    wanting("count").run_works(isolated=True)

    assert ("jobs", 30, "counted 3") in caplog.record_tuples


@pytest.mark.slow
def test_a_process_that_resists_is_killed_when_the_grace_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowrpc.flow_service.dispatcher.STOP_GRACE", timedelta(seconds=0.5))
    app = SimulatedApp(hasty_jobs)
    app.update("root", wanted=["resist"])

    app.run_works(isolated=True)
    assert app.root.job.has_timeout
    assert app.runs()[0].status is RunStatus.FAILED
