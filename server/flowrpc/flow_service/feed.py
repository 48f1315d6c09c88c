"""What one component's watchers are sent: the kept revisions that concern it, each made ready once for all of them."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from weakref import ref

from flowrpc.flow_service.parts import Parts
from flowrpc.state.records import Delta, Revision

ROOT = "root"


class Published:
    """A durable revision, or what of it concerns one component. All watchers of it share what is made of it."""

    __slots__ = ("data", "message", "parts", "revision")

    def __init__(self, revision: Revision, data: bytes) -> None:
        self.revision = revision
        self.data = data
        """The `flowrpc.v1.Revision` as it is stored, which a watcher of everything is sent as it is; else empty."""
        self.message = b""
        """What watchers are sent, once it was made; empty if that takes several messages."""
        self.parts: ref[Parts] | None = None
        """The messages of a large revision, while somebody is sent them."""

    @property
    def number(self) -> int:
        """The number of the revision."""
        return self.revision.number


class Feed:
    """Holds what is kept for the watchers of one component, and wakes them. It exists while there are any.

    Items are counted from where the feed began; `first` is the count of the oldest one that is kept. So a watcher is
    one number, and knows whether what it comes to next is gone.
    """

    def __init__(self, component: str, revision: int) -> None:
        """Begins with what comes after a revision."""
        self.component = component
        self.since = revision
        self.first = 0
        self.watches: set[object] = set()
        self.bookmark: tuple[int, bytes] = (0, b"")
        self.state_hash = ""
        self.snapshot: ref[Parts] | None = None
        self._items: deque[Published] = deque()
        self._waiting: dict[object, asyncio.Future[None]] = {}

    @property
    def end(self) -> int:
        """The count of the next item to come."""
        return self.first + len(self._items)

    def item(self, count: int) -> Published:
        """Returns an item that is kept."""
        return self._items[count - self.first]

    def after(self, revision: int) -> int:
        """Returns the count of the first item after a revision."""
        return self.first + bisect_right(self._items, revision, key=lambda item: item.number)

    def reach_back(self, kept: Iterable[Published], revision: int) -> list[int]:
        """Takes in what came after an earlier revision, of what is kept; returns the numbers of what concerns it."""
        found = [only(one, self.component) for one in kept if revision < one.number <= self.since]
        items = [item for item in found if item is not None]
        self._items.extendleft(reversed(items))
        self.first -= len(items)
        self.since = min(self.since, revision)
        return [item.number for item in items]

    def add(self, published: Published) -> bool:
        """Takes the next revision; tells whether it concerns the component."""
        own = only(published, self.component)
        if own is None:
            return False
        self._items.append(own)
        self.state_hash = ""
        self.wake()
        return True

    def drop_oldest(self) -> None:
        """Forgets the oldest item."""
        if self._items:  # nothing is left of a feed whose watchers are gone
            self._items.popleft()
            self.first += 1

    def clear(self) -> None:
        """Forgets all items: there are no watchers any more."""
        self._items.clear()

    def wake(self) -> None:
        """Wakes everybody who waits."""
        waiting, self._waiting = self._waiting, {}
        for future in waiting.values():
            if not future.done():
                future.set_result(None)

    async def wait(self, watch: object) -> None:
        """Waits until there is something to look at."""
        future = self._waiting[watch] = asyncio.get_running_loop().create_future()
        try:
            await future
        finally:
            self._waiting.pop(watch, None)


def concerned(revision: Revision) -> Iterator[str]:
    """Yields the components that a revision is about, those around them included."""
    seen: set[str] = set()
    for changed in {delta.component for delta in revision.deltas} | {run.work for run in revision.runs}:
        name = changed
        while name and name not in seen:
            seen.add(name)
            yield name
            name = name.rpartition(".")[0]


def only(published: Published, component: str) -> Published | None:
    """Returns what a revision changed at and below a component; None if it changed nothing there."""
    if component == ROOT:
        return published
    below = component + "."
    revision = published.revision
    deltas = tuple([own for delta in revision.deltas if (own := _own(delta, component, below)) is not None])
    runs = tuple([run for run in revision.runs if run.work == component or run.work.startswith(below)])
    if not (deltas or runs or revision.app):
        return None
    return Published(replace(revision, deltas=deltas, runs=runs), b"")


def _own(delta: Delta, component: str, below: str) -> Delta | None:
    if delta.component == component or delta.component.startswith(below):
        return delta
    if delta.detached and component.startswith(delta.component + "."):
        # What else happened to a component around the watched one is not the watcher's, which has no such component.
        return Delta(component=delta.component, detached=True)
    return None
