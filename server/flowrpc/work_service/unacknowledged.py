"""What a runner has changed and the flow has not acknowledged."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from flowrpc.state import Change, Splice


class Touched(NamedTuple):
    """Which vars changed."""

    whole: frozenset[str]
    """Vars that were set whole."""
    inside: frozenset[str]
    """Vars that were changed in a place inside them."""

    def __or__(self, other: Touched) -> Touched:
        return Touched(self.whole | other.whole, self.inside | other.inside)


NOTHING = Touched(frozenset(), frozenset())


def touched(changes: Iterable[Change]) -> Touched:
    """Tells which vars these changes change."""
    whole: set[str] = set()
    inside: set[str] = set()
    for path, kind in {(change[0], change.__class__) for change in changes}:
        (inside if len(path) > 1 or kind is Splice else whole).add(str(path[0]))
    return Touched(frozenset(whole), frozenset(inside))


class Unacknowledged:
    """Knows which vars the frames touched that are on their way.

    The sender adds, whoever reads acknowledgements forgets; two threads may use the two ends of a deque.
    """

    def __init__(self) -> None:
        self._frames: deque[tuple[int, Touched]] = deque()

    def add(self, seq: int, changes: Iterable[Change]) -> None:
        """Notes a frame before it is sent."""
        self._frames.append((seq, touched(changes)))

    def forget(self, seq: int) -> None:
        """Drops the frames up to `seq`."""
        while self._frames and self._frames[0][0] <= seq:
            self._frames.popleft()

    def clear(self) -> None:
        """Drops everything: another attempt begins."""
        self._frames.clear()

    def up_to(self, seq: int) -> Touched:
        """Tells what the frames up to `seq` touched."""
        return _union(entry for number, entry in list(self._frames) if number <= seq)

    def above(self, seq: int) -> Touched:
        """Tells what the frames above `seq` touched."""
        return _union(entry for number, entry in list(self._frames) if number > seq)


def _union(entries: Iterable[Touched]) -> Touched:
    union = NOTHING
    for entry in entries:
        union |= entry
    return union
