"""A point in time, as the core is told it."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple


class Instant(NamedTuple):
    """Now, on both clocks: durations are counted on the one that nobody sets, people are told the other."""

    monotonic: float
    """Seconds on a clock that only goes forward."""
    wall: datetime
    """Aware time in UTC."""
