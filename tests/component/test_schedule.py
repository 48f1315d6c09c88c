"""`schedule` in a flow that is in no app, its arguments, and the call sites it is kept under."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flowrpc import LightningFlow
from flowrpc.component import schedule
from flowrpc.component.call_site import call_site
from flowrpc.errors import ComponentError
from flowrpc.state import ChangeLog

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Clock:
    """A clock that tests set."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = NOON
        monkeypatch.setattr(schedule, "real_now", lambda: self.now)

    def at(self, hour: int, minute: int = 0) -> None:
        self.now = NOON.replace(hour=hour, minute=minute)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


class Plain(LightningFlow):
    def due(self, pattern: str = "hourly", **options: Any) -> bool:
        return self.schedule(pattern, **options)


# In no app


def test_outside_of_an_app_an_instant_is_true_once(clock: Clock) -> None:
    flow = Plain()

    assert [flow.due(), flow.due()] == [True, False]
    clock.at(13)
    assert [flow.due(), flow.due()] == [True, False]
    clock.at(15, 30)
    assert [flow.due(), flow.due()] == [True, False]


def test_outside_of_an_app_the_clock_is_the_real_one() -> None:
    before = datetime.now(UTC)

    assert Plain().due()

    assert before <= schedule.real_now() <= datetime.now(UTC)


def test_the_state_shows_it(clock: Clock) -> None:
    flow = Plain()
    flow.due(user_key="mine")

    assert flow.state["calls"]["scheduling"] == {
        "user_key mine": {
            "running": False,
            "cron_pattern": "hourly",
            "timezone": "UTC",
            "start_time": NOON.isoformat(),
            "due": (NOON + timedelta(hours=1)).isoformat(),
            "behind": 0,
            "name": "root",
        }
    }
    assert flow.state["vars"] == {}


def test_a_call_that_changes_nothing_records_nothing(clock: Clock) -> None:
    flow = Plain()
    flow.due()
    log = flow.__dict__["_log"] = ChangeLog()

    assert not flow.due()
    assert log.entries == []


# Arguments


@pytest.mark.parametrize("zone", ["Europe/Berlin", ZoneInfo("Europe/Berlin"), timezone(timedelta(hours=1))])
def test_a_zone_is_a_name_or_an_object(clock: Clock, zone: str | tzinfo) -> None:
    flow = Plain()
    flow.due("0 14 * * *", timezone=zone)

    clock.at(12, 59)
    assert not flow.due("0 14 * * *", timezone=zone)
    clock.at(13)
    assert flow.due("0 14 * * *", timezone=zone)


def test_a_start_without_a_zone_is_read_in_that_of_the_schedule(clock: Clock) -> None:
    flow = Plain()
    start = datetime(2026, 3, 1, 16)  # noqa: DTZ001  # that is the point
    options: dict[str, Any] = {"start_time": start, "timezone": "Europe/Berlin"}
    flow.due(**options)

    clock.at(14, 59)
    assert not flow.due(**options)
    clock.at(15)
    assert flow.due(**options)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"cron_pattern": "x"}, "root.schedule: bad cron pattern 'x': write five fields"),
        ({"cron_pattern": 5}, "root.schedule: a cron pattern is a text, not int"),
        ({"timezone": "Mars/Olympus"}, "root.schedule: no time zone 'Mars/Olympus'"),
        ({"timezone": "../etc/passwd"}, "root.schedule: no time zone"),
        ({"start_time": "2026-03-01"}, "root.schedule: start_time is a datetime, not str"),
        ({"catch_up": "some"}, "root.schedule: no catch_up 'some'; it is one of none, latest, all"),
    ],
)
def test_bad_arguments_are_refused_at_the_call(arguments: dict[str, Any], message: str) -> None:
    flow: Any = LightningFlow()

    with pytest.raises(ComponentError) as caught:
        flow.schedule(**{"cron_pattern": "hourly"} | arguments)

    assert message in str(caught.value)
    assert flow.state["calls"] == {}


def test_keys_that_are_always_new_are_refused_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "MAX_SCHEDULES", 2)
    flow = Plain()
    for key in "ab":
        flow.due(user_key=key)

    with pytest.raises(ComponentError, match="root has 2 schedules and gets another one, 'user_key c'"):
        flow.due(user_key="c")


def test_a_pattern_that_has_no_further_instant_stays_false(clock: Clock) -> None:
    flow = Plain()
    clock.now = datetime(9999, 12, 31, 23, 30, tzinfo=UTC)

    assert [flow.due(), flow.due()] == [True, False]


# Call sites


class Sites:
    def method(self, *_: Any) -> str:
        return call_site(sys._getframe(1), "method")


def test_call_sites_are_counted_in_their_function() -> None:
    sites = Sites()

    def first() -> list[str]:
        return [sites.method(), sites.method()]

    def second() -> list[str]:
        return [sites.method() for _ in range(2)]

    place = "test_call_sites_are_counted_in_their_function.<locals>"
    assert first() == [f"{place}.first#1", f"{place}.first#2"]
    assert len(set(second())) == 1


def test_edits_that_add_no_call_change_no_call_site() -> None:
    def before(sites: Sites) -> str:
        return sites.method()

    def after(sites: Sites) -> str:
        for number in range(3):
            str(number).strip()
        print_nothing = "".join(str(n) for n in range(3))
        return sites.method(print_nothing, [n for n in range(3) if n])

    assert before(Sites()).rpartition("#")[2] == after(Sites()).rpartition("#")[2] == "1"
