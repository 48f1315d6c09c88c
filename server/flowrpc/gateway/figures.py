"""Figures of a running app for its dashboard: passes, revisions, and how long commands take."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from flowrpc.flow_service.calls_waiting import WaitingCalls

KEPT = 1_000
"""Of how many commands since the last time the figures tell."""


class CommandTimes:
    """Collects how long commands take, as long as anybody wants to know: nobody pays for it otherwise."""

    def __init__(self, waiting: WaitingCalls) -> None:
        self._waiting = waiting
        self._readers: list[deque[float]] = []

    def begin(self) -> deque[float]:
        """Begins to collect for a reader, who clears what it has read."""
        times: deque[float] = deque(maxlen=KEPT)
        self._readers.append(times)
        self._waiting.on_command = self._note
        return times

    def end(self, times: deque[float]) -> None:
        """Ends it."""
        self._readers = [reader for reader in self._readers if reader is not times]
        if not self._readers:
            self._waiting.on_command = None

    def _note(self, seconds: float) -> None:
        for times in self._readers:
            times.append(seconds)


class Rates:
    """Makes figures of counters, from one time that it is asked to the next."""

    def __init__(self, passes: Callable[[], int], revision: Callable[[], int], now: float) -> None:
        """Takes what tells the counters."""
        self._passes = passes
        self._revision = revision
        self._last = (now, passes(), revision())

    def since_last(self, now: float, times: deque[float]) -> dict[str, Any]:
        """Returns the figures; the times of commands are in milliseconds, None while there was none."""
        then, passes, revision = self._last
        self._last = (now, self._passes(), self._revision())
        seconds = max(now - then, 1e-6)
        ordered = sorted(times)
        times.clear()
        return {
            "passes_per_second": (self._last[1] - passes) / seconds,
            "revisions_per_second": (self._last[2] - revision) / seconds,
            "commands": len(ordered),
            "command_p50_ms": _milliseconds(ordered, 0.5),
            "command_p99_ms": _milliseconds(ordered, 0.99),
        }


def _milliseconds(ordered: list[float], part: float) -> float | None:
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] * 1e3 if ordered else None
