"""The client's replica: a component and everything below it, kept up to date by a watch."""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta
from types import TracebackType
from typing import Any, Self

from flowrpc.errors import FlowrpcError, InvalidChangeError
from flowrpc.protocol.answers import Bookmark, StateSnapshot, WatchEnd, WatchEndReason, WatchUpdate
from flowrpc.state.records import AppStatus, Revision
from flowrpc.state.replica import Replica
from flowrpc.state.state_hash import StateHash
from flowrpc.state.values import Value, copy_value

from flowrpc_client.backoff import pauses
from flowrpc_client.errors import NotReachableError, StateMismatchError
from flowrpc_client.nested import nest, public_vars, run_age
from flowrpc_client.snapshot_parts import SnapshotParts
from flowrpc_client.stream import Stream

KEPT_RUNS = 20
"""How many ended runs of a work are kept, as many as a snapshot has."""

_TRIES = 15
_DISTRUSTED = 3
"""After how many snapshots in a row whose hash is not the app's a replica gives up."""
_LONGEST_PAUSE = timedelta(seconds=2)

logger = logging.getLogger(__name__)

Position = tuple[int, str]
"""A revision and the journal that it counts in."""


class StateReplica:
    """Folds the updates of a watch in a thread of its own, and lets others wait for what it comes to.

    A watch that breaks is begun again where it was. Whenever the app tells the hash of its state, it is compared; a
    replica that differs begins anew with a snapshot. `close` it, or use it in a `with` statement.
    """

    def __init__(self, watch: Callable[[Position | None], Stream[WatchUpdate]], component: str) -> None:
        """Takes what begins a watch after a position, or from a snapshot if there is none."""
        self._watch = watch
        self._component = component
        self._changed = threading.Condition()
        self._state = Replica()
        self._journal_id = ""
        self._parts = SnapshotParts()
        self._ready = False
        self._hashes = StateHash()
        self._failures = 0
        self._pauses = pauses(most=_LONGEST_PAUSE)
        self._mismatches = 0
        self._distrusted = 0
        self._end: WatchEnd | None = None
        self._error: FlowrpcError | None = None
        self._closed = threading.Event()
        self._stream = watch(None)
        self._thread = threading.Thread(target=self._follow, name=f"replica of {component}", daemon=True)
        self._thread.start()

    @property
    def revision(self) -> int:
        """The revision that the replica is at; 0 before the first snapshot."""
        return self._state.revision

    @property
    def journal_id(self) -> str:
        """The journal that `revision` counts in."""
        return self._journal_id

    @property
    def app(self) -> AppStatus | None:
        """The app's status, as far as the watch told it."""
        return self._state.app

    @property
    def end(self) -> WatchEnd | None:
        """Why the watch ended; None while it goes on."""
        return self._end

    @property
    def mismatches(self) -> int:
        """How often the replica was found to differ from the app's state, and began anew."""
        return self._mismatches

    def state_hash(self) -> str:
        """Hashes the replica: equal to the app's, asked for at the same revision."""
        with self._changed:
            return self._hashes.of(self._state.components.values())

    def vars(self, component: str | None = None) -> dict[str, Value]:
        """Returns a copy of the vars of a component, by default of the one that is watched.

        Raises:
            KeyError: there is no such component here.
        """
        with self._changed:
            own = public_vars(self._state.components[component or self._component])
            return {name: copy_value(value, name) for name, value in own.items()}

    def state(self) -> dict[str, Any]:
        """Returns the nested state, a copy."""
        with self._changed:
            tree = list(self._state.subtree(self._component))
            state = nest(tree, list(self._state.runs.values()))
            return copy_value(state, self._component)  # type: ignore[return-value]  # a dict stays one

    def wait_for(self, predicate: Callable[[StateReplica], bool], timeout: float = 10.0) -> None:
        """Waits until the predicate holds of this replica; it is asked after each revision.

        Raises:
            TimeoutError: the time is over.
            NotReachableError: the app ended, or the watch broke for good, before it held.
        """
        with self._changed:
            held = self._changed.wait_for(lambda: self._over or self._holds(predicate), timeout)
            if self._holds(predicate):
                return
            if not held:
                raise TimeoutError(f"not within {timeout:g} s, up to revision {self.revision}")
            raise self._error or NotReachableError(f"the watch ended: {self._why_ended()}")

    def close(self) -> None:
        """Ends the watch and its thread."""
        self._closed.set()
        self._stream.close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def _over(self) -> bool:
        return self._end is not None or self._error is not None or self._closed.is_set()

    def _holds(self, predicate: Callable[[StateReplica], bool]) -> bool:
        return self._ready and predicate(self)

    def _why_ended(self) -> str:
        return self._end.message if self._end is not None else "the replica was closed"

    def _follow(self) -> None:
        """Is the thread: follows one watch after the other until one ends in order or none can begin."""
        while not self._over:
            try:
                self._read()
            except NotReachableError as error:
                self._pause(error, give_up=self._failures >= _TRIES)
            except StateMismatchError as error:
                self._pause(error, give_up=self._distrusted >= _DISTRUSTED)
            except FlowrpcError as error:
                self._finish(error)

    def _pause(self, error: FlowrpcError, *, give_up: bool) -> None:
        """Waits before the next watch, unless there will be none."""
        if give_up:
            self._finish(error)
            return
        if self._failures == 0:
            self._pauses = pauses(most=_LONGEST_PAUSE)
        self._failures += 1
        self._closed.wait(next(self._pauses))

    def _read(self) -> None:
        """Reads one watch to its end, which is an error unless the app told why."""
        with self._begin() as stream:
            for update in stream:
                with self._changed:
                    self._failures = 0
                    self._take(update)
                    self._changed.notify_all()
        if not self._over:
            raise NotReachableError("the watch ended without a reason")

    def _begin(self) -> Stream[WatchUpdate]:
        """Takes the watch that the constructor began, later ones that go on where the last one broke."""
        if self._failures:
            self._stream = self._watch((self.revision, self._journal_id) if self._ready else None)
        if self._closed.is_set():  # while this one was begun
            self._stream.close()
        return self._stream

    def _finish(self, error: FlowrpcError) -> None:
        with self._changed:
            self._error = error
            self._changed.notify_all()

    def _take(self, update: WatchUpdate) -> None:
        if isinstance(update, StateSnapshot):
            self._take_part(update)
        elif isinstance(update, Revision):
            self._fold(update)
        elif isinstance(update, Bookmark):
            self._mark(update)
        elif update.reason is WatchEndReason.SERVICE_STOPPING:
            raise NotReachableError(update.message)  # the app goes on when it is served again
        else:
            self._end = update
            self._state.app = update.app or self._state.app

    def _take_part(self, part: StateSnapshot) -> None:
        """Keeps the old state until the last part is here."""
        snapshot = self._parts.add(part)
        if snapshot is None:
            return
        self._state = Replica(
            revision=snapshot.revision,
            components=snapshot.components,
            runs=snapshot.runs,
            app=snapshot.app,
        )
        self._journal_id = snapshot.journal_id
        self._hashes.clear()
        self._compare(snapshot.state_hash)
        self._ready = True

    def _mark(self, bookmark: Bookmark) -> None:
        """Moves on to a revision up to which nothing else changed."""
        if not self._ready or bookmark.revision < self._state.revision:
            raise InvalidChangeError(
                f"bookmark {bookmark.revision}", f"is before {self._state.revision}; watch again"
            )
        if bookmark.journal_id != self._journal_id:
            raise InvalidChangeError(
                f"bookmark {bookmark.revision}", f"is of another journal, {bookmark.journal_id}; watch again"
            )
        self._state.revision = bookmark.revision
        self._compare(bookmark.state_hash)

    def _compare(self, told: str) -> None:
        """Compares with the hash that the app told, if any; if it differs, the next watch begins with a snapshot."""
        own = self._hashes.of(self._state.components.values()) if told else ""
        if own == told:
            self._distrusted = 0
            return
        self._ready = False
        self._mismatches += 1
        self._distrusted += 1
        error = StateMismatchError(self._component, self._state.revision, own, told)
        logger.error("%s", error)
        raise error

    def _fold(self, revision: Revision) -> None:
        """Folds a revision; those between, which changed nothing here, were left out."""
        if not self._ready or revision.number <= self._state.revision:
            raise InvalidChangeError(
                f"revision {revision.number}", f"does not follow {self._state.revision}; watch again"
            )
        self._state.revision = revision.number - 1
        self._state.fold(revision)
        self._hashes.note(revision)
        if revision.runs or any(delta.detached for delta in revision.deltas):
            _forget_old_runs(self._state)


def _forget_old_runs(state: Replica) -> None:
    """Keeps memory bounded: the newest ended runs of each work, and none of works that are gone."""
    ended: dict[str, list[str]] = defaultdict(list)
    for run_id, run in state.runs.items():
        if run.status.terminal or run.work not in state.components:
            ended[run.work].append(run_id)
    for work, run_ids in ended.items():
        kept = KEPT_RUNS if work in state.components else 0
        run_ids.sort(key=lambda run_id: run_age(state.runs[run_id]), reverse=True)
        for run_id in run_ids[kept:]:
            del state.runs[run_id]
