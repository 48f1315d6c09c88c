"""The manual clock: schedules, timeouts and pauses pass on it, each at its time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from flowrpc import LightningFlow
from flowrpc.testing import SimulatedApp, SimulationError

from tests.testing.shop import RETRY, Shop

NOON = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


class Clocked(LightningFlow):
    """Notes when a schedule was True."""

    def __init__(self, pattern: str = "hourly", **options: Any) -> None:
        self.pattern = pattern
        self.options = options
        self.fired: list[str] = []

    def run(self) -> None:
        if self.schedule(self.pattern, **self.options):
            assert self._context is not None
            self.fired.append(self._context.now().isoformat())


def times(app: SimulatedApp) -> list[str]:
    return [datetime.fromisoformat(fired).strftime("%d %H:%M:%S.%f")[:-4] for fired in app.root.fired]


def test_a_schedule_fires_at_each_instant_that_is_passed() -> None:
    app = SimulatedApp(Clocked(), begin=NOON)

    app.advance(hours=3)
    assert times(app) == ["01 12:30:00.00", "01 13:00:00.00", "01 14:00:00.00", "01 15:00:00.00"]
    assert app.now == NOON + timedelta(hours=3)


def test_an_instant_is_met_exactly() -> None:
    app = SimulatedApp(Clocked("*/7 * * * * */3"), begin=NOON)

    app.advance_to(datetime(2026, 3, 1, 12, 35, 6, tzinfo=UTC))
    assert {datetime.fromisoformat(fired).microsecond for fired in app.root.fired} == {0}
    assert times(app)[-1] == "01 12:35:06.00"


def test_nothing_fires_just_before_an_instant() -> None:
    app = SimulatedApp(Clocked(), begin=NOON)

    app.advance(minutes=29, seconds=59, milliseconds=999)
    assert len(app.root.fired) == 1
    app.advance(milliseconds=1)
    assert len(app.root.fired) == 2


def test_a_night_in_another_zone() -> None:
    app = SimulatedApp(Clocked("0 3 * * *", timezone="Europe/Berlin"), begin=NOON)

    app.advance(days=2)
    assert times(app) == ["01 12:30:00.00", "02 02:00:00.00", "03 02:00:00.00"]


def test_the_flow_settles_before_time_passes() -> None:
    app = SimulatedApp(Clocked(), begin=NOON)
    assert app.root.fired == []

    app.advance(seconds=1)
    assert times(app) == ["01 12:30:00.00"]


def test_time_without_passes_is_one_long_pass() -> None:
    app = SimulatedApp(Clocked(), begin=NOON)
    app.settle()

    app.advance(hours=3, settle=False)
    assert len(app.root.fired) == 1
    app.settle()
    assert times(app)[1:] == ["01 15:30:00.00"], "the latest of those missed"


def test_what_comes_next_is_known() -> None:
    app = SimulatedApp(Shop(timeout=timedelta(seconds=20)), begin=NOON)
    app.call("order")
    app.settle()

    assert app.next_due() == NOON + timedelta(minutes=30), "the schedule"
    app.works["root.train"].start()
    assert app.next_due() == NOON + timedelta(seconds=20)


def test_nothing_is_due_in_an_app_without_clocks() -> None:
    class Quiet(LightningFlow):
        def run(self) -> None:
            pass

    app = SimulatedApp(Quiet())
    app.advance(days=10_000)
    assert app.next_due() is None
    assert app.revision == 1


@pytest.mark.parametrize(
    "pause", [timedelta(microseconds=1), timedelta(seconds=1, microseconds=333333), timedelta(days=5)]
)
def test_a_pause_ends_on_time_whatever_its_length(pause: timedelta) -> None:
    from flowrpc import Retry

    retry = Retry(attempts=2, delay=pause, longest=pause)
    app = SimulatedApp(Shop(retry=retry, raise_exception=False))
    app.advance(seconds=1 / 3)
    app.call("order")
    app.settle()
    app.works["root.train"].fail("once")

    if pause > timedelta(microseconds=1):
        app.advance(pause - timedelta(microseconds=1))
        with pytest.raises(SimulationError, match="attempt 1 of its run has failed"):
            app.works["root.train"].succeed()
    app.advance(timedelta(microseconds=2))
    app.works["root.train"].succeed()


def test_advancing_stops_when_the_app_does() -> None:
    class Ending(Clocked):
        def run(self) -> None:
            super().run()
            if len(self.fired) == 3:
                self.stop("late")

    app = SimulatedApp(Ending(), begin=NOON)
    app.advance(hours=10)
    assert app.ended is not None
    assert app.now == NOON.replace(hour=14, minute=0)


# Refusals


def test_time_does_not_go_backwards() -> None:
    app = SimulatedApp(Shop)

    with pytest.raises(
        SimulationError, match=r"time does not go backwards: it is 2026-01-01T00:00:00\+00:00"
    ):
        app.advance(hours=-1)
    with pytest.raises(SimulationError, match="time does not go backwards"):
        app.advance_to(app.now - timedelta(microseconds=1))
    with pytest.raises(SimulationError, match="time does not go backwards"):
        app.restart(down_for=timedelta(seconds=-1))


def test_times_have_zones_and_may_have_any() -> None:
    with pytest.raises(SimulationError, match="has no time zone"):
        SimulatedApp(Shop, begin=datetime(2026, 1, 1))  # noqa: DTZ001
    app = SimulatedApp(Shop, begin=datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=2))))
    assert app.now == datetime(2026, 1, 1, 10, tzinfo=UTC)
    with pytest.raises(SimulationError, match="has no time zone"):
        app.advance_to(datetime(2026, 1, 2))  # noqa: DTZ001


def test_how_far_is_said_once() -> None:
    app = SimulatedApp(Shop)

    with pytest.raises(SimulationError, match="say how far to advance"):
        app.advance()
    with pytest.raises(SimulationError, match="say how far to advance"):
        app.advance(timedelta(hours=1), minutes=1)


def test_retries_of_a_silent_test_come_to_their_end() -> None:
    """Time that passes hour by hour does not disturb what the agent holds."""
    app = SimulatedApp(Shop(retry=RETRY))
    app.call("order")
    app.advance(days=1)

    app.works["root.train"].set(progress=1.0).succeed()
    app.settle()
    assert app.root.seen == 1.0
