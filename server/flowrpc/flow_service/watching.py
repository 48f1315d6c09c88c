"""One watch: where it is, and what it is to be sent next. It decides, and sends nothing itself."""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self

from flowrpc.flow_service.feed import Feed, Published
from flowrpc.flow_service.refusals import WATCH_TOO_SLOW
from flowrpc.protocol.answers import SnapshotReason, WatchEnd

if TYPE_CHECKING:
    from flowrpc.flow_service.publisher import Publisher


@dataclass(frozen=True, slots=True)
class Cut:
    """A snapshot is to be sent, of the state as it is now: take it before anything is awaited."""

    reason: SnapshotReason


@dataclass(frozen=True, slots=True)
class Mark:
    """A bookmark is to be sent, of the state as it is now."""


class Watch:
    """Follows a component for one watcher, who pulls: whoever is slow costs no memory. Leave it as a `with` block."""

    __slots__ = ("_count", "_feed", "_marked", "_over", "_publisher", "_reason", "_revision")

    def __init__(self, publisher: Publisher, feed: Feed, after: int, reason: SnapshotReason | None) -> None:
        """Goes on after a revision, or begins with a snapshot if there is a reason."""
        self._publisher = publisher
        self._feed = feed
        self._over = False
        self._reason = reason
        self._revision = self._marked = after
        self._count = feed.end if reason is not None else feed.after(after)

    @property
    def feed(self) -> Feed:
        """The feed of its component."""
        return self._feed

    @property
    def revision(self) -> int:
        """The revision up to which everything was sent, or did not concern it."""
        return self._revision

    @property
    def over(self) -> bool:
        """Whether the end was sent."""
        return self._over

    def step(self) -> Cut | Published | Mark | WatchEnd | None:
        """Returns what is sent next; None: wait."""
        if self._count < self._feed.first and self._reason is None:
            self.fall_behind()
        if self._reason is not None:
            return self._cut(self._reason)
        if self._count < self._feed.end:
            return self._next()
        if self._publisher.end_of_watches is not None:
            self._over = True
            return self._publisher.end_of_watches
        return self._mark() if self._marked < self._publisher.marked else None

    def fall_behind(self) -> None:
        """Begins anew: what was to be sent is gone."""
        self._publisher.refusals.count(WATCH_TOO_SLOW)
        self._reason = SnapshotReason.TOO_SLOW

    async def wait(self) -> None:
        """Waits until `step` may return something."""
        await self._publisher.wait(self)

    def close(self) -> None:
        """Leaves."""
        self._publisher.leave(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _cut(self, reason: SnapshotReason) -> Cut:
        self._reason = None
        self._count = self._feed.end
        self._revision = self._marked = self._publisher.replica.revision
        return Cut(reason)

    def _next(self) -> Published:
        published = self._feed.item(self._count)
        self._count += 1
        self._revision = published.number
        return published

    def _mark(self) -> Mark:
        self._revision = self._marked = self._publisher.replica.revision
        return Mark()
