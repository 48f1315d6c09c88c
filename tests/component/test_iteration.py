"""`iterate`: loops that go on with the interrupted item."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from flowrpc import LightningFlow, LightningWork
from flowrpc.component import iteration
from flowrpc.errors import ComponentError
from flowrpc.protocol.messages import StartRun

from tests.flow_service.driver import Driver, FakeAgent

REFERENCE = Path(__file__).parents[2] / "docs/reference"


class Job(LightningWork):
    def run(self, *facts: Any) -> None: ...


class Wakeable(LightningFlow):
    """Runs again when it is told to."""

    def __init__(self) -> None:
        self.wake = 0

    def run_again(self) -> None:
        self.wake += 1

    def configure_commands(self) -> Any:
        return {"run_again": self.run_again}


def started(make_root: Any) -> tuple[Driver, FakeAgent]:
    driver = Driver(make_root, audit=True)
    driver.settle()
    return driver, FakeAgent(driver).attach()


def loops(driver: Driver, name: str = "root") -> dict[str, Any]:
    kept = driver.replica.components[name].vars.get("_iterations", {})
    assert isinstance(kept, dict)
    return kept


class Blocking(LightningFlow):
    """Waits for a run for each item."""

    def __init__(self, run_once: bool = True) -> None:
        self.job = Job(cache_calls=False)
        self.done: list[str] = []
        self._begun: list[str] = []
        self._run_once = run_once

    def run(self) -> None:
        for item in self.iterate("abc", run_once=self._run_once):
            self._begun.append(item)
            self.job.run(item)
            self.done.append(item)


def test_a_pass_that_waits_goes_on_with_its_item() -> None:
    driver, agent = started(Blocking)

    for _ in "abc":
        agent.do()

    assert [item for item, _ in groupby(driver.root._begun)] == ["a", "b", "c"]
    assert driver.vars()["done"] == ["a", "b", "c"]


def test_it_goes_on_with_the_interrupted_item_after_a_restart() -> None:
    driver, agent = started(Blocking)
    agent.do()
    assert loops(driver) == {"Blocking.run#1": {"counter": 1, "has_finished": False}}

    driver.restart()
    driver.settle()
    agent = FakeAgent(driver, session=2, boot_id="boot-2").attach()
    agent.do()
    agent.do()

    assert [item for item, _ in groupby(driver.root._begun)] == ["b", "c"]
    assert driver.vars()["done"] == ["a", "b", "c"]


def test_a_loop_that_has_finished_is_over_for_good() -> None:
    driver, agent = started(Blocking)
    for _ in "abc":
        agent.do()

    driver.restart()
    driver.settle()

    assert driver.root._begun == []
    assert loops(driver) == {"Blocking.run#1": {"counter": 3, "has_finished": True}}


def test_a_loop_that_is_not_to_run_once_begins_anew() -> None:
    driver, agent = started(lambda: Blocking(run_once=False))

    for _ in "abca":
        agent.do()

    assert driver.vars()["done"] == ["a", "b", "c", "a"]
    assert loops(driver)["Blocking.run#1"] == {"counter": 1, "has_finished": False}


def test_a_loop_that_begins_anew_and_changes_nothing_lets_the_flow_rest() -> None:
    class Nested(Wakeable):
        def run(self) -> None:
            for _ in self.iterate(range(3), run_once=False):
                list(self.iterate(range(3), run_once=False))

    driver, _ = started(Nested)

    assert driver.passes == 2


class Two(LightningFlow):
    """Two loops in one function."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def run(self) -> None:
        for item in self.iterate("ab"):
            self.done.append(item)
        for item in self.experimental_iterate("cd"):
            self.done.append(item)


def test_two_loops_of_one_function_do_not_clash() -> None:
    driver, _ = started(Two)

    assert driver.vars()["done"] == ["a", "b", "c", "d"]
    assert list(loops(driver)) == ["Two.run#1", "Two.run#2"]


class Grid(LightningFlow):
    """A loop in a loop, in a method of its own; each pair is a run."""

    def __init__(self) -> None:
        self.job = Job()
        self.done: list[str] = []

    def run(self) -> None:
        for row in self.iterate("ab"):
            self.go_through(row)

    def go_through(self, row: str) -> None:
        for column in self.iterate("xy"):
            self.job.run(row + column)
            self.done.append(row + column)


def test_an_inner_loop_runs_for_each_item_of_the_outer_one() -> None:
    driver, agent = started(Grid)

    for _ in range(4):
        agent.do()

    assert driver.vars()["done"] == ["ax", "ay", "bx", "by"]


def test_inner_loops_of_items_that_are_done_are_forgotten() -> None:
    driver, agent = started(Grid)
    for _ in range(3):
        agent.do()
    assert loops(driver) == {
        "Grid.run#1": {"counter": 1, "has_finished": False},
        "Grid.run#1[1]/Grid.go_through#1": {"counter": 1, "has_finished": False},
    }

    driver.restart()
    driver.settle()
    FakeAgent(driver, session=2, boot_id="boot-2").attach().do()

    assert driver.vars()["done"] == ["ax", "ay", "bx", "by"]
    assert loops(driver) == {"Grid.run#1": {"counter": 2, "has_finished": True}}


