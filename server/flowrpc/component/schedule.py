"""Schedules: `self.schedule("hourly")` in a flow, and what the flow keeps of it."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, get_args

from flowrpc.component.cron import Cron
from flowrpc.component.framework_vars import framework_dict
from flowrpc.errors import ComponentError
from flowrpc.state import TrackedDict
from flowrpc.state.flow_calls import SCHEDULES

if TYPE_CHECKING:
    from flowrpc.component.flow import LightningFlow

logger = logging.getLogger(__name__)

CatchUp = Literal["none", "latest", "all"]
"""What becomes of missed instants: nothing, the latest of them fires, or each of them fires in a pass of its own."""
LATE = timedelta(minutes=1)
"""With `catch_up="none"`, an instant that the flow meets later than this is missed."""
MAX_CAUGHT_UP = 1_000
"""With `catch_up="all"`, so many of the newest missed instants fire."""
MAX_SCHEDULES = 1_000
"""So many schedules a flow may have."""


def ask(flow: LightningFlow, key: str, times: Times, catch_up: CatchUp) -> bool:
    """Tells whether a schedule's part of the flow is to run now; that it does is kept until it is `consume`d."""
    now = _now(flow)
    kept: Any = flow.__dict__.get(SCHEDULES, {}).get(key)
    if kept is None:
        _check_room(flow, key)
        kept = times.begin(now, catch_up)
    elif kept["running"]:
        pass  # true is true for the whole pass
    elif not times.made(kept):
        kept = times.made_again(kept, now)
    elif kept["due"] is not None and datetime.fromisoformat(kept["due"]) <= now:
        kept = times.advance(kept, now, catch_up)
    _keep(flow, key, kept)
    if not kept["running"]:
        return False
    if flow._context is None:
        consume(flow, key)
    else:
        flow._context.fired(flow, key)
    return True


def consume(flow: LightningFlow, key: str) -> None:
    """Ends what an instant set off, together with the pass that it was true in."""
    kept = flow.__dict__.get(SCHEDULES, {}).get(key)
    if kept is not None and kept["running"]:
        kept["running"] = False


class Times:
    """When a schedule fires: its pattern, read in a zone, from a time on.

    What a flow keeps of a schedule are the pattern, the zone, `start_time` as it was given first, the next instant that
    is due, whether one is `running`, and how many of the instants that are caught up with are left before they are
    counted again.
    """

    def __init__(self, pattern: str, zone: tzinfo, start_time: datetime | None) -> None:
        """Raises ComponentError if the pattern is none."""
        self._cron = Cron(pattern, zone)
        self._pattern = pattern
        self._zone = str(zone)
        self._start = start_time

    def begin(self, now: datetime, catch_up: CatchUp) -> dict[str, Any]:
        """Returns what a flow keeps of a new schedule: it fires at once, for missed instants if there are any."""
        start = self._start or now
        due = self._cron.from_(start) if self._start else self._cron.after(now)
        kept = {
            "cron_pattern": self._pattern,
            "timezone": self._zone,
            "start_time": start.isoformat(),
            "due": _text(due),
            "running": True,
            "behind": 0,
        }
        if due is not None and due <= now:
            kept = self.advance(kept, now, catch_up)
        return kept | {"running": True}

    def made(self, kept: dict[str, Any]) -> bool:
        """Tells whether what is kept was made by this pattern and zone."""
        return bool(kept["cron_pattern"] == self._pattern and kept["timezone"] == self._zone)

    def made_again(self, kept: dict[str, Any], now: datetime) -> dict[str, Any]:
        """Returns what is kept after the code changed the pattern or the zone: nothing fires because of that."""
        due = _text(self._cron.after(now))
        return {**kept, "cron_pattern": self._pattern, "timezone": self._zone, "due": due, "behind": 0}

    def advance(self, kept: dict[str, Any], now: datetime, catch_up: CatchUp) -> dict[str, Any]:
        """Returns what is kept after an instant came due: which fires, and which is due next."""
        if catch_up == "all":
            return {**kept, "running": True, **self._catch_up(kept, now)}
        recent = self._cron.after(now - LATE)
        fires = catch_up == "latest" or (recent is not None and recent <= now)
        return {**kept, "running": fires, "due": _text(self._cron.after(now)), "behind": 0}

    def _catch_up(self, kept: dict[str, Any], now: datetime) -> dict[str, Any]:
        fires, behind = datetime.fromisoformat(kept["due"]), kept["behind"]
        due = self._cron.after(fires)
        if due is None or due > now:
            return {"due": _text(due), "behind": 0}
        if behind == 0:
            behind = MAX_CAUGHT_UP
            oldest = self._cron.newest(behind, fires, now)
            if oldest > fires:
                logger.warning(
                    "the schedule %r missed more than %d instants; those before %s are skipped",
                    self._pattern,
                    MAX_CAUGHT_UP,
                    oldest.isoformat(),
                )
                due = self._cron.after(oldest)
        return {"due": _text(due), "behind": behind - 1}


def read_times(
    pattern: str, start_time: datetime | None, timezone: str | tzinfo | None, catch_up: str
) -> Times:
    """Returns the times that the arguments of `schedule` mean; a start without a zone is read in the schedule's.

    Raises:
        ComponentError: One of them cannot be read.
    """
    if not isinstance(pattern, str):
        raise ComponentError(f"a cron pattern is a text, not {type(pattern).__name__}")
    if start_time is not None and not isinstance(start_time, datetime):
        raise ComponentError(f"start_time is a datetime, not {type(start_time).__name__}")
    if catch_up not in get_args(CatchUp):
        raise ComponentError(f"no catch_up {catch_up!r}; it is one of {', '.join(get_args(CatchUp))}")
    return _times(pattern, find_zone(timezone), start_time)


@lru_cache(maxsize=256)
def _times(pattern: str, zone: tzinfo, start_time: datetime | None) -> Times:
    if start_time is not None and start_time.tzinfo is None:
        start_time = start_time.replace(tzinfo=zone)
    return Times(pattern, zone, start_time)


def find_zone(timezone: str | tzinfo | None) -> tzinfo:
    """Returns the zone of a name; None is UTC.

    Raises:
        ComponentError: There is no zone of that name.
    """
    if timezone is None:
        return UTC
    if isinstance(timezone, tzinfo):
        return timezone
    from zoneinfo import ZoneInfo  # few flows have schedules

    try:
        return ZoneInfo(timezone)
    except (KeyError, ValueError, OSError, TypeError):
        raise ComponentError(
            f"no time zone {timezone!r}; write a name like 'Europe/Berlin', or a tzinfo"
        ) from None


def real_now() -> datetime:
    """Reads the clock, for flows that are in no app."""
    return datetime.now(UTC)


def _now(flow: LightningFlow) -> datetime:
    if flow._context is None:
        return real_now()
    now: datetime = flow._context.now()
    return now


def _keep(flow: LightningFlow, key: str, kept: dict[str, Any]) -> None:
    schedules: TrackedDict = framework_dict(flow, SCHEDULES)
    if schedules.get(key) != kept:
        schedules[key] = kept
        if flow._context is not None:
            flow._context.rescheduled(flow)


def _check_room(flow: LightningFlow, key: str) -> None:
    if len(flow.__dict__.get(SCHEDULES, ())) >= MAX_SCHEDULES:
        raise ComponentError(
            f"{flow.name} has {MAX_SCHEDULES} schedules and gets another one, {key!r}; "
            "a pattern or user_key that is never the same makes a new schedule in each pass"
        )


def _text(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()
