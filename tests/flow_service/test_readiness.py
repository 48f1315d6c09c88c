"""Readiness in the core: when the root is asked, what is told, and what its code may do."""

from __future__ import annotations

import logging

import pytest
from flowrpc.component import LightningFlow, LightningWork, List
from flowrpc.component.app import WorkRoot
from flowrpc.flow_service.effects import Effect, ReadyChanged

from tests.flow_service.driver import Driver, FakeAgent


class Watching(Driver):
    """A driver that notes what is told of readiness."""

    def _begin(self) -> None:
        self.told: list[tuple[str, ...]] = []
        super()._begin()

    def carry_out(self, effects: list[Effect]) -> None:
        self.told += [effect.unready for effect in effects if isinstance(effect, ReadyChanged)]
        super().carry_out(effects)


class Child(LightningFlow):
    def __init__(self) -> None:
        self.loaded = False

    @property
    def ready(self) -> bool:
        return self.loaded


class Root(LightningFlow):
    def __init__(self) -> None:
        self.children = List()
        self.asked = 0
        self.count = 0

    def run(self) -> None:
        if self.count:
            self.count -= 1

    def add(self) -> None:
        self.children.append(Child())

    def load(self, loaded: bool = True) -> None:
        for child in self.children:
            child.loaded = loaded

    def remove(self) -> None:
        self.children.clear()

    def spin(self) -> None:
        self.count = 100

    def configure_commands(self) -> dict[str, object]:  # type: ignore[override]
        return {"add": self.add, "load": self.load, "remove": self.remove, "spin": self.spin}


class Looks(Root):
    """Runs code of a test when it is asked."""

    asks = 0

    @property
    def ready(self) -> bool:
        Looks.asks += 1
        return self.look()

    def look(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def none_asked() -> None:
    Looks.asks = 0


def test_without_a_word_of_its_own_an_app_is_ready_from_the_first_revision() -> None:
    driver = Watching(Root)
    driver.call("spin")

    assert driver.told == [()]


def test_what_is_not_ready_is_named_and_each_change_told_once() -> None:
    driver = Watching(Root)
    driver.call("add")
    driver.call("add")
    driver.call("load")
    driver.call("load")
    driver.call("load", loaded=False)

    assert driver.told == [
        (),
        ("root.children.0",),
        ("root.children.0", "root.children.1"),
        (),
        ("root.children.0", "root.children.1"),
    ]


def test_what_is_gone_does_not_count_any_more() -> None:
    driver = Watching(Root)
    driver.call("add")
    driver.call("remove")

    assert driver.told == [(), ("root.children.0",), ()]


def test_only_the_first_flows_are_named() -> None:
    driver = Watching(Root)
    for _ in range(25):
        driver.call("add")

    assert len(driver.told[-1]) == 20


def test_it_is_asked_at_revisions_and_not_in_each_pass() -> None:
    driver = Watching(Looks)
    before = Looks.asks, driver.passes
    driver.call("spin")

    assert driver.passes - before[1] > 100
    assert Looks.asks - before[0] <= 3


def test_a_change_that_no_revision_shows_is_seen_too() -> None:
    class Quiet(Looks):
        def run(self) -> None:
            self._loaded = True

        def look(self) -> bool:
            return hasattr(self, "_loaded")

    driver = Watching(Quiet)
    assert driver.told == [("root",)]
    driver.settle()
    assert driver.told == [("root",), ()]


def test_what_is_not_durable_is_not_told() -> None:
    driver = Watching(Root)
    driver.settle()
    driver.root.add()
    driver.core.seal(driver.now)

    assert not any(isinstance(effect, ReadyChanged) for effect in driver.core.take_effects())


def test_an_exception_counts_as_not_ready_and_is_logged_when_it_is_news(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Raises(Looks):
        def look(self) -> bool:
            if self.count:
                raise ValueError(f"count is {self.count}")
            return True

    driver = Watching(Raises)
    with caplog.at_level(logging.ERROR):
        for count in (3, 2):
            driver.root.count = count
            driver.commit()
    assert driver.told == [(), ("root",)]
    (record,) = caplog.records
    assert "root.ready raised, it counts as not ready: Traceback" in record.getMessage()
    assert "ValueError: count is 3" in record.getMessage()
    driver.root.count = 0
    driver.commit()
    driver.root.count = 1
    driver.commit()
    assert driver.told == [(), ("root",), (), ("root",)]
    assert len(caplog.records) == 2


@pytest.mark.parametrize("how", ["var", "child", "schedule", "iterate", "run", "stop"])
def test_it_may_only_look(how: str, caplog: pytest.LogCaptureFixture) -> None:
    class Job(LightningWork):
        def run(self) -> None:
            pass

    class Meddles(Looks):
        def __init__(self) -> None:
            super().__init__()
            self.job = Job()

        def look(self) -> bool:
            match how:
                case "var":
                    self.asked += 1
                case "child":
                    self.children.append(Child())
                case "schedule":
                    self.schedule("hourly")
                case "iterate":
                    list(self.iterate([1, 2]))
                case "run":
                    self.job.run()
                case "stop":
                    self.stop("never")
            return how == "iterate"  # which records nothing before its transition ends

    driver = Watching(Meddles)
    driver.settle()
    before = driver.replica.components["root"].vars

    driver.call("spin")

    assert driver.told == [() if how == "iterate" else ("root",)]
    assert driver.exit is None
    assert driver.runs() == []
    assert {**before, "count": 0} == driver.replica.components["root"].vars
    assert len(driver.root.children) == 0
    messages = [record.getMessage() for record in caplog.records]
    assert sum("root.ready" in message for message in messages) == (how != "iterate")


def test_an_app_of_a_job_is_ready_once_an_agent_has_begun_it() -> None:
    class Job(LightningWork):
        def run(self) -> None:
            pass

    driver = Watching(lambda: WorkRoot(Job()))
    agent = FakeAgent(driver).attach()
    driver.settle()
    assert driver.told == [("root",)]
    start = agent.take_start()
    assert driver.told == [("root",), ()]
    agent.finish(start)
    assert driver.exit is not None
    assert driver.told == [("root",), ()]