class Inner(LightningFlow):
    def __init__(self) -> None:
        self.job = Job()
        self.done: list[str] = []

    def run(self, row: str) -> None:
        for column in self.iterate("xy"):
            self.job.run(row + column)
            self.done.append(row + column)


class Outer(LightningFlow):
    """A loop whose inner loop is a child's, of which there are two."""

    def __init__(self) -> None:
        self.first = Inner()
        self.second = Inner()

    def run(self) -> None:
        for row in self.iterate("ab"):
            self.first.run(row)
            self.second.run(row)


def test_loops_of_children_run_for_each_item_and_instances_do_not_clash() -> None:
    driver, agent = started(Outer)

    for _ in range(8):
        agent.do()

    assert driver.vars("root.first")["done"] == ["ax", "ay", "bx", "by"]
    assert driver.vars("root.second")["done"] == ["ax", "ay", "bx", "by"]
    assert loops(driver, "root.first") == {}


def test_an_item_whose_loop_is_left_comes_again() -> None:
    class Leaving(Wakeable):
        def __init__(self) -> None:
            super().__init__()
            self._begun: list[int] = []

        def run(self) -> None:
            for number in self.iterate(range(5)):
                self._begun.append(number)
                if number == self.wake + 1:
                    break

    driver, _ = started(Leaving)
    driver.root._begun.clear()

    driver.call("run_again")

    assert driver.root._begun[:2] == [1, 2]


def test_an_iterable_that_waits_itself_repeats_no_item_that_is_done() -> None:
    class Pulling(LightningFlow):
        def __init__(self) -> None:
            self.job = Job()
            self.done: list[int] = []

        def run(self) -> None:
            for number in self.iterate(self.pages()):
                self.done.append(number)

        def pages(self) -> Iterator[int]:
            for number in range(3):
                self.job.run(number)
                yield number

    driver, agent = started(Pulling)
    for _ in range(3):
        agent.do()

    assert driver.vars()["done"] == [0, 1, 2]


def test_a_command_that_raises_takes_its_loops_back() -> None:
    class Commanded(LightningFlow):
        def __init__(self) -> None:
            self.done: list[str] = []

        def consume(self, until: str) -> None:
            for item in self.iterate("abc"):
                self.done.append(item)
                if item == until:
                    raise ValueError(item)

        def configure_commands(self) -> Any:
            return {"consume": self.consume}

    driver, _ = started(Commanded)

    driver.call("consume", until="b")
    assert (driver.vars()["done"], loops(driver)) == ([], {})
    driver.call("consume", until="")

    assert driver.vars()["done"] == ["a", "b", "c"]


def test_a_loop_kept_over_the_end_of_its_pass_is_refused() -> None:
    class Keeping(Wakeable):
        def run(self) -> None:
            if not hasattr(self, "_kept"):
                self._kept = self.iterate("abc")
            next(self._kept)

    driver, _ = started(Keeping)
    if driver.exit is None:
        driver.call("run_again")

    assert driver.exit is not None
    assert "begin it in each pass anew" in driver.exit.message


def test_what_cannot_be_iterated_is_refused_at_the_call() -> None:
    flow: Any = LightningFlow()

    with pytest.raises(TypeError, match=r"root\.iterate: needs an iterable, found 5"):
        flow.iterate(5)


def test_a_user_key_is_one_loop_wherever_it_is_called() -> None:
    class Keyed(LightningFlow):
        def first(self) -> list[int]:
            return list(self.iterate(range(2), user_key="k"))

        def second(self) -> list[int]:
            return list(self.iterate(range(2), user_key="k"))

    flow = Keyed()

    assert (flow.first(), flow.second()) == ([0, 1], [])


def test_outside_of_an_app_it_goes_on_with_the_interrupted_item() -> None:
    class Plain(LightningFlow):
        def go(self, until: int) -> list[int]:
            seen = []
            for number in self.iterate(range(4)):
                seen.append(number)
                if number == until:
                    break
            return seen

    flow = Plain()

    assert (flow.go(1), flow.go(2), flow.go(9), flow.go(9)) == ([0, 1], [1, 2], [2, 3], [])


def test_the_state_shows_loops_as_apps_know_them() -> None:
    driver, agent = started(Blocking)
    agent.do()

    key = "experimental_iterate:Blocking.run#1"
    expected = {key: {"name": "root", "call_hash": key, "counter": 1, "has_finished": False}}
    assert driver.root.state["calls"] == expected
    assert driver.root.state["vars"] == {"done": ["a"]}


def test_a_key_that_is_always_new_is_refused_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(iteration, "MAX_LOOPS", 3)
    flow: Any = LightningFlow()

    for number in range(3):
        list(flow.iterate("a", user_key=str(number)))

    with pytest.raises(ComponentError, match="root keeps more than 3 loops"):
        list(flow.iterate("a", user_key="another"))


def test_the_example_of_the_reference_does_what_it_says() -> None:
    code = (REFERENCE / "iterate.md").read_text().partition("```python\n")[2].partition("```")[0]
    names: dict[str, Any] = {"__name__": __name__}
    exec(compile(code, "iterate.md", "exec"), names)
    driver, agent = started(names["Sweep"])

    tried: list[Any] = []
    for _ in range(3):
        tried += agent.do().args

    assert driver.vars()["tried"] == tried == [0.1, 0.01, 0.001]
    assert driver.passes > 3
    assert not agent.heard(StartRun)
