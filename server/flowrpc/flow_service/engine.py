"""The engine: the one thread that owns every component. It feeds the core and commits what comes out."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from flowrpc.errors import StoreFullError
from flowrpc.flow_service.core import Core
from flowrpc.flow_service.effects import Effect, ReadOnlyChanged, RoomMade
from flowrpc.flow_service.events import Event, Writing
from flowrpc.flow_service.inbox import Inbox
from flowrpc.flow_service.instant import Instant
from flowrpc.flow_service.read_only import RETRY_SECONDS, ReadOnly
from flowrpc.state.records import Revision
from flowrpc.store.interface import Commit, Store

logger = logging.getLogger(__name__)

ENGINE_THREAD = "flowrpc-engine"
"""Name of the thread."""
SPIN_SECONDS = 0.0001
"""How long passes run in a row before the thread lets the asyncio thread have the interpreter."""

STREAM_SECONDS = 0.001
"""How long items of streams are made in a row before they are committed and sent."""

Deliver = Callable[[Revision | None, bytes, list[Effect]], None]
"""Takes a durable revision with its bytes, if there is a new one, and the effects to carry out after it."""


def now() -> Instant:
    """Reads both clocks."""
    return Instant(time.monotonic(), datetime.now(UTC))


class Engine:
    """Runs the core in a thread of its own.

    It sleeps until an event comes or a deadline passes, takes all events that wait, runs passes while something
    changed, commits once per turn, and then delivers. A commit happens in this thread: handing it to another one
    costs a reply more than it saves (docs/decisions). While the disk is full, the thread stays in that commit, and
    does what `ReadOnly` can do meanwhile.

    Args:
        make_core: Builds the core, in the engine's thread: user code of recovery runs there too.
        store: Where revisions go; used from this thread only.
        deliver: Is called in this thread.
        on_failure: Is called in this thread if it ends by an error that is not user code's.
        read_clocks: Tells the time. With `monotonic`, `begin` and `turn` it lets a simulation be the thread.
        monotonic: Tells how long passes have been running.
    """

    def __init__(
        self,
        make_core: Callable[[Instant], Core],
        store: Store,
        deliver: Deliver,
        on_failure: Callable[[BaseException], None],
        *,
        read_clocks: Callable[[], Instant] = now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._make_core = make_core
        self._store = store
        self._deliver = deliver
        self._on_failure = on_failure
        self._now = read_clocks
        self._monotonic = monotonic
        self._rested = True
        self.passes = 0
        """How many passes there were; other threads may read it."""
        self.inbox = Inbox()
        """What waits for the thread."""
        self._read_at = self._now()
        self._ticked_at = self._read_at.monotonic
        self._thread = threading.Thread(target=self._main, name=ENGINE_THREAD, daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def submit(self, event: Event) -> None:
        """Hands the engine an event; never blocks."""
        self.inbox.put(event)

    def stop(self, timeout: float) -> bool:
        """Ends the thread after what it does now; tells whether it ended in time."""
        self.inbox.put(None)
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _main(self) -> None:
        try:
            self._run()
        except BaseException as error:  # noqa: BLE001  # the thread ends here; its owner decides
            self._on_failure(error)

    def _run(self) -> None:
        core = self.begin()
        while self.turn(core):
            pass

    def begin(self) -> Core:
        """Builds the core, and commits the begin of its life."""
        core = self._make_core(self._now())
        core.own_thread(threading.get_ident())
        self._save_begin(core)
        return core

    def turn(self, core: Core) -> bool:
        """Does what there is to do, or waits until there is something; False: the engine is to stop."""
        rested = self._rested
        if not self._take_events(core):
            return False
        if core.wants_items:
            self._make_items(core)
        if core.reply_waits:
            self._commit(core, self._now())
        if core.ended is None and core.wants_pass:
            self._spin(core, once=rested)
        self._tick(core)
        instant = self._now()
        if core.must_seal(instant) or (self.inbox.empty and (rested or not core.wants_pass)):
            self._commit(core, instant)
        self._deliver_effects(core)
        self._rested = not core.wants_pass
        return True

    def _save_begin(self, core: Core) -> None:
        """Saves the first revision of the life; if there is no room even for that, nothing is served."""
        commit = core.seal(self._now())
        assert commit is not None, "a life begins with a change of the app's status"
        self._saved(core, commit, self._store.commit(commit))

    def _tick(self, core: Core) -> None:
        """Lets time pass up to when the inbox was read: what user code held up since is not held against agents."""
        read_at = self._read_at
        core.tick(read_at, stalled=read_at.monotonic - self._ticked_at)
        self._ticked_at = read_at.monotonic

    def _take_events(self, core: Core) -> bool:
        """Waits if there is nothing to do, and feeds every event that is there. False: the engine is to stop."""
        events = self._wait(core)
        instant = self._read_at
        for event in events:
            if event is None:
                return False
            core.receive(self._with_first_answer(event), instant)
            self.inbox.done(event)
        self._tell_of_room()
        return True

    def _wait(self, core: Core) -> Sequence[Event | None]:
        timeout: float | None = 0.0
        if not ((core.wants_pass or core.wants_items) and core.ended is None):
            deadline = core.deadline()
            timeout = None if deadline is None else max(deadline - self._monotonic(), 0.0)
        self.inbox.wait(timeout)
        self._read_at = self._now()  # all that came before it is taken now
        return self.inbox.take()

    def _tell_of_room(self) -> None:
        if self.inbox.has_made_room():
            self._deliver(None, b"", [RoomMade()])

    def _with_first_answer(self, event: Event) -> Event:
        if isinstance(event, Writing) and event.request_id:
            earlier = self._store.answer(event.request_id)
            if earlier is not None:
                return replace(event, earlier=earlier)
        return event

    def _make_items(self, core: Core) -> None:
        """Makes items of streams until there is room for no more, an event comes, or it is time to send them."""
        instant = self._now()
        end = instant.monotonic + STREAM_SECONDS
        while core.wants_items:
            core.step_stream(instant)
            if self._monotonic() >= end or not self.inbox.empty:
                break

    def _spin(self, core: Core, *, once: bool) -> None:
        """Runs passes until nothing changes, an event comes, or it is the asyncio thread's turn.

        Args:
            core: The core.
            once: Whether to run one pass only: after a rest, what the first pass changed is committed before the next
                one, which may be slow.
        """
        inbox = self.inbox
        clock = self._monotonic
        instant = self._now()
        end = instant.monotonic + (0.0 if once else SPIN_SECONDS)
        count = 0
        while core.wants_pass and core.ended is None:
            core.run_pass(instant)
            count += 1
            if clock() >= end or not inbox.empty:
                break
        self.passes += count
        if core.wants_pass:
            time.sleep(0)  # lets another thread that waits for the interpreter have it

    def _commit(self, core: Core, instant: Instant) -> None:
        commit = core.seal(instant)
        if commit is None:
            return
        try:
            data = self._store.commit(commit)
        except StoreFullError as error:
            data = self._wait_for_room(core, commit, error)
        self._saved(core, commit, data)

    def _saved(self, core: Core, commit: Commit, data: bytes) -> None:
        core.committed()
        self._deliver(commit.revision, data, core.take_effects())

    # While the disk is full

    def _wait_for_room(self, core: Core, commit: Commit, error: StoreFullError) -> bytes:
        """Tries again until a revision is saved, and serves what can be served meanwhile; returns its bytes.

        Raises:
            StoreFullError: The app was to stop before.
        """
        begin = self._now()
        logger.error("read-only: %s; revision %d waits", error, commit.revision.number)
        read_only = ReadOnly(core, commit.revision, str(error))
        self._deliver(None, b"", [ReadOnlyChanged(str(error))])
        data = None
        while data is None:
            last = self._serve_read_only(read_only)
            try:
                data = self._store.commit(commit)
            except StoreFullError as again:
                if last:
                    raise read_only.given_up() from again
        self.inbox.put_first(read_only.kept())
        seconds = self._monotonic() - begin.monotonic
        logger.warning(
            "read-only no more, after %.1f s: revision %d is saved", seconds, commit.revision.number
        )
        self._deliver(None, b"", [ReadOnlyChanged("")])
        return data

    def _serve_read_only(self, read_only: ReadOnly) -> bool:
        """Does for a while what can be done without saving; returns whether the app is to stop."""
        end = self._monotonic() + RETRY_SECONDS
        while (timeout := end - self._monotonic()) > 0 and not read_only.stop_requested:
            self.inbox.wait(timeout)
            for event in self.inbox.take():
                if event is None:
                    self.inbox.put(None)  # for the loop outside, should it be saved now
                    return True
                effects = read_only.take(self._with_first_answer(event), self._now())
                self.inbox.done(event)
                if effects:
                    self._deliver(None, b"", effects)
            self._tell_of_room()
        return read_only.stop_requested

    def _deliver_effects(self, core: Core) -> None:
        effects = core.take_effects()
        if effects:
            self._deliver(None, b"", effects)
