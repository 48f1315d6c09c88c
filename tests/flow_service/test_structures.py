"""Components that come and go while the app runs: their works, their runs, their recovery."""

from __future__ import annotations

from typing import Any

import pytest
from flowrpc import Dict, LightningFlow, LightningWork, List
from flowrpc.errors import TreeError
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
