"""How long ago it was certain that the flow takes this agent for alive."""

from __future__ import annotations

from collections import deque

_NEVER = float("inf")


class Reach:
    """Tells since when the flow may count the time that the agent is away.

    The flow hears an agent after that sent something, so what it answered was sent before it could begin to count. The
    agent begins when the stream breaks, and without a break when a lease has passed since it sent the newest beat that
    was answered: on a half-open connection nothing breaks, and what was in a buffer may be read long after it was said.
    The flow waits for longer than the lease once it has begun, so its other attempt comes after the end of this one.
    """

    def __init__(self) -> None:
        self._greeted_at = 0.0
        self._answered_at = _NEVER  # the time at which that was sent
        self._broken_at = _NEVER
        self._lease = 0.0
        self._beats: deque[tuple[int, float]] = deque()

    @property
    def lost_at(self) -> float:
        """Monotonic time since when the agent is away, or will be if it hears no more; infinite before a welcome."""
        return min(self._broken_at, self._answered_at + self._lease)

    def greet(self, now: float) -> None:
        """Notes that a hello is sent on a new stream."""
        self._greeted_at = now
        self._beats.clear()

    def welcome(self, lease_seconds: float) -> None:
        """Notes that the hello was answered."""
        self._answered_at, self._lease, self._broken_at = self._greeted_at, lease_seconds, _NEVER

    def beat(self, number: int, now: float) -> None:
        """Notes that a beat is sent."""
        self._beats.append((number, now))

    def answer(self, number: int) -> None:
        """Notes that a beat was answered, and with it those before."""
        while self._beats and self._beats[0][0] <= number:
            self._answered_at = self._beats.popleft()[1]

    def lose(self, now: float) -> None:
        """Notes that the stream broke, or was never there."""
        if self._answered_at != _NEVER:
            self._broken_at = min(self._broken_at, now)
