"""Cron patterns: which instants they name, in a time zone. Nothing here reads a clock.

A pattern is read on a clock face, without a zone; each reading is then mapped to the instant at which a clock in the
zone first shows it. Readings that a clock skips are mapped to the end of the gap, where they are one instant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache

from flowrpc.errors import ComponentError

MAX_PATTERN_CHARS = 256
"""Longer patterns cost seconds to read."""

_ALIASES = {
    "hourly": "0 * * * *",
    "daily": "0 0 * * *",
    "midnight": "0 0 * * *",
    "weekly": "0 0 * * 0",
    "monthly": "0 0 1 * *",
    "yearly": "0 0 1 1 *",
    "annually": "0 0 1 1 *",
}
_RANDOM = re.compile(r"(?<![a-z])[hr](?![a-z])|random", re.IGNORECASE)
_RANGE = re.compile(r"(?<![\w/-])(\w+)-(\w+)(?:/\d+)?(?![\w/-])")
_SECOND = timedelta(seconds=1)
_PROBE = datetime(2000, 1, 1, tzinfo=UTC)


class Cron:
    """The instants of a pattern in a zone.

    Args:
        pattern: Five fields, or six with seconds last, or an alias.
        zone: The zone of the clock that the pattern is read on.

    Raises:
        ComponentError: The pattern is none, or names no date that exists.
    """

    def __init__(self, pattern: str, zone: tzinfo) -> None:
        self._fields = read_pattern(pattern)
        self._zone = zone

    def after(self, instant: datetime) -> datetime | None:
        """Returns the first instant after this one, in UTC; None if the calendar ends before."""
        try:
            return next(found for found in self._forward(instant) if found > instant)
        except OverflowError:
            return None

    def from_(self, instant: datetime) -> datetime | None:
        """Returns the first instant that is not before this one."""
        return self.after(instant - timedelta(microseconds=1))

    def newest(self, count: int, since: datetime, until: datetime) -> datetime:
        """Returns the oldest of the newest `count` instants up to `until`, or `since` if there are fewer from there."""
        found = until + _SECOND
        for instant in self._backward(until):
            if instant >= found or instant > until:
                continue  # a gap has many readings and is one instant
            if count == 0 or instant <= since:
                break
            found = instant
            count -= 1
        return found if count == 0 else since

    def _forward(self, instant: datetime) -> Iterator[datetime]:
        # Readings and instants rise together, so no reading up to the one now leads to a later instant.
        reading = instant.astimezone(self._zone).replace(tzinfo=UTC, microsecond=0, fold=0)
        for later in _readings(self._fields, reading, forward=True):
            yield _first_shown(later, self._zone)

    def _backward(self, instant: datetime) -> Iterator[datetime]:
        local = instant.astimezone(self._zone)
        # The second time that a clock shows an hour, all readings of that hour have been.
        before_change = local.replace(fold=0).utcoffset() or timedelta()
        reading = (instant.astimezone(UTC) + before_change).replace(microsecond=0) + _SECOND
        if not local.fold:
            reading = local.replace(tzinfo=UTC, microsecond=0) + _SECOND
        for earlier in _readings(self._fields, reading, forward=False):
            yield _first_shown(earlier, self._zone)


@lru_cache(maxsize=256)
def read_pattern(pattern: str) -> str:
    """Returns the fields of a pattern, in which an alias is written out.

    Raises:
        ComponentError: The pattern is none, or names no date that exists.
    """
    if len(pattern) > MAX_PATTERN_CHARS:
        raise _bad(pattern[:40] + "…", f"it is longer than {MAX_PATTERN_CHARS} characters")
    word = pattern.strip().removeprefix("@").lower()
    fields = _RANGE.sub(_plain_range, _ALIASES.get(word) or " ".join(pattern.split()))
    if _RANDOM.search(fields):
        raise _bad(pattern, "random fields (H, R) would be other instants after a restart; write numbers")
    if fields.count(" ") not in (4, 5):
        raise _bad(
            pattern,
            "write five fields (minute, hour, day of month, month, day of week), six with seconds last, "
            f"or one of {', '.join(_ALIASES)}",
        )
    try:
        next(_readings(fields, _PROBE, forward=True))
    except (ValueError, KeyError, IndexError, TypeError) as error:  # croniter does not catch all of its own
        raise _bad(pattern, str(error) or type(error).__name__) from None
    return fields


def _plain_range(found: re.Match[str]) -> str:
    """Writes a range of one value as that value: croniter takes `5-5` for every value."""
    text, low, high = found[0], found[1].lower(), found[2].lower()
    same = int(low) == int(high) if low.isdecimal() and high.isdecimal() else low == high
    return low if same else text


def _bad(pattern: str, problem: str) -> ComponentError:
    return ComponentError(f"bad cron pattern {pattern!r}: {problem}")


def _readings(fields: str, start: datetime, *, forward: bool) -> Iterator[datetime]:
    """Yields what a clock shows at the pattern's instants, from the start on; the zone is a stand-in for none."""
    from croniter import croniter  # importing it costs, and few flows have schedules

    cron = croniter(fields, start)
    while True:
        yield cron.get_next(datetime) if forward else cron.get_prev(datetime)


def _first_shown(reading: datetime, zone: tzinfo) -> datetime:
    """Returns the instant at which a clock in the zone first shows the reading, or skips it."""
    local = reading.replace(tzinfo=zone, fold=0)
    instant = local.astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=UTC, fold=0) == reading:
        return instant
    return _end_of_gap(local.replace(fold=1).astimezone(UTC), instant, zone)


def _end_of_gap(before: datetime, after: datetime, zone: tzinfo) -> datetime:
    """Finds the second at which the zone's clock jumps, between two instants around it."""
    offset = before.astimezone(zone).utcoffset()
    while after - before > _SECOND:
        middle = before + timedelta(seconds=(after - before) // _SECOND // 2)
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after
