"""When the schedules of an app are due: what wakes the loop, without polling."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from flowrpc.component.component import Component
from flowrpc.component.flow import LightningFlow
from flowrpc.flow_service.instant import Instant
from flowrpc.state.flow_calls import SCHEDULES

MAX_WAIT_SECONDS = 60.0
"""How long the loop sleeps at most while there is a schedule: somebody may set the clock meanwhile."""

_Key = tuple[Component, str]


class Schedules:
    """Knows the flows that have schedules, and causes a pass for each instant that comes due, once.

    What is due is read from what the flows keep, so that undoing a transition needs nothing here. Between changes only
    the soonest instant is looked at.
    """

    def __init__(self) -> None:
        self._flows: dict[Component, None] = {}
        self._rung: dict[_Key, str] = {}
        """The instants that caused a pass already, which did not ask for them."""
        self._soonest: datetime | None = None
        self._stale = False
        self._now: Instant | None = None

    def index(self, components: Iterable[Component]) -> None:
        """Looks for flows with schedules after components came or went."""
        self._flows = {component: None for component in components if SCHEDULES in component._var_names}
        self._rung = {key: due for key, due in self._rung.items() if key[0] in self._flows}
        self._stale = True

    def change(self, flow: LightningFlow) -> None:
        """Notes that a flow has a new schedule, or that another instant is due."""
        self._flows[flow] = None
        self._stale = True

    def refresh(self) -> None:
        """Notes that schedules may be what they were before: a transition was undone."""
        self._stale = True

    def tick(self, now: Instant) -> bool:
        """Lets time pass; tells whether an instant came due."""
        if self._now is not None and now.wall < self._now.wall:
            self._rung.clear()  # the clock was set back: what came due may come due again, and did not fire if it can
            self._stale = True
        self._now = now
        if not self._flows:
            return False
        if self._stale:
            self._look()
        if self._soonest is None or self._soonest > now.wall:
            return False
        for key, due in list(self._due()):
            if datetime.fromisoformat(due) <= now.wall:
                self._rung[key] = due
        self._look()
        return True

    def deadline(self, max_wait: float = MAX_WAIT_SECONDS) -> float | None:
        """Returns the monotonic time at which to look at the clock again, after `max_wait` seconds at the latest."""
        if not self._flows or self._now is None:
            return None
        if self._stale:
            self._look()
        if self._soonest is None:
            return None
        seconds = (self._soonest - self._now.wall).total_seconds()
        return self._now.monotonic + min(max(seconds, 0.0), max_wait)

    def _look(self) -> None:
        self._soonest = min((datetime.fromisoformat(due) for _, due in self._due()), default=None)
        self._stale = False

    def _due(self) -> Iterator[tuple[_Key, str]]:
        """Yields the instants that are to cause a pass."""
        for flow in self._flows:
            schedules: Any = flow.__dict__.get(SCHEDULES, {})
            for key, kept in schedules.items():
                due = kept["due"]
                if due is not None and self._rung.get((flow, key)) != due:
                    yield (flow, key), due
