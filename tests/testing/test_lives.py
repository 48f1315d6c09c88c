"""Lives: what is durable comes back, what was not committed is gone, and newer code takes over."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flowrpc import LightningFlow
from flowrpc.errors import ComponentError
from flowrpc.testing import AppFailed, SimulatedApp, SimulationError

from tests.testing.shop import Growing, Shop, Train


def test_what_is_durable_comes_back_after_a_crash() -> None:
    app = SimulatedApp(Shop)
    app.call("order", epochs=2)
    app.settle()
    before = app.root

    app.crash()
    assert app.root is not before
    assert (app.root.epochs, app.root.status) == ([2], "pending")
    app.works["root.train"].succeed()
    app.settle()
    assert app.root.status == "succeeded"


def test_what_was_not_committed_is_gone_after_a_crash() -> None:
    app = SimulatedApp(Shop)
    app.settle()
    app.root.epochs.append(5)
    assert app.step(commit=False)
    assert (app.root.status, app.vars()["status"]) == ("pending", "waiting")

    app.crash()
    assert (app.root.epochs, app.root.status, app.calls("root.train")) == ([], "waiting", [])


def test_what_a_command_did_survives_a_crash() -> None:
    app = SimulatedApp(Shop)
    app.call("order")

    app.crash()
    assert app.root.epochs == [3]


def test_a_run_that_was_under_way_is_made_again_with_the_vars_of_before() -> None:
    app = SimulatedApp(Shop)
    app.call("order")
    app.settle()
    app.works["root.train"].set(progress=0.5, steps=[1, 2])

    app.crash()
    assert (app.root.train.progress, app.root.train.steps) == (0.0, [])
    app.works["root.train"].succeed()
    assert app.runs()[0].attempt == 2


def test_a_run_that_succeeded_is_not_made_again() -> None:
    app = SimulatedApp(Shop)
    app.call("order")
    app.settle()
    app.works["root.train"].succeed()

    for begin in (app.crash, app.restart):
        begin()
        app.settle()
        assert (len(app.calls("root.train")), app.root.status) == (1, "succeeded")


def test_failed_calls_run_again_after_an_app_that_failed() -> None:
    app = SimulatedApp(Shop)
    app.call("order")
    app.settle()
    app.works["root.train"].fail("boom")
    with pytest.raises(AppFailed):
        app.settle()

    app.restart()
    app.settle()
    app.works["root.train"].succeed()
    app.settle()
    assert (app.root.status, len(app.calls("root.train"))) == ("succeeded", 2)


def test_a_schedule_that_came_due_meanwhile_fires_once() -> None:
    app = SimulatedApp(Shop)
    app.settle()

    app.restart(down_for=timedelta(hours=5, minutes=1))
    app.settle()
    assert app.root.hours == 2
    app.crash(down_for=timedelta(minutes=59))
    app.settle()
    assert app.root.hours == 3


def test_dynamic_works_are_built_again() -> None:
    app = SimulatedApp(Growing)
    app.update("root", wanted=3)
    app.settle()
    app.works["root.workers.2"].set(progress=0.5).succeed()

    app.crash()
    assert list(app.works) == [f"root.workers.{number}" for number in range(3)]
    assert app.root.workers[2].progress == 0.5


class Version1(LightningFlow):
    def __init__(self) -> None:
        self.names = "a,b"
        self.gone = 1

    def run(self) -> None:
        pass


class Version2(LightningFlow):
    def __init__(self) -> None:
        self.names: list[str] = []

    def run(self) -> None:
        pass

    def load_state_dict(
        self, flow_state: dict[str, Any], children_states: dict[str, Any], strict: bool = True
    ) -> None:
        names = flow_state["vars"].pop("names")
        flow_state["vars"].pop("gone", None)
        self.names = names.split(",") if isinstance(names, str) else names
        super().load_state_dict(flow_state, children_states, strict)


@pytest.mark.parametrize("how", ["restart", "crash"])
def test_newer_code_takes_over(how: str) -> None:
    app = SimulatedApp(Version1())
    app.settle()

    getattr(app, how)(Version2)
    app.settle()
    assert app.vars() == {"names": ["a", "b"]}
    app.restart()
    assert (type(app.root), app.vars()) == (Version2, {"names": ["a", "b"]})


def test_code_that_cannot_take_over_is_told() -> None:
    class Broken(Version2):
        def load_state_dict(self, flow_state: Any, children_states: Any, strict: bool = True) -> None:
            raise KeyError("shape")

    app = SimulatedApp(Version1())
    with pytest.raises(ComponentError, match=r"root\.load_state_dict\(\) raised KeyError: 'shape'"):
        app.restart(Broken)
    app.restart(Version2)
    assert app.root.names == ["a", "b"]


def test_a_root_with_arguments_is_built_with_them_again() -> None:
    app = SimulatedApp(Shop(cache_calls=False))
    app.restart()
    assert app.root.train.cache_calls is False


class WithObject(LightningFlow):
    def __init__(self, thing: object) -> None:
        self._thing = thing

    def run(self) -> None:
        pass


def test_a_root_that_cannot_be_built_again_says_so_when_it_has_to() -> None:
    app = SimulatedApp(WithObject(object()))
    app.settle()
    with pytest.raises(
        SimulationError, match=r"WithObject cannot be built again: .*give a function that builds"
    ):
        app.crash()
    kept = SimulatedApp(lambda: WithObject(object()))
    kept.crash()


def test_a_child_that_was_attached_from_outside_is_not_lost_in_silence() -> None:
    root = Version1()
    root.extra = Train()
    app = SimulatedApp(root)

    with pytest.raises(SimulationError, match=r"root\.extra was attached after Version1\(\) was built"):
        app.restart()


def test_revisions_count_over_all_lives() -> None:
    app = SimulatedApp(Shop)
    app.settle()
    app.restart()
    app.crash()

    assert [revision.number for revision in app.revisions] == list(range(1, app.revision + 1))
    assert app.history("root", "hours") == [0, 1]


def test_an_app_that_cannot_begin_leaves_the_store_usable() -> None:
    class Clashing(Version1):
        def configure_commands(self) -> Any:
            return [{"x": self.run}, {"x": self.run}]

    app = SimulatedApp(Version1())
    with pytest.raises(ComponentError, match="configured twice"):
        app.restart(Clashing)
    app.restart(Version1)
    assert app.root.gone == 1
