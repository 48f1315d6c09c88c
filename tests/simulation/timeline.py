"""The timeline: a virtual clock, what is to happen when, and a log of what did."""

from __future__ import annotations

import hashlib
import heapq
import itertools
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from flowrpc.flow_service.instant import Instant

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
_READ_SECONDS = 0.00002  # what looking at the clock costs, so that code that waits for it gets on


class Timeline:
    """Runs what was planned, in order of time; equal seeds give equal logs.

    Args:
        seed: Of everything that is left to chance.
        tell: Takes each line of the log, for people.
    """

    def __init__(self, seed: int, tell: Callable[[str], None] | None = None) -> None:
        self.random = random.Random(seed)
        self.now = 0.0
        self.wall_offset = timedelta(0)
        """How far the wall clock was set away from where it began."""
        self.events = 0
        self._tell = tell
        self._planned: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._digest = hashlib.blake2b(digest_size=16)

    @property
    def wall(self) -> datetime:
        return BEGIN + timedelta(seconds=self.now) + self.wall_offset

    @property
    def digest(self) -> str:
        """Stands for everything that happened."""
        return self._digest.hexdigest()

    def read_clocks(self) -> Instant:
        return Instant(self.monotonic(), self.wall)

    def monotonic(self) -> float:
        self.now += _READ_SECONDS
        return self.now

    def at(self, time: float, act: Callable[[], None]) -> None:
        """Plans something; of equal times what was planned first comes first."""
        heapq.heappush(self._planned, (max(time, self.now), next(self._order), act))

    def after(self, delay: float, act: Callable[[], None]) -> None:
        self.at(self.now + delay, act)

    def run(self, until: float, done: Callable[[], bool] = lambda: False) -> bool:
        """Lets time pass until then, or until something holds, and tells whether that holds.

        It is asked every 50 events, since it may be dear.
        """
        while self._planned and self._planned[0][0] <= until:
            time, _, act = heapq.heappop(self._planned)
            self.now = max(self.now, time)
            self.events += 1
            act()
            if self.events % 50 == 0 and done():
                return True
        self.now = max(self.now, until)
        return done()

    def note(self, who: str, what: str) -> None:
        line = f"{self.now:11.6f} {who:<12} {what}"
        self._digest.update(line.encode())
        if self._tell is not None:
            self._tell(line)
