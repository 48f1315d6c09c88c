"""Components that come and go while the app runs: their works, their runs, their recovery."""

from __future__ import annotations

from typing import Any

import pytest
from flowrpc import Dict, LightningFlow, LightningWork, List
from flowrpc.errors import ComponentError, TreeError
from flowrpc.protocol.messages import StartRun, StopRunner
from flowrpc.state import Set

from tests.flow_service.driver import Driver, FakeAgent


class Job(LightningWork):
    def __init__(self, size: int) -> None:
        super().__init__(parallel=True)
        self.size = size
        self.done = 0

    def run(self, number: int = 0) -> None:
        raise AssertionError("a flow never executes a work")


class Group(LightningFlow):
    def __init__(self, name_: str) -> None:
        self.label = name_
        self.jobs = Dict()

    def run(self) -> None:
        for job in self.jobs.values():
            job.run()


class Root(LightningFlow):
    def __init__(self) -> None:
        self.groups = List()
        self.late: Any = None

    def run(self) -> None:
        for group in self.groups:
            group.run()

    def add_group(self, label: str) -> None:
        self.groups.append(Group(label))

    def add_job(self, group: int, key: str, size: int) -> None:
        self.groups[group].jobs[key] = Job(size)

    def remove_job(self, group: int, key: str) -> None:
        del self.groups[group].jobs[key]

    def replace_job(self, group: int, key: str, size: int) -> None:
        del self.groups[group].jobs[key]
        self.groups[group].jobs[key] = Job(size)

    def remove_group(self, group: int) -> None:
        del self.groups[group]

    def set_late(self) -> None:
        self.late = Group("late")

    def reverse(self) -> None:
        self.groups.reverse()

    def move(self, key: str) -> None:
        job = self.groups[0].jobs.pop(key)
        self.groups[1].jobs[key] = job

    def configure_commands(self) -> Any:
        names = "add_group add_job remove_job replace_job remove_group set_late reverse move"
        return {name: getattr(self, name) for name in names.split()}


@pytest.fixture
def driver() -> Driver:
    driver = Driver(Root)
    driver.call("add_group", label="one")
    driver.call("add_group", label="two")
    driver.call("add_job", group=0, key="a", size=1)
    return driver


def test_a_dynamic_work_runs_like_any_other_and_survives_a_restart(driver: Driver) -> None:
    agent = FakeAgent(driver).attach()
    start = agent.do(Set(("done",), 1))
    assert start.work == "root.groups.0.jobs.a"
    assert start.recipe is not None
    assert start.recipe.args == (1,)

    driver.restart()
    agent = FakeAgent(driver, boot_id="boot-2").attach()
    driver.settle()

    job = driver.root.groups[0].jobs["a"]
    assert (job.size, job.done, job.name, job.has_succeeded) == (1, 1, "root.groups.0.jobs.a", True)
    assert agent.heard(StartRun) == []


def test_a_removed_work_is_stopped_and_forgotten(driver: Driver) -> None:
    agent = FakeAgent(driver).attach()
    agent.take_start()

    driver.call("remove_job", group=0, key="a")

    assert [stop.work for stop in agent.heard(StopRunner)] == ["root.groups.0.jobs.a"]
    assert driver.runs() == []
    assert "root.groups.0.jobs.a" not in driver.replica.components
    driver.restart()
    assert driver.runs() == []
    assert dict(driver.root.groups[0].jobs) == {}


def test_a_work_of_the_same_name_begins_anew(driver: Driver) -> None:
    agent = FakeAgent(driver).attach()
    first = agent.take_start()

    driver.call("replace_job", group=0, key="a", size=2)

    said = [m for m in driver.sent[1] if isinstance(m, StopRunner | StartRun)]
    assert [type(message) for message in said] == [StopRunner, StartRun], "the old process ends first"
    second = agent.take_start()
    assert second.run_id != first.run_id
    assert second.vars["size"] == 2
    agent.finish(second)
    assert driver.root.groups[0].jobs["a"].has_succeeded


def test_removing_a_flow_takes_its_works_along(driver: Driver) -> None:
    agent = FakeAgent(driver).attach()
    agent.take_start()

    driver.call("remove_group", group=0)

    assert [stop.work for stop in agent.heard(StopRunner)] == ["root.groups.0.jobs.a"]
    assert driver.runs() == []
    assert [group.name for group in driver.root.groups] == ["root.groups.1"]


def test_a_moved_work_has_its_new_name_and_its_vars(driver: Driver) -> None:
    FakeAgent(driver).attach().do(Set(("done",), 1))

    driver.call("move", key="a")

    assert driver.vars("root.groups.1.jobs.a") == {"size": 1, "done": 1}
    driver.restart()
    assert driver.root.groups[1].jobs["a"].done == 1


def test_a_var_that_became_a_flow_is_one_after_a_restart(driver: Driver) -> None:
    driver.call("set_late")
    assert "late" not in driver.vars()

    driver.restart()

    assert driver.root.late.label == "late"
    assert "late" not in driver.vars()


