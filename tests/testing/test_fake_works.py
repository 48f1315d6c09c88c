"""Works that a test plays: what it says goes through the core as the frames of an agent."""

from __future__ import annotations

import signal
from datetime import timedelta
from typing import Any
from unittest.mock import call

import pytest
from flowrpc import CloudCompute, LightningFlow, LightningWork
from flowrpc.errors import CallError, InvalidValueError
from flowrpc.state.records import FailureReason, RunStatus
from flowrpc.testing import AppFailed, SimulatedApp, SimulationError

from tests.testing.shop import RETRY, Blocking, Shop, Train


def ordered(**options: Any) -> SimulatedApp:
    """A shop whose work was called once."""
    app = SimulatedApp(Shop(**options))
    app.call("order", epochs=2)
    app.settle()
    return app


def test_a_work_is_pending_then_runs_then_has_succeeded() -> None:
    app = ordered()
    work = app.works["root.train"]

    assert (work.status, app.root.train.is_pending) == ("pending", True)
    work.start()
    assert (work.status, app.root.train.is_running) == ("running", True)
    work.succeed()
    assert (work.status, app.root.train.has_succeeded) == ("succeeded", True)
    assert app.root.status == "pending", "the flow sees it in its next pass"
    app.settle()
    assert app.history("root", "status") == ["waiting", "pending", "succeeded"]
    assert repr(work) == "<FakeWork root.train: succeeded>"


def test_vars_are_set_in_order_each_call_in_a_revision_of_its_own() -> None:
    app = ordered()

    app.works["root.train"].set(progress=0.25, steps=[1]).set(progress=0.5).succeed()

    assert app.history("root.train", "progress") == [0.0, 0.25, 0.5]
    assert app.root.train.steps == [1]
    app.settle()
    assert app.root.seen == 0.5


def test_the_end_may_come_without_a_begin() -> None:
    app = ordered()
    app.works["root.train"].succeed()

    (run,) = app.runs("root.train")
    assert (run.status, run.attempt, run.started_at) == (RunStatus.SUCCEEDED, 1, app.now)


def test_a_blocking_work_holds_the_pass_up_until_its_run_has_succeeded() -> None:
    app = SimulatedApp(Blocking)

    app.settle()
    assert (app.root.begun, app.root.done, app.calls("root.train")) == (1, 0, [call(1)])
    app.works["root.train"].succeed()
    app.settle()
    assert (app.root.begun, app.root.done, app.calls("root.train")) == (1, 0, [call(1), call(2)])
    app.works["root.train"].succeed()
    app.settle()
    assert app.root.done == 2


def test_a_failure_raises_in_the_flow_and_fails_the_app() -> None:
    app = ordered()
    app.works["root.train"].fail("boom", type="ValueError")

    assert app.ended is None, "no pass has met it yet"
    with pytest.raises(AppFailed, match=r"WorkRunError: root.train.run failed: ValueError: boom"):
        app.settle()
    assert app.exit_code == 1


@pytest.mark.parametrize("error", [ValueError("boom"), "boom"])
def test_a_failure_is_data_for_a_flow_that_wants_it_so(error: Any) -> None:
    app = ordered(raise_exception=False)
    app.works["root.train"].fail(error, type="ValueError")
    app.settle()

    assert app.root.train.has_failed
    failure = app.runs()[0].failure
    assert failure is not None
    assert (failure.type, failure.message, failure.reason) == ("ValueError", "boom", FailureReason.EXCEPTION)
    assert app.root.status == "failed"


def test_a_process_that_is_killed_has_failed() -> None:
    app = ordered(raise_exception=False)
    app.works["root.train"].kill(signal.SIGSEGV)

    failure = app.runs()[0].failure
    assert failure is not None
    assert (failure.reason, failure.signal) == (FailureReason.SIGNALLED, signal.SIGSEGV)


