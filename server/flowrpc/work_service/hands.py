"""Whether user code has a container in hand: in a variable, in a loop over it, in an expression half done.

Such a container must stay the one that the work has: `self.items.append(self.size)` reads `items`, then `size`,
and appends then. CPython counts references, so a container that nobody has in hand is referred to by the place
it is in and by the containers in it, and by nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from sys import getrefcount
from typing import Any

from flowrpc.state.containers import Tracked, TrackedList


@dataclass(frozen=True, slots=True)
class Hand:
    """A container that was found in hand."""

    container: Tracked
    idle_references: int
    """How many refer to it once nobody has it in hand, with this one."""

    @property
    def holds(self) -> bool:
        """Whether it still is in hand; far cheaper than to search again."""
        return getrefcount(self.container) > self.idle_references


def find_hand(places: Any, step: str | int) -> Hand | None:
    """Searches what is in a place, and every container inside, for one that is in hand; None if none is.

    Args:
        places: A container, or the attributes of a work.
        step: The key or index of the place.
    """
    if not isinstance(places[step], Tracked):
        return None
    inner = _containers_in(places[step])
    if _references(places, step) > _ALONE + len(inner):
        return Hand(places[step], _ALONE + len(inner) + 1)
    hands = (find_hand(places[step], at) for at in inner)
    return next((hand for hand in hands if hand is not None), None)


def _references(places: Any, step: str | int) -> int:
    return getrefcount(places[step])


def _containers_in(container: Any) -> list[Any]:
    """Returns the steps to the containers right inside: each refers to what it is in."""
    steps = container.items() if isinstance(container, dict) else enumerate(container)
    return [step for step, item in steps if isinstance(item, Tracked)]


_ALONE = _references([TrackedList()], 0)
