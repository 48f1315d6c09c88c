from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flowrpc.component import LightningFlow, LightningWork, WorkStatus
from flowrpc.component.calls import execute
from flowrpc.component.exits import ExitApp
from flowrpc.errors import InvalidValueError
from flowrpc.state.records import AppStage, Failure, FailureReason, Run, RunStatus

from tests.component.doubles import Context, Leaf

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


class Adder(LightningWork):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.calls: Any = []

    def run(self, a: Any, b: Any = 0, *rest: Any, **named: Any) -> Any:
        self.calls.append([a, b])
        return a + b


class Louder(Adder):
    def run(self, a: Any, b: Any = 0, *rest: Any, **named: Any) -> Any:
        return super().run(a, b) * 100


class Mixin:
    def run(self) -> None:
        self.ran = True


class Mixed(Mixin, LightningWork):
    def __init__(self) -> None:
        self.ran = False


def _in_app(work: LightningWork, *runs: Run) -> Context:
    context = Context(*runs)
    work.__dict__["_context"] = context
    return context


def _run(status: RunStatus, **facts: Any) -> Run:
    return Run(run_id="r", work="root", call_key="k", status=status, attempt=2, **facts)


def test_outside_an_app_a_work_runs_inline_once_for_equal_arguments() -> None:
    work = Adder()
    assert [work.run(1, 2), work.run(1, 2), work.run(1, b=2), work.run(1.0, 2)] == [3, 3, 3, 3.0]
    assert work.calls == [[1, 2], [1, 2], [1.0, 2]]
    assert work.num_successes == 3


def test_without_cache_each_call_runs() -> None:
    work = Adder(cache_calls=False)
    work.run(1)
    work.run(1)
    assert work.calls == [[1, 0], [1, 0]]


def test_super_run_is_a_plain_call() -> None:
    work = Louder()
    assert work.run(1, 2) == 300
    assert work.num_successes == 1
    context = _in_app(work)
    assert work.run(1, 2) is None
    assert context.calls == [("root", (1, 2), {})]


def test_run_of_a_mixin_is_a_call_too() -> None:
    work = Mixed()
    context = _in_app(work)
    work.run()
    assert context.calls == [("root", (), {})]
    assert not work.ran
    execute(work, (), {})
    assert work.ran


def test_an_inherited_run_is_wrapped_once() -> None:
    class Heir(Adder):
        pass

    assert Heir.run is Adder.run


def test_base_run_says_that_it_is_to_be_overridden() -> None:
    class Calls(LightningWork):
        def run(self) -> None:
            super().run()

    with pytest.raises(NotImplementedError):
        Calls().run()


@pytest.mark.parametrize("in_app", [False, True])
@pytest.mark.parametrize(("args", "kwargs"), [((), {}), ((1,), {"a": 2})])
def test_wrong_arguments_raise_at_the_call(in_app: bool, args: Any, kwargs: Any) -> None:
    work = Adder()
    context = _in_app(work) if in_app else Context()
    with pytest.raises(TypeError, match=r"^root\.run\(\): m.* argument:? 'a'"):
        work.run(*args, **kwargs)
    assert (context.calls, list(work.calls)) == ([], [])


def test_arguments_are_checked_and_copied() -> None:
    work = Leaf()
    context = _in_app(work)
    mine = [1]
    work.run(mine, (2, 3))
    mine.append(2)
    assert context.calls == [("root", ([1], [2, 3]), {})]
    with pytest.raises(InvalidValueError, match=r"root\.run\(\) argument 1: bytes"):
        work.run(1, b"x")
    with pytest.raises(InvalidValueError, match=r"root\.run\(\) argument extra: set"):
        Adder().run(1, extra={1})


def test_a_run_that_raises_inline_raises_and_may_run_again() -> None:
    class Flaky(LightningWork):
        def __init__(self) -> None:
            self.tries = 0

        def run(self) -> None:
            self.tries += 1
            if self.tries == 1:
                raise ValueError("first")

    work = Flaky()
    with pytest.raises(ValueError, match="first"):
        work.run()
    assert not work.has_started
    work.run()
    assert (work.tries, work.has_succeeded) == (2, True)


