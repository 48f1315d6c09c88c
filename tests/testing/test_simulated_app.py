"""A simulated app: passes, state, commands and ends, as a test sees them."""

from __future__ import annotations

from typing import Any
from unittest.mock import call

import pytest
from flowrpc import LightningApp, LightningFlow, LightningWork
from flowrpc.errors import CallError, InvalidValueError
from flowrpc.state import Set
from flowrpc.state.records import AppStage
from flowrpc.testing import AppFailed, EmptyFlow, EmptyWork, SimulatedApp, SimulationError
from flowrpc_client import CommandFailed

from tests.testing.shop import Growing, Shop


class Counting(LightningFlow):
    def __init__(self, bound: int = 3) -> None:
        self.bound = bound
        self.counter = 0

    def run(self) -> None:
        if self.counter < self.bound:
            self.counter += 1


def test_a_step_is_one_pass_and_none_if_nothing_changed() -> None:
    app = SimulatedApp(Counting(bound=2))

    assert app.root.counter == 0
    assert [app.step() for _ in range(4)] == [True, True, True, False]
    assert app.history("root", "counter") == [0, 1, 2]


def test_settle_runs_passes_until_nothing_changes() -> None:
    app = SimulatedApp(Counting())

    assert app.settle() == 4
    assert app.settle() == 0
    assert app.root.counter == 3


def test_a_flow_that_never_settles_is_told_with_what_it_changes() -> None:
    app = SimulatedApp(Counting(bound=10**9), max_passes=50)

    with pytest.raises(
        SimulationError, match=r"not settled after 50 passes: each one changes root\.counter;"
    ):
        app.settle()
    assert app.step(), "it can be stepped through"


def test_a_flow_that_settles_in_the_last_pass_has_settled() -> None:
    assert SimulatedApp(Counting(bound=3), max_passes=4).settle() == 4


@pytest.mark.parametrize(
    "given",
    [Counting, Counting(), LightningApp(Counting()), lambda: LightningApp(Counting()), lambda: Counting(3)],
)
def test_an_app_is_made_of_a_root_its_class_an_app_or_a_function(given: Any) -> None:
    app = SimulatedApp(given)

    app.settle()
    app.restart()
    assert app.root.counter == 3


def test_a_work_is_an_app_too() -> None:
    app = SimulatedApp(EmptyWork())

    app.run_works()
    assert app.ended is not None
    assert (app.ended.stage, app.exit_code) == (AppStage.STOPPED, 0)


def test_an_empty_flow_settles() -> None:
    assert SimulatedApp(EmptyFlow()).settle() == 1


def test_what_is_no_app_is_refused() -> None:
    with pytest.raises(TypeError, match="does not override the `run"):
        SimulatedApp(object())  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="got str"):
        SimulatedApp("app.py")  # type: ignore[arg-type]


def test_a_root_is_in_one_app_only() -> None:
    root = Counting()
    SimulatedApp(root)

    with pytest.raises(SimulationError, match="is in a simulated app already"):
        SimulatedApp(root)
    with pytest.raises(SimulationError, match="is in a simulated app already"):
        SimulatedApp(lambda: root)


def test_the_given_root_is_the_one_that_runs() -> None:
    root = Counting()
    app = SimulatedApp(root)
    app.settle()

    assert app.root is root
    assert app.find("root") is root


def test_state_that_a_test_sets_causes_a_pass() -> None:
    app = SimulatedApp(Counting())
    app.settle()

    app.root.bound = 5
    assert app.settle() == 3
    assert app.vars() == {"bound": 5, "counter": 5}


