"""The publisher: the replica of what is durable, which every read and every watch is served from."""

from __future__ import annotations

import asyncio
import difflib
from collections import deque
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from itertools import islice
from weakref import ref

from flowrpc.errors import CallError
from flowrpc.flow_service.encoded_state import PART_BYTES, EncodedState
from flowrpc.flow_service.feed import Feed, Published, concerned
from flowrpc.flow_service.ledger import RECENT_RUNS
from flowrpc.flow_service.parts import Parts, UnderWay
from flowrpc.flow_service.refusals import Refusals
from flowrpc.flow_service.watching import Cut, Mark, Watch
from flowrpc.protocol.answers import Bookmark, SnapshotReason, StateSnapshot, WatchEnd, WatchEndReason
from flowrpc.protocol.requests import GetState, ListRuns, WatchState
from flowrpc.state.records import AppStatus, ComponentKind, ComponentRecord, Revision, Run
from flowrpc.state.replica import Replica
from flowrpc.state.state_hash import StateHash
from flowrpc.wire import watch_bytes

__all__ = ["KEPT_BYTES", "KEPT_REVISIONS", "SNAPSHOT_PART_VARS", "Published", "Publisher"]

KEPT_REVISIONS = 10_000
KEPT_BYTES = 16 * 1024 * 1024
SNAPSHOT_PART_VARS = 5_000
"""How many vars one part of a snapshot as facts holds at most, so that an event stays small."""
BOOKMARK_SECONDS = 10.0
"""How long after a revision watchers are told a bookmark, and how often at most."""


