"""The shapes in which a flow shows its state, inside an app and outside, and how it takes them back."""

from __future__ import annotations

from typing import Any

import pytest
from flowrpc.component import LightningFlow, LightningWork
from flowrpc.component.structures import List
from flowrpc.errors import ComponentError

from tests.flow_service.driver import Driver


class Job(LightningWork):
    def __init__(self) -> None:
        super().__init__(parallel=True)
        self.size = 1

    def run(self) -> None:
        """Is never executed here."""


class Child(LightningFlow):
    def __init__(self) -> None:
        self.label = "a"


class Root(LightningFlow):
    def __init__(self) -> None:
        self.names: list[str] = []
        self.untouched = 0
        self.seen: list[Any] = []
        self.child = Child()
        self.jobs = List(Job())

    def configure_commands(self) -> Any:
        return {"add": self.add}

    def run(self) -> None:
        if self.schedule("hourly"):
            for item in self.iterate(["x", "y"]):
                self.child.label = item

    def add(self, name: str) -> dict[str, Any]:
        self.names.append(name)
        self.names.append("again")
        self.jobs[0].size += 1
        return self.state_with_changes


def test_state_vars_are_the_state_without_calls() -> None:
    assert Root().state_vars == {
        "vars": {"names": [], "untouched": 0, "seen": []},
        "flows": {"child": {"vars": {"label": "a"}, "flows": {}, "works": {}, "structures": {}}},
        "works": {},
        "structures": {"jobs": {"flows": {}, "works": {"0": {"vars": {"size": 1}}}, "structures": {}}},
    }


def test_state_with_changes_tells_what_the_transition_changed_so_far() -> None:
    driver = Driver(Root)
    driver.settle()

    shown = driver.call("add", name="me").result

    assert shown["changes"] == {"names": ["me", "again"]}
    assert shown["structures"]["jobs"]["works"]["0"]["changes"] == {"size": 2}
    assert shown["flows"]["child"]["changes"] == {}


def test_changes_of_an_earlier_transition_are_not_told() -> None:
    driver = Driver(Root)
    driver.settle()
    driver.call("add", name="me")
    assert driver.root.state["changes"] == {}
    assert driver.call("add", name="you").result["changes"] == {"names": ["me", "again", "you", "again"]}


def test_outside_of_an_app_nothing_is_recorded() -> None:
    root = Root()
    root.names.append("me")
    assert root.state_with_changes["changes"] == {}
    assert root.jobs[0].state_with_changes == {"vars": {"size": 1}, "calls": {}, "changes": {}}


def test_set_state_brings_schedules_and_loops_along() -> None:
    driver = Driver(Root)
    driver.settle()
    driver.advance(10)
    kept = driver.root.state
    assert set(kept["calls"]) == {"scheduling", "experimental_iterate:Root.run#1"}

    fresh = Root()
    fresh.set_state(kept)

    assert fresh.state == kept
    assert fresh.state_dict()["calls"] == kept["calls"]


def test_a_schedule_that_set_state_brings_wakes_the_loop() -> None:
    source = Driver(Root)
    source.settle()
    kept = source.root.state

    class Taker(Root):
        def configure_commands(self) -> Any:
            return {"take": lambda: self.set_state(kept)}

        def run(self) -> None:
            """Asks for no schedule by itself."""

    driver = Driver(Taker)
    driver.settle()
    driver.call("take")
    assert driver.core.deadline() is not None
    assert driver.root.state["calls"] == kept["calls"]


@pytest.mark.parametrize(
    "calls", [{"scheduling": {"key": {"running": True}}}, {"scheduling": 1}, {"experimental_iterate:k": {}}]
)
def test_calls_that_state_never_gave_are_refused(calls: dict[str, Any]) -> None:
    with pytest.raises(ComponentError, match="root: its calls are none that `state` gave"):
        Root().set_state({"vars": {}, "calls": calls})
