"""Encoded messages that belong together and are too large for one; how much memory they take is bounded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from weakref import WeakSet

UNDER_WAY_BYTES = 64 * 1024 * 1024
"""How many bytes of parts may wait for slow watchers; beyond, the oldest are dropped and their watchers begin anew."""


class Parts:
    """Messages that are sent one after the other, to one watcher or to several."""

    __slots__ = ("__weakref__", "_messages", "about", "size")

    def __init__(self, messages: Sequence[bytes], about: tuple[int, object]) -> None:
        self._messages = messages
        self.about = about
        """The revision that they are of, and what else tells them from others."""
        self.size = sum(map(len, messages))

    @property
    def dropped(self) -> bool:
        """Whether they were dropped, so that who was in the midst of them begins anew."""
        return not self._messages

    def drop(self) -> None:
        """Forgets the messages."""
        self._messages, self.size = (), 0

    def __iter__(self) -> Iterator[bytes]:
        """Yields the messages, up to where they are dropped."""
        at = 0
        while at < len(self._messages):
            yield self._messages[at]
            at += 1


class UnderWay:
    """Knows all parts that somebody still holds, and drops the oldest when they are too many."""

    def __init__(self) -> None:
        """Begins with none."""
        self._parts: WeakSet[Parts] = WeakSet()

    def add(self, parts: Parts) -> Parts:
        """Takes new parts, which are kept whatever their size."""
        older = sorted(self._parts, key=lambda known: known.about[0])
        size = parts.size + sum(known.size for known in older)
        for oldest in older:
            if size <= UNDER_WAY_BYTES:
                break
            size -= oldest.size
            oldest.drop()
        self._parts.add(parts)
        return parts