class Publisher:
    """Folds durable revisions and serves them. It lives in the asyncio thread.

    A watcher has no queue: it pulls the next revision from what is kept, and gets a snapshot if that is gone. So a slow
    watcher costs no memory.
    """

    def __init__(
        self,
        replica: Replica,
        *,
        journal_id: str,
        bookmark_seconds: float = BOOKMARK_SECONDS,
        refusals: Refusals | None = None,
    ) -> None:
        """Begins at what the store recovered."""
        self.replica = replica
        self.refusals = refusals or Refusals()
        """Counts the watches that fall behind."""
        self.journal_id = journal_id
        self.end_of_watches: WatchEnd | None = None
        self.marked = 0
        """The revision that the newest bookmarks are due for."""
        self._bookmark_seconds = bookmark_seconds
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._kept: deque[Published] = deque()
        self._kept_bytes = 0
        self._feeds: dict[str, Feed] = {}
        self._holding: dict[int, list[ref[Feed]]] = {}
        self._encoded = EncodedState()
        self._hashes = StateHash()
        self._under_way = UnderWay()
        self._runs_of: dict[str, dict[str, None]] = {}
        self._unfinished: dict[str, None] = {}
        for run in replica.runs.values():
            self._index_run(run)

    def publish(self, revision: Revision, data: bytes) -> None:
        """Takes the next durable revision."""
        for run_id in revision.forgotten_runs:
            self._forget_run(run_id)
        self.replica.fold(revision)
        self._encoded.note(revision)
        self._hashes.note(revision)
        for run in revision.runs:
            self._index_run(run)
        published = Published(revision, data)
        self._kept.append(published)
        self._kept_bytes += len(data)
        while len(self._kept) > KEPT_REVISIONS or self._kept_bytes > KEPT_BYTES:
            self._drop_oldest()
        if self._feeds:
            self._feed(published)

    def end(self, message: str, status: AppStatus | None) -> None:
        """Ends every watch, after the newest revision."""
        reason = WatchEndReason.SERVICE_STOPPING if status is None else WatchEndReason.APP_ENDED
        self.end_of_watches = WatchEnd(
            revision=self.replica.revision, message=message, app=status, reason=reason
        )
        if self._timer is not None:
            self._timer.cancel()
        self._wake_all()

    def state(self, request: GetState) -> StateSnapshot:
        """Reads the state of a component.

        Raises:
            CallError: There is no such component.
        """
        self.check_component(request.component)
        components = tuple(self.replica.subtree(request.component))
        if request.exclude_children:
            components = components[:1]
        state_hash = self._hashes.of(components) if request.with_state_hash else ""
        return replace(self._snapshot(components), state_hash=state_hash)

    def state_bytes(self, request: GetState) -> bytes:
        """Makes the answer to `GetState`.

        Raises:
            CallError: There is no such component.
        """
        return self._encoded.state(self.state(request))

    def state_hash(self, component: str = "root") -> str:
        """Hashes a component and what is below it."""
        feed = self._feeds.get(component)
        if feed is None:
            return self._hashes.of(self.replica.subtree(component))
        feed.state_hash = feed.state_hash or self._hashes.of(self.replica.subtree(component))
        return feed.state_hash

    def runs(self, request: ListRuns) -> tuple[list[Run], str]:
        """Reads a page of runs, newest first; returns the token of the next page with it.

        Raises:
            CallError: There is no such work, or the token is none of ours.
        """
        if request.work:
            self.check_component(request.work)
        chosen = self._select(request)
        page = list(islice(chosen, request.page_size))
        more = next(chosen, None) is not None
        return page, page[-1].run_id if more else ""

    def newest_run(self, work: str) -> Run | None:
        """Returns the run that was asked for last; None if `run` was not called, or that is no longer kept."""
        runs = (self.replica.runs[run_id] for run_id in reversed(self._runs_of.get(work, {})))
        return next((run for run in runs if not run.prepares), None)

    def follow(self, request: WatchState) -> Watch:
        """Begins a watch: what was missed or a snapshot, then every revision once and in order.

        Raises:
            CallError: There is no such component.
        """
        if request.component not in self.replica.components and request.after_revision is None:
            self.check_component(request.component)
        feed = self._feeds.get(request.component)
        if feed is None:
            feed = self._feeds[request.component] = Feed(request.component, self.replica.revision)
        reason, after = self._reason(request), request.after_revision or 0
        if reason is None and after < feed.since:
            for number in feed.reach_back(self._kept, after):
                self._holding.setdefault(number, []).append(ref(feed))
        watch = Watch(self, feed, after, reason)
        feed.watches.add(watch)
        return watch

    async def wait(self, watch: Watch) -> None:
        """Waits until a watch may have something to send."""
        self._loop = asyncio.get_running_loop()
        await watch.feed.wait(watch)

    def leave(self, watch: Watch) -> None:
        """Takes leave of a watch; with the last one of a component goes what was kept for them."""
        feed = watch.feed
        feed.watches.discard(watch)
        if not feed.watches and self._feeds.get(feed.component) is feed:
            del self._feeds[feed.component]
            feed.clear()

    async def watch(
        self, request: WatchState
    ) -> AsyncIterator[list[StateSnapshot] | Published | Bookmark | WatchEnd]:
        """Follows the state as facts.

        A snapshot comes in parts, which hold the live vars: encode all of them before anything is awaited.

        Raises:
            CallError: There is no such component.
        """
        with self.follow(request) as watch:
            while not watch.over:
                update = watch.step()
                if update is None:
                    await watch.wait()
                elif isinstance(update, Cut):
                    yield list(self._snapshot_parts(request.component, update.reason))
                else:
                    yield self._bookmark(request.component) if isinstance(update, Mark) else update

    def messages(self, watch: Watch, update: Cut | Published | Mark) -> Parts | tuple[bytes]:
        """Encodes what a watch is sent next, once for all that are sent the same."""
        feed = watch.feed
        if isinstance(update, Published):
            return (update.message,) if update.message else self._revision_messages(update)
        return self._snapshot_messages(feed, update) if isinstance(update, Cut) else (self._mark(feed),)

    def _reason(self, request: WatchState) -> SnapshotReason | None:
        """Tells why a watch has to begin with a snapshot; None if everything after its revision is kept."""
        after = request.after_revision
        if after is None:
            return SnapshotReason.ASKED
        if request.journal_id != self.journal_id:
            return SnapshotReason.OTHER_JOURNAL
        if after > self.replica.revision:
            return SnapshotReason.AHEAD
        first = self._kept[0].number if self._kept else self.replica.revision + 1
        return None if after + 1 >= first else SnapshotReason.TOO_OLD

    def _feed(self, published: Published) -> None:
        """Hands a revision to the feeds that it concerns, and to no others: most of many may be of other components."""
        revision = published.revision
        names = set(concerned(revision))
        if revision.app is not None or any(delta.detached for delta in revision.deltas):
            names.update(self._feeds)
        feeds = [feed for name in names if (feed := self._feeds.get(name)) is not None]
        if "root" not in names and "root" in self._feeds:
            feeds.append(self._feeds["root"])
        self._holding[published.number] = [ref(feed) for feed in feeds if feed.add(published)]
        if self._timer is None and self._loop is not None:
            self._timer = self._loop.call_later(self._bookmark_seconds, self._bookmarks_due)

    def _drop_oldest(self) -> None:
        oldest = self._kept.popleft()
        self._kept_bytes -= len(oldest.data)
        for held in self._holding.pop(oldest.number, ()):
            if (feed := held()) is not None:  # else its watchers are gone
                feed.drop_oldest()

    def _bookmarks_due(self) -> None:
        self._timer = None
        self.marked = self.replica.revision
        self._wake_all()

    def _wake_all(self) -> None:
        for feed in self._feeds.values():
            feed.wake()

    def _bookmark(self, component: str) -> Bookmark:
        return Bookmark(
            journal_id=self.journal_id,
            revision=self.replica.revision,
            state_hash=self.state_hash(component),
        )

    def _mark(self, feed: Feed) -> bytes:
        if feed.bookmark[0] != self.replica.revision:
            feed.bookmark = (
                self.replica.revision,
                watch_bytes.bookmark_bytes(self._bookmark(feed.component)),
            )
        return feed.bookmark[1]

    def _revision_messages(self, published: Published) -> Parts | tuple[bytes]:
        parts = published.parts() if published.parts is not None else None
        if parts is not None and not parts.dropped:
            return parts
        data = published.data or watch_bytes.revision_bytes(published.revision)
        if len(data) <= PART_BYTES:
            published.message = watch_bytes.watch_revision_bytes(data)
            return (published.message,)
        messages = watch_bytes.revision_messages(published.revision, PART_BYTES)
        parts = self._under_way.add(Parts(messages, (published.number, None)))
        published.parts = ref(parts)
        return parts

    def _snapshot_messages(self, feed: Feed, cut: Cut) -> Parts:
        """Encodes a snapshot; those who begin at the same revision for the same reason share it."""
        parts = feed.snapshot() if feed.snapshot is not None else None
        if parts is not None and not parts.dropped and parts.about == (self.replica.revision, cut.reason):
            return parts
        whole = self._snapshot(tuple(self.replica.subtree(feed.component)))
        whole = replace(
            whole,
            app=self.replica.app,
            reason=cut.reason,
            state_hash=self.state_hash(feed.component),
        )
        parts = self._under_way.add(self._encoded.snapshot(whole))
        feed.snapshot = ref(parts)
        return parts

    def _snapshot_parts(self, component: str, reason: SnapshotReason) -> Iterator[StateSnapshot]:
        whole = self._snapshot(tuple(self.replica.subtree(component)))
        parts = list(_split(whole.components))
        for number, components in enumerate(parts):
            first, last = number == 0, number == len(parts) - 1
            yield replace(
                whole,
                components=components,
                runs=whole.runs if last else (),
                app=self.replica.app if first else None,
                first=first,
                last=last,
                reason=reason if first else None,
                state_hash=self.state_hash(component) if last else "",
            )

    def _snapshot(self, components: tuple[ComponentRecord, ...]) -> StateSnapshot:
        works = [component.name for component in components if component.kind is ComponentKind.WORK]
        runs = tuple(run for work in works for run in self._recent(work))
        return StateSnapshot(
            journal_id=self.journal_id, revision=self.replica.revision, components=components, runs=runs
        )

    def _recent(self, work: str) -> list[Run]:
        """Returns the unfinished runs of a work and its newest ended ones, oldest first."""
        known = self._runs_of.get(work, {})
        newest = list(islice(reversed(known), RECENT_RUNS))[::-1]
        older = [run_id for run_id in self._unfinished if run_id in known and run_id not in newest]
        return [self.replica.runs[run_id] for run_id in older + newest]

    def _select(self, request: ListRuns) -> Iterator[Run]:
        runs = self._runs_of.get(request.work, {}) if request.work else self.replica.runs
        after = iter(reversed(runs))
        if request.page_token:
            if request.page_token not in runs:
                raise CallError(
                    "INVALID_REQUEST",
                    "the page token is none of this list's; begin again",
                    field="page_token",
                )
            for run_id in after:
                if run_id == request.page_token:
                    break
        for run_id in after:
            run = self.replica.runs[run_id]
            if not request.statuses or run.status in request.statuses:
                yield run

    def check_component(self, name: str) -> None:
        """Checks that there is such a component.

        Raises:
            CallError: There is none.
        """
        if name not in self.replica.components:
            close = next(iter(difflib.get_close_matches(name, self.replica.components, n=1)), "")
            message = f"no component {name!r}" + (f"; did you mean {close!r}?" if close else "")
            raise CallError("UNKNOWN_COMPONENT", message, component=name, suggestion=close)

    def _index_run(self, run: Run) -> None:
        self._runs_of.setdefault(run.work, {})[run.run_id] = None
        if run.status.terminal:
            self._unfinished.pop(run.run_id, None)
        else:
            self._unfinished[run.run_id] = None

    def _forget_run(self, run_id: str) -> None:
        run = self.replica.runs.get(run_id)
        if run is not None:
            self._runs_of[run.work].pop(run_id, None)
            self._unfinished.pop(run_id, None)


def _split(components: tuple[ComponentRecord, ...]) -> Iterator[tuple[ComponentRecord, ...]]:
    """Splits components into parts of a bounded number of vars, at least one part."""
    part: list[ComponentRecord] = []
    size = 0
    for component in components:
        for piece in _pieces(component):
            if part and size + len(piece.vars) > SNAPSHOT_PART_VARS:
                yield tuple(part)
                part, size = [], 0
            part.append(piece)
            size += len(piece.vars) + 1
    yield tuple(part)


def _pieces(component: ComponentRecord) -> Iterator[ComponentRecord]:
    if len(component.vars) <= SNAPSHOT_PART_VARS:
        yield component
        return
    names = list(component.vars)
    for start in range(0, len(names), SNAPSHOT_PART_VARS):
        chosen = {name: component.vars[name] for name in names[start : start + SNAPSHOT_PART_VARS]}
        yield replace(component, vars=chosen)