def test_order_survives_a_restart(driver: Driver) -> None:
    driver.call("reverse")

    driver.restart()

    assert [group.label for group in driver.root.groups] == ["two", "one"]
    driver.call("add_group", label="three")
    assert [group.name for group in driver.root.groups] == ["root.groups.1", "root.groups.0", "root.groups.2"]


def test_a_dynamic_work_that_could_not_be_built_again_is_refused() -> None:
    class Holding(LightningWork):
        def __init__(self, thing: object) -> None:
            super().__init__()
            self._thing = thing

        def run(self) -> None:
            raise AssertionError

    class Bad(LightningFlow):
        def __init__(self) -> None:
            self.static = Holding(object())
            self.jobs = List()

        def run(self) -> None:
            self.jobs.append(Holding(object()))

    driver = Driver(Bad)
    driver.settle()

    assert driver.exit is not None
    assert driver.exit.failure is not None
    assert driver.exit.failure.type == f"{TreeError.__module__}.TreeError"
    assert "root.jobs.0" in driver.exit.failure.message
    assert "argument 0" in driver.exit.failure.message


class Version1(LightningFlow):
    def __init__(self) -> None:
        self.kept = 1
        self.dropped = "old"
        self.child = Group("child")

    def run(self) -> None:
        pass


class Version2(LightningFlow):
    def __init__(self) -> None:
        self.new = "default"
        self.kept = 0

    def run(self) -> None:
        pass


def test_a_later_version_of_the_code_keeps_what_it_knows_and_reports_the_rest() -> None:
    driver = Driver(Version1)
    driver.settle()

    driver.restart(Version2)

    assert driver.vars() == {"kept": 1, "new": "default"}
    assert driver.core.restored.dropped == {"root": {"dropped": "old"}}
    assert [record.name for record in driver.core.restored.missing] == ["root.child", "root.child.jobs"]
    driver.restart(Version1)
    assert driver.vars()["dropped"] == "old"


class Migrating(LightningFlow):
    """What a later version of Version1 could be."""

    def __init__(self) -> None:
        self.kept = 0
        self.renamed = ""
        self.late: Any = None

    def run(self) -> None:
        pass

    def load_state_dict(self, flow_state: Any, children_states: Any, strict: bool = True) -> None:
        flow_state["vars"]["renamed"] = (
            flow_state["vars"].pop("dropped", flow_state["vars"].get("renamed")).upper()
        )
        if children_states:
            self.late = Group("made by load_state_dict")
            children_states["late"] = children_states.pop("child", children_states.get("late"))
        super().load_state_dict(flow_state, children_states, strict)


def test_load_state_dict_migrates_the_state_of_an_earlier_version() -> None:
    driver = Driver(Version1)
    driver.settle()
    driver.root.child.label = "changed"
    driver.core.wants_pass = True
    driver.settle()

    driver.restart(Migrating)

    assert driver.vars() == {"kept": 1, "renamed": "OLD"}
    assert driver.vars("root.late") == {"label": "changed"}
    assert "root.child" not in driver.replica.components
    driver.restart()
    assert driver.vars("root.late") == {"label": "changed"}


class Recreating(Root):
    """Creates dynamic children itself, as the documentation of load_state_dict shows."""

    def load_state_dict(self, flow_state: Any, children_states: Any, strict: bool = True) -> None:
        if "groups.0" in children_states:
            self.groups.append(Group("made by hand"))
        super().load_state_dict(flow_state, children_states, strict)


def test_children_that_load_state_dict_makes_are_not_built_again_and_the_others_are() -> None:
    driver = Driver(Recreating)
    for label in ("one", "two"):
        driver.call("add_group", label=label)
    driver.call("add_job", group=0, key="a", size=1)
    first = driver.root.groups[0]

    driver.restart()

    assert [group.label for group in driver.root.groups] == ["one", "two"]
    assert driver.root.groups[0] is not first
    assert list(driver.root.groups[0].jobs) == ["a"]
    assert driver.root.groups[0].jobs["a"].size == 1


def test_a_load_state_dict_that_raises_loses_nothing() -> None:
    class Raising(Version1):
        def load_state_dict(self, flow_state: Any, children_states: Any, strict: bool = True) -> None:
            raise KeyError("forgot")

    driver = Driver(Version1)
    driver.settle()

    with pytest.raises(ComponentError, match=r"root\.load_state_dict\(\) raised KeyError: 'forgot'"):
        driver.restart(Raising)
    driver.restart(Version1)

    assert driver.vars()["kept"] == 1


def test_a_strict_load_names_the_child_that_is_missing() -> None:
    root = Root()
    states = {"groups.0": {"vars": {"label": "x"}}}

    with pytest.raises(
        ValueError, match=r"The component groups\.0 wasn't instantiated for the component root"
    ):
        root.load_state_dict(root.state_dict(), states)
    root.load_state_dict(root.state_dict(), states, strict=False)
    root.groups.append(Group("y"))
    root.load_state_dict(root.state_dict(), states)
    assert root.groups[0].label == "x"