def test_a_run_that_fails_is_tried_again_after_its_pause_with_the_vars_of_before() -> None:
    app = ordered(retry=RETRY, raise_exception=False)
    work = app.works["root.train"]

    work.set(progress=0.5).fail("once")
    assert (work.status, app.root.train.progress) == ("pending", 0.0)
    with pytest.raises(SimulationError, match=r"attempt 1 of its run has failed.*app\.advance"):
        work.succeed()
    app.advance(seconds=9)
    with pytest.raises(SimulationError, match=r"attempt 1 of its run has failed"):
        work.succeed()
    app.advance(seconds=1)
    work.fail("twice")
    app.advance(seconds=20)
    work.set(progress=1.0).succeed()
    assert (app.root.train.progress, app.runs()[0].attempt) == (1.0, 3)


def test_a_timeout_is_passed_on_the_clock() -> None:
    app = ordered(timeout=timedelta(minutes=5), raise_exception=False)
    begin = app.now

    app.works["root.train"].set(progress=0.5).time_out()
    assert app.now == begin + timedelta(minutes=5)
    assert app.root.train.has_timeout
    assert "took longer than the work's timeout, 0:05:00" in app.root.train.status.message


def test_a_timeout_comes_by_itself_when_time_passes() -> None:
    app = ordered(timeout=timedelta(minutes=5), raise_exception=False)

    app.works["root.train"].start()
    app.advance(minutes=4)
    assert app.root.train.is_running
    app.advance(minutes=1)
    assert app.root.train.has_timeout
    assert app.root.status == "failed"


def test_a_work_without_a_timeout_cannot_time_out() -> None:
    with pytest.raises(SimulationError, match=r"root.train has no timeout"):
        ordered().works["root.train"].time_out()


def test_a_client_cancels_a_run() -> None:
    app = ordered(raise_exception=False)
    app.works["root.train"].start().cancel()
    assert app.root.train.has_stopped

    with pytest.raises(CallError, match="has ended already: cancelled"):
        app.cancel(app.runs()[0].run_id)
    with pytest.raises(CallError, match="no run 'x'"):
        app.cancel("x")


def test_a_flow_that_stops_a_work_cancels_what_it_runs() -> None:
    class Stopping(Shop):
        def run(self) -> None:
            super().run()
            if self.seen == 0.5:
                self.train.stop()
                self.epochs = []

    app = SimulatedApp(Stopping)
    app.call("order")
    app.settle()
    app.works["root.train"].set(progress=0.5)
    app.settle()

    assert app.root.train.has_stopped
    with pytest.raises(SimulationError, match="its newest run has ended already, it was cancelled"):
        app.works["root.train"].succeed()


def test_a_work_sees_what_the_flow_changes_meanwhile() -> None:
    class Resetting(Shop):
        def run(self) -> None:
            super().run()
            if self.train.flag:
                self.train.flag = False

    app = SimulatedApp(Resetting)
    app.call("order")
    app.settle()
    work = app.works["root.train"].set(flag=True)
    assert [work.vars["flag"]] == [True]
    app.settle()
    assert [work.vars["flag"]] == [False]
    work.set(flag=True)
    app.settle()
    assert app.history("root.train", "flag") == [False, True, False, True, False]


def test_runs_with_other_arguments_are_executed_one_after_the_other() -> None:
    app = SimulatedApp(Shop)
    for epochs in (1, 2):
        app.call("order", epochs=epochs)
    app.settle()
    assert app.calls("root.train") == [call(1), call(2)]

    for expected in (RunStatus.PENDING, RunStatus.SUCCEEDED):
        app.works["root.train"].succeed()
        assert [run.status for run in app.runs()] == [RunStatus.SUCCEEDED, expected]


def test_equal_arguments_are_one_call_with_a_cache_and_many_without() -> None:
    for cached, calls in ((True, 1), (False, 3)):
        app = SimulatedApp(Shop(cache_calls=cached))
        app.call("order", epochs=1)
        app.settle()
        for _ in range(2):
            if not cached or not app.root.train.has_succeeded:
                app.works["root.train"].succeed()
            app.settle()
        assert app.calls("root.train") == [call(1)] * calls


# Refusals


def test_a_work_that_nobody_called_cannot_be_played() -> None:
    app = SimulatedApp(Shop)
    app.settle()

    for use in ("start", "succeed", "fail", "kill", "cancel"):
        with pytest.raises(SimulationError, match=r"root.train cannot .*: nobody has called it"):
            getattr(app.works["root.train"], use)()
    with pytest.raises(SimulationError, match=r"root.train cannot set vars: nobody has called it"):
        app.works["root.train"].set(progress=1.0)
    assert app.works["root.train"].run is None


