"""How long to wait before another try: longer each time, and differently for each client.

When a service comes back, all its clients have lost it at the same instant. What they wait is spread, so that they do
not all return at the same instant, too.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta


def pauses(
    first: timedelta = timedelta(milliseconds=50),
    most: timedelta = timedelta(seconds=1),
    source: random.Random | None = None,
) -> Iterator[float]:
    """Yields the seconds between tries, without end: each time from a range twice as long, up to a longest one.

    Args:
        first: The longest first pause.
        most: The longest pause.
        source: Where chance comes from.
    """
    chance = source or random.Random()  # it guards nothing
    bound = first.total_seconds()
    while True:
        yield chance.uniform(bound / 2, bound)
        bound = min(bound * 2, most.total_seconds())