def test_names_that_nothing_has_are_told_with_what_is_meant() -> None:
    app = SimulatedApp(Shop)

    with pytest.raises(SimulationError, match=r"no component 'root.trian'; did you mean 'root.train'\?"):
        app.find("root.trian")
    with pytest.raises(SimulationError, match=r"no component 'billing'; there is root, root.train"):
        app.vars("billing")
    with pytest.raises(SimulationError, match=r"no work 'root.trian'; did you mean 'root.train'\?"):
        app.calls("root.trian")
    with pytest.raises(SimulationError, match=r"no work 'root'; did you mean|no work 'root'; there is"):
        _ = app.works["root"]
    with pytest.raises(SimulationError, match=r"no var 'root.hour'; did you mean 'root.hours'\?"):
        app.history("root", "hour")
    with pytest.raises(SimulationError, match=r"no work 'root.trian'"):
        app.run_works("root.trian")


# Commands and updates


def test_a_command_answers_and_the_flow_follows_in_the_next_pass() -> None:
    app = SimulatedApp(Shop)
    app.settle()

    assert app.call("order", epochs=2) == 1
    assert app.calls("root.train") == []
    app.step()
    assert app.calls("root.train") == [call(2)]
    assert app.root.train.is_pending


def test_a_command_that_is_refused_says_why_as_to_a_client() -> None:
    app = SimulatedApp(Shop)

    with pytest.raises(CallError, match=r"no command 'ordre'; did you mean 'order'\?") as refused:
        app.call("ordre")
    assert (refused.value.reason, refused.value.metadata["suggestion"]) == ("UNKNOWN_COMMAND", "order")
    with pytest.raises(CallError, match=r"order: .epochs. must be int"):
        app.call("order", epochs="many")
    with pytest.raises(InvalidValueError, match="order argument epochs"):
        app.call("order", epochs={1})  # type: ignore[arg-type]


def test_a_command_that_raises_is_undone_and_raises_as_at_a_client() -> None:
    app = SimulatedApp(Shop)
    app.settle()
    revision = app.revision

    with pytest.raises(CommandFailed, match="ValueError: 0 epochs are too few") as failed:
        app.call("order", epochs=0)
    assert failed.value.failure.type == "ValueError"
    assert (app.root.epochs, app.revision) == ([], revision)


def test_an_update_is_a_client_s() -> None:
    app = SimulatedApp(Shop)
    app.settle()

    revision = app.update("root", hours=7)
    assert app.update("root", {"status": "x"}, expected_revision=revision) == revision + 1
    assert app.update("root", [Set(("epochs",), [1])]) == revision + 2
    app.settle()
    assert (app.root.hours, app.root.epochs, len(app.calls("root.train"))) == (7, [1], 1)


def test_an_update_that_does_not_fit_is_refused() -> None:
    app = SimulatedApp(Shop)
    app.settle()

    with pytest.raises(CallError, match="root has no var 'hour'"):
        app.update("root", hours=1, hour=2)
    with pytest.raises(CallError, match=r"did you mean 'root.train'"):
        app.update("root.trian", progress=1)
    with pytest.raises(CallError, match="changed in revision") as conflict:
        app.update("root", {"hours": 1}, expected_revision=0)
    assert conflict.value.reason == "REVISION_CONFLICT"
    assert app.root.hours == 1, "the schedule's"


# Ends


def test_stop_ends_the_app_with_0() -> None:
    app = SimulatedApp(Shop)
    app.call("close")

    assert app.ended is not None
    assert (app.ended.stage, app.ended.message, app.exit_code) == (AppStage.STOPPED, "closed", 0)
    assert "stopped: closed" in repr(app)


def test_a_client_stops_it() -> None:
    app = SimulatedApp(Shop)
    assert (app.ended, app.exit_code) == (None, None)

    app.stop("enough")
    assert app.ended is not None
    assert (app.ended.message, app.exit_code) == ("enough", 0)


def test_fail_raises_where_the_test_caused_it() -> None:
    app = SimulatedApp(Shop)

    with pytest.raises(AppFailed, match="the app failed: burnt down") as failed:
        app.call("burn")
    assert failed.value.failure is None
    assert (app.exit_code, app.ended) == (1, failed.value.status)


class Raising(Counting):
    def run(self) -> None:
        self.counter += 1
        if self.counter == 2:
            raise KeyError("pear\nand more")