def test_a_run_that_has_ended_cannot_be_played_on() -> None:
    app = ordered()
    app.works["root.train"].succeed()

    with pytest.raises(SimulationError, match="its newest run has ended already, it succeeded"):
        app.works["root.train"].set(progress=1.0)


def test_vars_that_the_work_lacks_and_values_that_are_none_are_refused() -> None:
    app = ordered()
    work = app.works["root.train"]

    with pytest.raises(
        SimulationError, match=r"no var 'root.train.progres'; did you mean 'root.train.progress'\?"
    ):
        work.set(progres=1.0)
    with pytest.raises(InvalidValueError, match=r"root\.train\.progress"):
        work.set(progress=object())  # type: ignore[arg-type]
    assert app.root.train.progress == 0.0


def test_a_call_in_an_uncommitted_pass_is_durable_before_it_is_played() -> None:
    app = SimulatedApp(Shop)
    app.call("order")
    app.step(commit=False)
    assert app.calls("root.train") == []

    app.works["root.train"].succeed()
    assert app.calls("root.train") == [call(3)]


def test_works_whose_process_dies_are_tried_again() -> None:
    app = ordered()
    app.works["root.train"].set(progress=0.5)

    app.lose_works()
    assert (app.root.train.progress, app.works["root.train"].status) == (0.0, "pending")
    app.works["root.train"].succeed()
    assert app.runs()[0].attempt == 2


class Nested(LightningFlow):
    def __init__(self) -> None:
        self.inner = Shop()
        self.other = Train()

    def run(self) -> None:
        self.inner.run()
        self.other.run(epochs=1, broken="x")


def test_works_of_nested_flows_have_their_full_names_and_named_arguments() -> None:
    app = SimulatedApp(Nested)
    app.call("inner.order", epochs=4)
    app.settle()

    assert list(app.works) == ["root.inner.train", "root.other"]
    assert app.calls("root.inner.train") == [call(4)]
    assert app.calls("root.other") == [call(epochs=1, broken="x")]


class Page(LightningWork):
    def __init__(self) -> None:
        super().__init__(parallel=True)
        self.log: list[str] = []

    def on_start(self) -> None:
        self.log.append("start")

    def on_exception(self, exception: Exception) -> None:
        self.log.append(str(exception))

    def run(self, *, fails: bool = False) -> None:
        self.log.append("run")
        if fails:
            raise ValueError("broken")


class Site(LightningFlow):
    def __init__(self) -> None:
        super().__init__()
        self.page = Page()
        self.urls: list[str] = []

    def run(self) -> None:
        self.page.start()
        if self.page.url not in self.urls:
            self.urls.append(self.page.url)


def test_a_fake_work_serves_at_a_url() -> None:
    app = SimulatedApp(Site)
    app.settle()
    app.works["root.page"].serve("http://127.0.0.1:1234")
    app.settle()
    assert app.root.urls == ["", "http://127.0.0.1:1234"]
    assert app.root.page.port == 1234


def test_works_that_are_executed_have_their_hooks() -> None:
    app = SimulatedApp(Site)
    app.settle()
    app.run_works()
    assert (app.root.page.log, app.works["root.page"].status) == (["start"], "started")


def test_works_are_played_whatever_they_need() -> None:
    class Needy(LightningWork):
        def __init__(self, zone: str) -> None:
            needs = CloudCompute("gpu-fast", cpus=64, gpus=8, memory="2TiB", labels={"zone": zone})
            super().__init__(parallel=True, cloud_compute=needs)

        def run(self) -> None: ...

    class Root(LightningFlow):
        def __init__(self) -> None:
            self.one, self.two = Needy("a"), Needy("b")

        def run(self) -> None:
            self.one.run()
            self.two.run()

    app = SimulatedApp(Root())
    app.settle()
    for work in app.works.values():
        work.start()
    assert app.root.one.is_running
    assert app.root.two.is_running
