"""The publisher: the replica of what is durable, which every read and every watch is served from."""

from __future__ import annotations

import asyncio
import difflib
from collections import deque
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from flowrpc.errors import CallError
from flowrpc.flow_service.ledger import RECENT_RUNS
from flowrpc.protocol.answers import StateSnapshot, WatchEnd
from flowrpc.protocol.requests import GetState, ListRuns, WatchState
from flowrpc.state.records import AppStatus, ComponentKind, ComponentRecord, Delta, Revision, Run
from flowrpc.state.replica import Replica

KEPT_REVISIONS = 10_000
KEPT_BYTES = 16 * 1024 * 1024
SNAPSHOT_PART_VARS = 5_000
"""How many vars one part of a watch's snapshot holds at most, so that a message stays small."""


@dataclass(frozen=True, slots=True)
class Published:
    """A durable revision with its bytes, for watchers that resume."""

    revision: Revision
    data: bytes
    """The `flowrpc.v1.Revision` as it is stored, which a watcher of everything is sent as it is."""


class Publisher:
    """Folds durable revisions and serves them. It lives in the asyncio thread.

    A watcher has no queue: it pulls the next revision from what is kept, and gets a snapshot if that is gone. So a slow
    watcher costs no memory.
    """

    def __init__(self, replica: Replica, *, journal_id: str) -> None:
        """Begins at what the store recovered."""
        self.replica = replica
        self.journal_id = journal_id
        self._kept: deque[Published] = deque()
        self._kept_bytes = 0
        self._changed: asyncio.Future[None] | None = None
        self._end: WatchEnd | None = None
        self._runs_of: dict[str, dict[str, None]] = {}
        self._unfinished: dict[str, None] = {}
        for run in replica.runs.values():
            self._index_run(run)

    def publish(self, revision: Revision, data: bytes) -> None:
        """Takes the next durable revision."""
        for run_id in revision.forgotten_runs:
            self._forget_run(run_id)
        self.replica.fold(revision)
        for run in revision.runs:
            self._index_run(run)
        self._kept.append(Published(revision, data))
        self._kept_bytes += len(data)
        while len(self._kept) > KEPT_REVISIONS or self._kept_bytes > KEPT_BYTES:
            self._kept_bytes -= len(self._kept.popleft().data)
        self._wake()

    def end(self, message: str, status: AppStatus | None) -> None:
        """Ends every watch, after the newest revision."""
        self._end = WatchEnd(revision=self.replica.revision, message=message, app=status)
        self._wake()

    def state(self, request: GetState) -> StateSnapshot:
        """Reads the state of a component.

        Raises:
            CallError: There is no such component.
        """
        self.check_component(request.component)
        components = tuple(self.replica.subtree(request.component))
        if request.exclude_children:
            components = components[:1]
        return self._snapshot(components)

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

    async def watch(self, request: WatchState) -> AsyncIterator[list[StateSnapshot] | Published | WatchEnd]:
        """Follows the state: what was missed or a snapshot, then every revision once and in order.

        A snapshot comes in parts, which hold the live vars: encode all of them before anything is awaited.

        Raises:
            CallError: There is no such component.
        """
        if request.component not in self.replica.components and request.after_revision is None:
            self.check_component(request.component)
        position = self._resume_point(request)
        while True:
            if position is None or not self._keeps(position + 1):
                position = self.replica.revision
                yield list(self._snapshot_parts(request.component))
            elif position < self.replica.revision:
                published = self._kept[position - self._kept[-1].revision.number]
                position += 1
                part_of_it = published if request.component == "root" else _only(published, request.component)
                if part_of_it is not None:
                    yield part_of_it
            elif self._end is not None:
                yield self._end
                return
            else:
                await self._next()

    def _resume_point(self, request: WatchState) -> int | None:
        """Returns the revision to go on after; None: a snapshot is needed."""
        after = request.after_revision
        if after is None or request.journal_id != self.journal_id or after > self.replica.revision:
            return None
        return after

    def _keeps(self, number: int) -> bool:
        """Tells whether a revision is kept, or is still to come."""
        first = self._kept[0].revision.number if self._kept else self.replica.revision + 1
        return number >= first

    def _snapshot_parts(self, component: str) -> Iterator[StateSnapshot]:
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

    def _wake(self) -> None:
        if self._changed is not None:
            self._changed.set_result(None)
            self._changed = None

    async def _next(self) -> None:
        """Waits for the next revision or the end; all watchers wait on one future."""
        if self._changed is None:
            self._changed = asyncio.get_running_loop().create_future()
        await asyncio.shield(self._changed)


def _only(published: Published, component: str) -> Published | None:
    """Returns what a revision changed below a component; None if it changed nothing there."""
    below = component + "."
    revision = published.revision
    deltas = tuple(d for d in revision.deltas if _touches(d, component, below))
    runs = tuple(run for run in revision.runs if run.work == component or run.work.startswith(below))
    if not (deltas or runs or revision.app):
        return None
    return Published(replace(revision, deltas=deltas, runs=runs), b"")


def _touches(delta: Delta, component: str, below: str) -> bool:
    inside = delta.component == component or delta.component.startswith(below)
    return inside or (delta.detached and component.startswith(delta.component + "."))


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
