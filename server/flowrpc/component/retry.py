"""When a run that failed is tried again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """Says how often a failed run is tried again, and after which pause.

    A run that was cancelled, that broke a rule of the component model, or whose work cannot be built is not.

    Raises:
        TypeError: A pause is no timedelta, or the attempts no int.
        ValueError: There would be no attempt, or the pauses would not make sense.
    """

    attempts: int = 3
    """How many attempts there are at most, the first one included."""
    delay: timedelta = timedelta(seconds=1)
    """The pause before the second attempt."""
    factor: float = 2.0
    """By what each further pause is longer."""
    longest: timedelta = timedelta(minutes=1)
    """How long a pause is at most."""

    def __post_init__(self) -> None:
        """Refuses what cannot be meant."""
        for name in ("delay", "longest"):
            if not isinstance(getattr(self, name), timedelta):
                raise TypeError(
                    f"Retry: {name}={getattr(self, name)!r} is no timedelta; write timedelta(seconds=…)"
                )
        if isinstance(self.attempts, bool) or not isinstance(self.attempts, int):
            raise TypeError(f"Retry: attempts={self.attempts!r} is no int")
        if self.attempts < 1:
            raise ValueError(f"attempts={self.attempts}: there is at least one attempt")
        if self.delay < timedelta(0) or self.factor < 1:
            raise ValueError("a pause is not negative, and factor is at least 1")

    def pause_after(self, attempt: int) -> timedelta:
        """Returns the pause after an attempt, counted from 1."""
        # Cut before it is multiplied out: a large power would be no timedelta any more.
        exponent = min(attempt - 1, 64)
        seconds = min(self.delay.total_seconds() * self.factor**exponent, self.longest.total_seconds())
        return timedelta(seconds=seconds)
