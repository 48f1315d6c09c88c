"""The manual clock of a simulated app."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from flowrpc.flow_service.instant import Instant
from flowrpc.testing.errors import SimulationError

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
"""When simulated apps begin, unless a test says otherwise: a Thursday, at midnight."""

_MICROSECOND = timedelta(microseconds=1)


class Clock:
    """Stands still until it is set forward. It counts whole microseconds, as `datetime` does."""

    def __init__(self, begin: datetime) -> None:
        """Begins at an aware time."""
        if begin.tzinfo is None:
            raise SimulationError(
                f"begin={begin.isoformat()} has no time zone; write datetime(…, tzinfo=UTC)"
            )
        self._begin = begin.astimezone(UTC)
        self._elapsed = timedelta(0)

    @property
    def wall(self) -> datetime:
        """What people read, in UTC."""
        return self._begin + self._elapsed

    @property
    def now(self) -> Instant:
        """Now, as the core is told it."""
        return Instant(self._elapsed.total_seconds(), self.wall)

    def set(self, wall: datetime) -> None:
        """Sets the clock forward."""
        self._elapsed = wall.astimezone(UTC) - self._begin

    def check(self, wall: datetime) -> None:
        """Refuses a time that the clock cannot be set to.

        Raises:
            SimulationError: The time is in the past, or has no zone.
        """
        if wall.tzinfo is None:
            raise SimulationError(f"{wall.isoformat()} has no time zone; write datetime(…, tzinfo=UTC)")
        if wall < self.wall:
            raise SimulationError(
                f"time does not go backwards: it is {self.wall.isoformat()}, after {wall.isoformat()}; "
                "begin=… chooses when a simulated app begins"
            )

    def time_of(self, monotonic: float) -> datetime:
        """Returns when a deadline of the core is: after now, and never before the deadline by a microsecond or more."""
        elapsed = timedelta(microseconds=round(monotonic * 1e6))
        return self._begin + max(elapsed, self._elapsed + _MICROSECOND)