def test_an_error_of_a_pass_fails_the_app_and_what_the_pass_changed_is_not_durable() -> None:
    app = SimulatedApp(Raising())

    with pytest.raises(AppFailed, match=r"the app failed: KeyError: .pear") as failed:
        app.settle()
    assert 'raise KeyError("pear\\nand more")' in str(failed.value)
    assert failed.value.failure is not None
    assert failed.value.failure.type == "KeyError"
    assert app.vars()["counter"] == 1


class Interrupted(LightningFlow):
    def run(self) -> None:
        raise KeyboardInterrupt


def test_ctrl_c_is_the_developer_s() -> None:
    with pytest.raises(KeyboardInterrupt):
        SimulatedApp(Interrupted()).settle()


@pytest.mark.parametrize(
    "use",
    [
        lambda app: app.step(),
        lambda app: app.settle(),
        lambda app: app.call("order"),
        lambda app: app.update("root", hours=1),
        lambda app: app.advance(seconds=1),
        lambda app: app.stop(),
        lambda app: app.run_works(),
        lambda app: app.works["root.train"].succeed(),
        lambda app: app.lose_works(),
        lambda app: app.cancel("x"),
    ],
)
def test_nothing_can_be_done_with_an_app_that_has_ended_but_to_begin_its_next_life(use: Any) -> None:
    app = SimulatedApp(Shop)
    app.call("close")

    with pytest.raises(SimulationError, match=r"the app has ended \(stopped: closed\); restart\(\) begins"):
        use(app)
    app.restart()
    app.settle()
    assert app.ended is None


def test_two_flows_with_one_command_are_refused_at_the_begin() -> None:
    class Twice(Shop):
        def configure_commands(self) -> Any:
            return [{"order": self.order}, {"order": self.close}]

    with pytest.raises(Exception, match="'order' is configured twice"):
        SimulatedApp(Twice)


# Dynamic components


def test_works_come_and_go_with_the_tree() -> None:
    app = SimulatedApp(Growing)
    assert list(app.works) == []
    app.settle()
    assert list(app.works) == ["root.workers.0"]

    app.update("root", wanted=2)
    app.settle()
    assert ("root.workers.1" in app.works, len(app.works)) == (True, 2)
    app.works["root.workers.1"].set(progress=0.5)
    app.update("root", wanted=1)
    app.settle()
    assert list(app.works) == ["root.workers.0"]
    assert app.calls("root.workers.1") == [call(1)], "what it was called with is still known"
    with pytest.raises(SimulationError, match=r"no work 'root.workers.1'; did you mean 'root.workers.0'\?"):
        _ = app.works["root.workers.1"]


# What gets past the methods of tracked containers


class Heap(LightningFlow):
    def __init__(self) -> None:
        self.items = [3]
        self.passes = 0

    def run(self) -> None:
        import heapq

        if not self.passes:
            self.passes = 1
            heapq.heappush(self.items, 1)


def test_state_that_changes_unrecorded_fails_the_test() -> None:
    with pytest.raises(Exception, match=r"root.items changed without being recorded"):
        SimulatedApp(Heap()).settle()


def test_works_of_an_app_are_not_executed_by_passes() -> None:
    class Never(LightningWork):
        def run(self) -> None:
            raise AssertionError("a flow never executes a work")

    class Root(LightningFlow):
        def __init__(self) -> None:
            self.never = Never()

        def run(self) -> None:
            self.never.run()

    app = SimulatedApp(Root())
    app.settle()
    assert app.root.never.is_pending


def test_every_pass_goes_through_step_so_that_a_subclass_can_look_at_each() -> None:
    class Watching(SimulatedApp):
        seen: int = 0

        def step(self, *, commit: bool = True) -> bool:
            self.seen += 1
            return super().step(commit=commit)

    app = Watching(Counting(bound=2))
    app.settle()
    app.root.bound = 3
    app.advance(seconds=1)
    app.run_works()
    assert (app.seen, app.root.counter) == (4 + 3 + 1, 3)
