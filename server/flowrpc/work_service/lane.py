"""The lane from user code to the agent: changes in the order they were made, and marks between them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sized
from dataclasses import dataclass
from queue import SimpleQueue
from threading import get_ident
from typing import Any, TypeAlias

from flowrpc.protocol.messages import LogBatch, LogRecord, Serving, StartRun
from flowrpc.state import ChangeLog, Set
from flowrpc.state.records import Failure

MAX_PENDING_CHANGES = 10_000
"""How many changes may wait for the sender; user code that makes more waits until there is room."""

MAX_PENDING_LOGS = 2_000
"""How many log records may wait for the sender; more are dropped and counted."""


@dataclass(frozen=True, slots=True)
class Begin:
    """From here on changes belong to this attempt."""

    start: StartRun


@dataclass(frozen=True, slots=True)
class Base:
    """From here on changes were made with this `VarsChanged.number` applied."""

    number: int


@dataclass(frozen=True, slots=True)
class End:
    """The attempt has ended, and made no changes after these."""

    failure: Failure | None


Mark: TypeAlias = Begin | Base | End
"""What is said between changes."""


class Lane(ChangeLog):
    """Takes changes from the thread of user code and hands them to one sender thread.

    Changes and marks are in one list, so that their order is what happened. Its front is taken by the sender
    alone and its end is added to by user code alone, each in one operation of the interpreter.
    """

    __slots__ = (
        "_alarm",
        "_closed",
        "_idle",
        "_logs",
        "_logs_dropped",
        "_room",
        "_room_wanted",
        "_serving",
        "marks",
        "news",
        "on_news",
        "pending",
    )

    def __init__(self) -> None:
        super().__init__(undoable=False, thread=get_ident())
        self.pending: list[Any] = []
        self.marks = 0
        """How many marks were ever put in, counted before they are."""
        self.news: Sized = ()
        """What the flow said and was not taken in yet."""
        self.on_news: Callable[[], None] = _nothing
        """Takes it in; called when user code is about to set a var."""
        self._idle = False
        self._alarm: SimpleQueue[None] = SimpleQueue()
        self._room: SimpleQueue[None] = SimpleQueue()
        self._room_wanted = False
        self._logs: deque[LogRecord] = deque()
        self._logs_dropped = 0
        self._serving: Serving | None = None
        self._closed = False

    # User code's side

    def record(self, owner: object, change: object, inverse: object = None) -> None:
        """Adds a change.

        Raises:
            ComponentError: The calling thread may not set state.
        """
        if get_ident() != self.thread:
            self.check_thread(owner)
        if len(self.pending) >= MAX_PENDING_CHANGES:
            self._wait_for_room()
        if self.news and type(change) is Set and len(change.path) == 1:
            self.on_news()
        self.pending.append(change)
        if self._idle:
            self._wake()

    def put(self, mark: Mark) -> None:
        """Adds a mark."""
        self.marks += 1
        self.pending.append(mark)
        if self._idle:
            self._wake()

    def log(self, record: LogRecord) -> None:
        """Adds a log record, from any thread; it is dropped if too many wait."""
        if len(self._logs) >= MAX_PENDING_LOGS:
            self._logs_dropped += 1
            return
        self._logs.append(record)
        if self._idle:
            self._wake()

    def serve(self, serving: Serving) -> None:
        """Says where the work serves, from any thread; the newest word counts."""
        self._serving = serving
        if self._idle:
            self._wake()

    def close(self) -> None:
        """Says that nothing more will come."""
        self._closed = True
        if self._idle:
            self._wake()

    def _wake(self) -> None:
        self._idle = False
        self._alarm.put(None)

    def _wait_for_room(self) -> None:
        while len(self.pending) >= MAX_PENDING_CHANGES:
            self._room_wanted = True
            # Looked at again, because the sender may have made room just before it could know.
            if len(self.pending) >= MAX_PENDING_CHANGES:
                self._room.get()

    # The sender's side

    def wait(self) -> bool:
        """Returns when there is something to send; False: nothing is, and nothing will come."""
        self._idle = True
        while not self._something and not self._closed:
            self._alarm.get()
            self._idle = True
        self._idle = False
        return self._something

    @property
    def _something(self) -> bool:
        return bool(self.pending or self._logs or self._serving is not None)

    def front(self, count: int) -> list[Any]:
        """Returns the first entries, at most `count`; they stay until `drop`."""
        return self.pending[:count]

    def drop(self, count: int) -> None:
        """Takes the first entries out."""
        del self.pending[:count]
        if self._room_wanted:
            self._room_wanted = False
            self._room.put(None)

    def take_logs(self, count: int) -> LogBatch | None:
        """Takes at most `count` log records out; None if there are none."""
        records = tuple(self._logs.popleft() for _ in range(min(count, len(self._logs))))
        dropped, self._logs_dropped = self._logs_dropped, 0
        return LogBatch(records=records, dropped=dropped) if records or dropped else None

    def take_serving(self) -> Serving | None:
        """Takes out where the work serves; None if nothing was said since."""
        serving, self._serving = self._serving, None
        return serving


def _nothing() -> None:
    """Is what happens before anybody asked for more."""
