"""Schedules in an app: what wakes the flow, what an instant is consumed by, and what survives."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flowrpc import LightningFlow, LightningWork, List
from flowrpc.flow_service.schedules import MAX_WAIT_SECONDS
from flowrpc.protocol.messages import Beat, StartRun
from flowrpc.state.records import AppStage
from flowrpc_client.nested import nest

from tests.flow_service.driver import BEGIN, Driver, FakeAgent

HOUR = 3600.0
REFERENCE = Path(__file__).parents[2] / "docs/reference"


class Scheduled(LightningFlow):
    """Notes in which passes a schedule is true."""

    def __init__(self, pattern: str = "hourly", **options: Any) -> None:
        self.fired: list[str] = []
        self.switch = True
        self._pattern = pattern
        self._options = options

    def run(self) -> None:
        if self.switch and self.schedule(self._pattern, **self._options):
            self.fired.append(self._context.now().strftime("%d %H:%M:%S"))

    def turn(self, to: bool) -> None:
        self.switch = to

    def configure_commands(self) -> Any:
        return {"turn": self.turn}


class Job(LightningWork):
    def run(self, number: int = 0) -> None: ...


class Behind(LightningFlow):
    """Comes to its schedule when a work is done, which a command asks for."""

    def __init__(self, catch_up: Any = "latest") -> None:
        self.job = Job()
        self.number = 0
        self.fired = 0
        self._catch_up = catch_up

    def run(self) -> None:
        if self.number:
            self.job.run(self.number)
        if self.schedule("hourly", catch_up=self._catch_up):
            self.fired += 1

    def ask(self) -> None:
        self.number += 1

    def configure_commands(self) -> Any:
        return {"ask": self.ask}


class Dag(LightningFlow):
    def __init__(self) -> None:
        self.job = Job()

    def run(self) -> None:
        self.job.run()


class Dags(LightningFlow):
    """Makes a flow under the condition and runs it outside of it, where it waits."""

    def __init__(self) -> None:
        self.dags = List()

    def run(self) -> None:
        if self.schedule("hourly"):
            self.dags.append(Dag())
        for dag in self.dags:
            dag.run()


def at(driver: Driver, hour: int, minute: int = 0, second: int = 0, day: int = 1) -> None:
    """Sets the clock forward to a time of day and lets the core see it."""
    goal = BEGIN.replace(day=day, hour=hour, minute=minute, second=second)
    driver.advance((goal - BEGIN).total_seconds() - driver.clock)


def meanwhile(agent: FakeAgent, hour: int, minute: int = 0) -> None:
    """Sets the clock forward while a work runs."""
    driver = agent.driver
    driver.clock = (BEGIN.replace(hour=hour, minute=minute) - BEGIN).total_seconds()
    agent.say(Beat(number=1))
    driver.advance(0)


def started(make_root: Any) -> Driver:
    """Begins an app at 12:16:40 and runs its first passes."""
    driver = Driver(make_root, audit=True)
    driver.settle()
    return driver


def kept(driver: Driver, name: str = "root") -> dict[str, Any]:
    """Returns the one schedule of a flow."""
    ((_, schedule),) = driver.replica.components[name].vars["_schedules"].items()  # type: ignore[union-attr]
    assert isinstance(schedule, dict)
    return schedule


# When it is true


def test_it_is_true_at_its_first_call_and_then_once_for_each_instant() -> None:
    driver = started(Scheduled)

    at(driver, 12, 59, 59)
    at(driver, 13)
    at(driver, 13, 30)
    at(driver, 14, 0, 1)

    assert driver.vars()["fired"] == ["01 12:16:40", "01 13:00:00", "01 14:00:01"]


def test_a_flow_with_nothing_due_does_not_run() -> None:
    driver = started(Scheduled)
    passes = driver.passes

    at(driver, 12, 30)
    at(driver, 12, 59, 59)

    assert driver.passes == passes


def test_every_call_in_the_pass_of_an_instant_is_true() -> None:
    class Asking(LightningFlow):
        def __init__(self) -> None:
            self.answers: list[bool] = []

        def run(self) -> None:
            answers = [self.schedule("hourly", user_key="k", catch_up="all") for _ in range(2)]
            if any(answers):
                self.answers += answers

    driver = started(Asking)
    at(driver, 14)
    at(driver, 14, 1)

    assert driver.vars()["answers"] == [True] * 2 * 3, "in each of three passes"


def test_the_loop_is_woken_at_the_instant_and_looks_at_the_clock_before() -> None:
    driver = started(Scheduled)
    driver.core.tick(driver.now)
    assert driver.core.deadline() == driver.clock + MAX_WAIT_SECONDS

    at(driver, 12, 59, 40)

    assert driver.core.deadline() == pytest.approx(driver.clock + 20)


def test_an_app_without_schedules_is_never_woken() -> None:
    driver = started(LightningFlow)

    driver.advance(HOUR)

    assert driver.core.deadline() is None


def test_an_instant_that_no_call_asks_for_wakes_the_loop_once() -> None:
    driver = started(Scheduled)
    driver.call("turn", to=False)
    passes = driver.passes

    at(driver, 13)
    at(driver, 13, 0, 1)

    assert (driver.passes, driver.core.deadline()) == (passes + 1, None)
    assert driver.vars()["fired"] == ["01 12:16:40"]


def test_an_instant_that_no_call_asked_for_fires_at_the_next_call() -> None:
    driver = started(Scheduled)
    driver.call("turn", to=False)
    at(driver, 13)

    at(driver, 13, 20)
    driver.call("turn", to=True)
    at(driver, 14)

    assert driver.vars()["fired"] == ["01 12:16:40", "01 13:20:00", "01 14:00:00"]


# Passes that wait


def test_a_pass_that_waits_after_the_call_has_consumed_the_instant() -> None:
    driver = started(Dags)
    agent = FakeAgent(driver).attach()
    assert len(driver.root.dags) == 1

    agent.do()
    meanwhile(agent, 13)
    meanwhile(agent, 13, 10)

    assert len(driver.root.dags) == 2
    assert not kept(driver)["running"]


@pytest.mark.parametrize(("catch_up", "fired"), [("none", 0), ("latest", 1), ("all", 2)])
def test_passes_that_wait_before_the_call_lose_the_instant_by_the_policy_only(
    catch_up: str, fired: int
) -> None:
    driver = started(lambda: Behind(catch_up))
    agent = FakeAgent(driver).attach()
    driver.call("ask")
    start = agent.take_start()
    meanwhile(agent, 13)
    meanwhile(agent, 14, 5)
    assert driver.vars()["fired"] == 1

    agent.finish(start)
    for _ in range(3):
        driver.advance(0)

    assert driver.vars()["fired"] == 1 + fired


def test_an_instant_that_a_pass_waited_over_fires_after_a_restart() -> None:
    driver = started(Behind)
    agent = FakeAgent(driver).attach()
    driver.call("ask")
    agent.take_start()
    meanwhile(agent, 13)

    driver.restart()
    driver.settle()
    FakeAgent(driver, session=2, boot_id="boot-2").attach().do()

    assert driver.vars()["fired"] == 2


def test_a_pass_that_stops_the_app_consumes_its_instant() -> None:
    class Stopping(LightningFlow):
        def run(self) -> None:
            if self.schedule("hourly"):
                self.stop("enough")

    driver = started(Stopping)
    assert driver.exit is not None
    assert driver.exit.stage is AppStage.STOPPED

    driver.restart()
    driver.settle()

    assert driver.exit is None


def test_a_pass_that_was_lost_consumes_nothing() -> None:
    driver = started(Scheduled)
    driver.clock += HOUR
    driver.core.tick(driver.now)
    driver.run_pass()
    assert len(driver.root.fired) == 2

    driver.restart()
    driver.settle()

    assert driver.vars()["fired"] == ["01 12:16:40", "01 13:16:40"]


# Commands


class Commanded(LightningFlow):
    def __init__(self) -> None:
        self.fired = 0

    def ask(self, fail: bool) -> None:
        if self.schedule("hourly"):
            self.fired += 1
        if fail:
            raise ValueError("no")

    def configure_commands(self) -> Any:
        return {"ask": self.ask}


def test_a_command_that_raises_consumes_nothing() -> None:
    driver = started(Commanded)
    driver.call("ask", fail=True)
    driver.call("ask", fail=False)
    driver.call("ask", fail=False)
    assert driver.vars()["fired"] == 1

    at(driver, 13)
    driver.call("ask", fail=True)
    driver.call("ask", fail=False)

    assert driver.vars()["fired"] == 2


# Restarts and missed instants


def test_a_schedule_goes_on_after_a_restart() -> None:
    driver = started(Scheduled)

    driver.restart()
    driver.settle()
    assert driver.vars()["fired"] == ["01 12:16:40"]
    at(driver, 13)

    assert driver.vars()["fired"] == ["01 12:16:40", "01 13:00:00"]


@pytest.mark.parametrize(
    ("catch_up", "firings"),
    [("none", []), ("latest", ["01 15:16:40"]), ("all", ["01 15:16:40"] * 3)],
)
def test_instants_missed_while_the_app_was_down_follow_the_policy(catch_up: str, firings: list[str]) -> None:
    driver = started(lambda: Scheduled(catch_up=catch_up))

    driver.clock += 3 * HOUR
    driver.restart()
    for _ in range(5):
        driver.advance(0)
    at(driver, 16)

    assert driver.vars()["fired"] == ["01 12:16:40", *firings, "01 16:00:00"]


def test_without_catching_up_an_instant_met_within_a_minute_fires() -> None:
    driver = started(lambda: Scheduled(catch_up="none"))

    driver.clock = (BEGIN.replace(hour=13, second=50) - BEGIN).total_seconds()
    driver.restart()
    driver.settle()

    assert driver.vars()["fired"] == ["01 12:16:40", "01 13:00:50"]


def test_catching_up_with_all_is_bounded_by_the_newest() -> None:
    driver = started(lambda: Scheduled("* * * * *", catch_up="all"))

    driver.clock += 3_000 * 60
    driver.restart()
    while driver.core.wants_pass:
        driver.run_pass()
    driver.commit()

    assert len(driver.vars()["fired"]) == 1 + 1_000  # type: ignore[arg-type]
    assert kept(driver)["due"] == (driver.now.wall + timedelta(seconds=20)).isoformat()


@pytest.mark.parametrize(("catch_up", "count"), [("none", 1), ("latest", 1), ("all", 3)])
def test_a_start_in_the_past_follows_the_policy(catch_up: str, count: int) -> None:
    start = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
    driver = started(lambda: Scheduled(catch_up=catch_up, start_time=start))
    for _ in range(5):
        driver.advance(0)

    assert len(driver.vars()["fired"]) == count  # type: ignore[arg-type]
    assert kept(driver)["start_time"] == start.isoformat()


def test_before_a_start_in_the_future_only_the_first_call_is_true() -> None:
    start = datetime(2026, 3, 1, 15, tzinfo=UTC)
    driver = started(lambda: Scheduled(start_time=start))

    at(driver, 14)
    at(driver, 15)

    assert driver.vars()["fired"] == ["01 12:16:40", "01 15:00:00"]


# Clocks


def test_a_clock_set_forward_follows_the_policy() -> None:
    driver = started(Scheduled)

    at(driver, 18, 30)
    at(driver, 19)

    assert driver.vars()["fired"] == ["01 12:16:40", "01 18:30:00", "01 19:00:00"]


def test_a_clock_set_back_fires_nothing_twice() -> None:
    driver = started(Scheduled)
    at(driver, 13)

    driver.advance(-2 * HOUR)
    at(driver, 13, 30)
    assert driver.vars()["fired"] == ["01 12:16:40", "01 13:00:00"]
    at(driver, 14)

    assert driver.vars()["fired"] == ["01 12:16:40", "01 13:00:00", "01 14:00:00"]


def test_an_instant_that_no_call_met_because_the_clock_was_set_back_comes_again() -> None:
    driver = started(Scheduled)
    at(driver, 12, 59)
    driver.clock += 60
    driver.core.tick(driver.now)
    driver.clock -= 30
    driver.settle()
    assert driver.vars()["fired"] == ["01 12:16:40"]

    driver.advance(0)
    at(driver, 13)

    assert driver.vars()["fired"] == ["01 12:16:40", "01 13:00:00"]


def test_the_pattern_is_read_in_its_zone() -> None:
    driver = started(lambda: Scheduled("30 14 * * *", timezone="Europe/Berlin"))

    at(driver, 13, 30)

    assert driver.vars()["fired"] == ["01 12:16:40", "01 13:30:00"]


# Whose schedule it is


class Sites(LightningFlow):
    """Two instances of one class, with two schedules of one pattern each."""

    def __init__(self) -> None:
        self.first = 0
        self.second = 0

    def run(self) -> None:
        if self.schedule("hourly"):
            self.first += 1
        if self.schedule("hourly"):
            self.second += 1


class Twins(LightningFlow):
    def __init__(self) -> None:
        self.a = Sites()
        self.b = Sites()

    def run(self) -> None:
        self.a.run()
        self.b.run()


def test_neither_two_instances_nor_two_calls_share_a_schedule() -> None:
    driver = started(Twins)

    at(driver, 13)

    for name in ("root.a", "root.b"):
        assert driver.vars(name) == {"first": 2, "second": 2}


def test_a_new_pattern_under_a_user_key_takes_effect_and_fires_nothing() -> None:
    driver = started(lambda: Scheduled(user_key="mine"))

    driver.restart(lambda: Scheduled("30 * * * *", user_key="mine"))
    driver.settle()
    at(driver, 12, 30)

    assert driver.vars()["fired"] == ["01 12:16:40", "01 12:30:00"]
    assert kept(driver)["cron_pattern"] == "30 * * * *"


def test_a_flow_that_comes_later_has_its_schedules_and_takes_them_along() -> None:
    class Growing(LightningFlow):
        def __init__(self) -> None:
            self.flows_ = List()

        def run(self) -> None:
            for flow in self.flows_:
                flow.run()

        def grow(self) -> None:
            self.flows_.append(Sites())

        def shrink(self) -> None:
            self.flows_.pop()

        def configure_commands(self) -> Any:
            return {"grow": self.grow, "shrink": self.shrink}

    driver = started(Growing)
    driver.call("grow")
    driver.call("grow")
    at(driver, 13)
    driver.call("shrink")
    passes = driver.passes

    assert driver.vars("root.flows_.0") == {"first": 2, "second": 2}
    driver.core.tick(driver.now)
    assert driver.core.deadline() is not None
    driver.call("shrink")
    assert driver.core.deadline() is None
    at(driver, 14)
    assert driver.passes <= passes + 2, "nothing wakes the loop for schedules that are gone"


# What is shown


def test_the_state_shows_schedules_as_apps_know_it() -> None:
    driver = started(Behind)

    expected = {
        "Behind.run#1 hourly": {
            "running": False,
            "cron_pattern": "hourly",
            "timezone": "UTC",
            "start_time": "2026-03-01T12:16:40+00:00",
            "due": "2026-03-01T13:00:00+00:00",
            "behind": 0,
            "name": "root",
        }
    }
    assert driver.root.state["calls"] == {"scheduling": expected}
    assert nest(driver.replica.components.values(), [])["calls"] == {"scheduling": expected}
    assert driver.vars() == {"number": 0, "fired": 1}


def test_the_example_of_the_reference_does_what_it_says() -> None:
    code = (REFERENCE / "schedule.md").read_text().partition("```python\n")[2].partition("```")[0]
    names: dict[str, Any] = {"__name__": __name__}
    exec(compile(code, "schedule.md", "exec"), names)
    driver = started(names["Nightly"])
    agent = FakeAgent(driver).attach()
    agent.do()
    assert driver.vars() == {"due": 1, "reports": 1}

    driver.clock = (BEGIN.replace(day=2, hour=1, minute=59) - BEGIN).total_seconds()
    agent.say(Beat(number=1))
    assert not agent.heard(StartRun)
    driver.clock += 60
    agent.say(Beat(number=2))
    driver.advance(0)
    agent.do()

    assert driver.vars() == {"due": 2, "reports": 2}
