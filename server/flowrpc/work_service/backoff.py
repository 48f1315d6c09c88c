"""How long to wait before dialling again."""

from __future__ import annotations

import random

FIRST_SECONDS = 0.1
LONGEST_SECONDS = 5.0
_GROWTH = 1.6


class Backoff:
    """Gives delays that grow with every failure in a row, each drawn from a quarter around its size."""

    def __init__(self, *, first: float = FIRST_SECONDS, longest: float = LONGEST_SECONDS) -> None:
        self._first = first
        self._longest = longest
        self._next = first

    def reset(self) -> None:
        """Begins small again: it worked."""
        self._next = self._first

    def delay(self) -> float:
        """Returns how many seconds to wait now."""
        delay, self._next = self._next, min(self._next * _GROWTH, self._longest)
        return delay * random.uniform(0.75, 1.25)  # spreads agents out