def test_status_outside_an_app() -> None:
    work = Adder()
    assert work.status == WorkStatus(stage="not_started", timestamp=0.0, count=0)
    assert (work.statuses, work.has_started, work.is_running) == ([], False, False)
    work.run(1)
    assert (work.status.stage, work.has_started, work.has_succeeded) == ("succeeded", True, True)
    key = work.state["calls"]["latest_call_hash"]
    assert work.state["calls"][key]["ret"] is None


@pytest.mark.parametrize(
    ("status", "stage", "true"),
    [
        (RunStatus.PENDING, "pending", "is_pending"),
        (RunStatus.RUNNING, "running", "is_running"),
        (RunStatus.SUCCEEDED, "succeeded", "has_succeeded"),
        (RunStatus.FAILED, "failed", "has_failed"),
        (RunStatus.CANCELLED, "stopped", "has_stopped"),
    ],
)
def test_status_follows_the_newest_run(status: RunStatus, stage: str, true: str) -> None:
    work = Adder()
    _in_app(work, _run(status))
    names = ("is_pending", "is_running", "has_succeeded", "has_failed", "has_stopped")
    assert [name for name in names if getattr(work, name)] == [true]
    assert (work.status.stage, work.status.count, work.has_started) == (stage, 2, True)
    assert work.num_successes == (status is RunStatus.SUCCEEDED)


def test_statuses_tell_what_a_run_went_through() -> None:
    work = Adder()
    failure = Failure(reason=FailureReason.EXCEPTION, message="no", traceback="Traceback: no")
    times = {
        "requested_at": NOON,
        "started_at": NOON + timedelta(seconds=1),
        "ended_at": NOON + timedelta(seconds=2),
    }
    _in_app(work, _run(RunStatus.FAILED, failure=failure, **times))
    assert [(s.stage, s.timestamp - NOON.timestamp(), s.reason, s.message) for s in work.statuses] == [
        ("pending", 0, "", ""),
        ("running", 1, "", ""),
        ("failed", 2, "exception", "Traceback: no"),
    ]
    told = work.state["calls"]["k"]
    assert [status["stage"] for status in told["statuses"]] == ["pending", "running", "failed"]
    assert "ret" not in told


def test_a_failure_without_traceback_tells_its_message() -> None:
    work = Adder()
    _in_app(work, _run(RunStatus.FAILED, failure=Failure(reason=FailureReason.EXITED, message="exit code 3")))
    assert (work.status.reason, work.status.message) == ("exited", "exit code 3")


def test_stop_is_for_works_in_an_app() -> None:
    work = Adder()
    with pytest.raises(
        RuntimeError, match=r"Only the `LightningFlow` can request this work \('root'\) to stop"
    ):
        work.stop()
    context = _in_app(work)
    work.stop()
    assert context.stopped == ["root"]


def test_options_are_kept() -> None:
    work = Adder(parallel=True, cache_calls=False, raise_exception=False, orphan_grace=timedelta(seconds=1))
    assert (work.parallel, work.cache_calls, work.raise_exception) == (True, False, False)
    assert work._orphan_grace == timedelta(seconds=1)
    assert work.state["vars"] == {"calls": []}
    with pytest.raises(TypeError, match="nope"):
        Adder(nope=1)


@pytest.mark.parametrize(("name", "stage"), [("stop", AppStage.STOPPED), ("fail", AppStage.FAILED)])
def test_a_flow_ends_its_app_past_except_exception(name: str, stage: AppStage) -> None:
    flow = LightningFlow()
    with pytest.raises(ExitApp) as caught:
        getattr(flow, name)("done")
    assert not isinstance(caught.value, Exception)
    assert (caught.value.status.stage, caught.value.status.message) == (stage, "done")


def test_a_flow_has_no_commands_and_runs_nothing_by_default() -> None:
    flow = LightningFlow()
    flow.run()
    assert flow.configure_commands() == {}
