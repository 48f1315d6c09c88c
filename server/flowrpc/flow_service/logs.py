"""The app's log: records of works, of the flow's own code and of the service, kept for readers."""

from __future__ import annotations

import asyncio
import io
import logging
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import UTC, datetime
from itertools import islice
from typing import TextIO

from flowrpc.flow_service.refusals import LOG_RECORDS_DROPPED, Refusals
from flowrpc.protocol.messages import LogRecord, LogSource
from flowrpc.protocol.requests import StreamLogs

KEPT_RECORDS = 10_000
KEPT_CHARACTERS = 16 * 1024 * 1024
"""How long the texts of kept records are at most, all together."""
OWN_RECORDS = 10_000
"""How many records of this process may wait for the asyncio thread; more are dropped and counted."""
READER_RECORDS = 1_000
"""How many records may wait for a reader before it loses the oldest."""
MAX_TEXT = 64 * 1024
BATCH_RECORDS = 500
"""How many records a batch holds at most."""


class _Reader:
    """Collects the records that wait for one reader."""

    def __init__(self, request: StreamLogs) -> None:
        self.request = request
        self.records: deque[LogRecord] = deque()
        self.dropped = 0
        self.wake = asyncio.Event()

    def offer(self, record: LogRecord) -> bool:
        """Takes a record if it is wanted; returns whether another one was dropped for it."""
        if not _wanted(record, self.request):
            return False
        is_full = len(self.records) >= READER_RECORDS
        if is_full:
            self.records.popleft()
            self.dropped += 1
        self.records.append(record)
        self.wake.set()
        return is_full


class LogHub:
    """Keeps the newest records and hands them to readers. It lives in the asyncio thread."""

    def __init__(
        self, echo: Callable[[LogRecord], None] | None = None, refusals: Refusals | None = None
    ) -> None:
        """Takes what shows each record on the terminal, if anything does, and counts those that are dropped."""
        self._refusals = refusals or Refusals()
        self._kept: deque[LogRecord] = deque()
        self._kept_characters = 0
        self._readers: set[_Reader] = set()
        self._added = 0
        self._waiting: set[asyncio.Event] = set()
        self._echo = echo
        self._ended = False

    def add(self, records: Iterable[LogRecord]) -> None:
        """Takes records."""
        for record in records:
            self.add_own(record)
            if self._echo is not None:
                self._echo(record)

    def note_dropped(self, count: int, component: str) -> None:
        """Says that records are missing before those that come next."""
        self._refusals.count(LOG_RECORDS_DROPPED, count)
        message = f"{count} log records are missing here: they came faster than they could be sent"
        self.add(
            [LogRecord(time=datetime.now(UTC), message=message, level=logging.WARNING, component=component)]
        )

    def knows(self, component: str) -> bool:
        """Tells whether a record of the component, or of something below it, is kept."""
        return any(_is_of(record, component) for record in self._kept)

    def add_own(self, record: LogRecord) -> None:
        """Takes a record of this process, which its terminal shows anyhow."""
        self._kept.append(record)
        self._added += 1
        self._kept_characters += len(record.message)
        while len(self._kept) > KEPT_RECORDS or self._kept_characters > KEPT_CHARACTERS:
            self._kept_characters -= len(self._kept.popleft().message)
        for reader in self._readers:
            if reader.offer(record):
                self._refusals.count(LOG_RECORDS_DROPPED)
        for wake in self._waiting:
            wake.set()

    def end(self) -> None:
        """Ends every reader after what is there."""
        self._ended = True
        for wake in [reader.wake for reader in self._readers] + list(self._waiting):
            wake.set()

    async def read_batches(
        self, request: StreamLogs, pause_seconds: float
    ) -> AsyncIterator[tuple[list[LogRecord], int]]:
        """Yields what `read` does in lists, with a pause before new ones: a fast log costs its reader's flow little.

        It reads what the hub keeps, so of a burst nothing is dropped that is still kept.
        """
        wake = asyncio.Event()
        self._waiting.add(wake)
        batch, dropped = [record for record in self._kept if _wanted(record, request)][-request.tail :], 0
        position = self._added
        try:
            while True:
                for start in range(0, len(batch) or bool(dropped), BATCH_RECORDS):
                    yield batch[start : start + BATCH_RECORDS], dropped if start == 0 else 0
                    await asyncio.sleep(0)
                if not request.follow or (self._ended and position == self._added):
                    return
                if position == self._added:
                    wake.clear()
                    await wake.wait()
                await asyncio.sleep(0 if self._ended else pause_seconds)
                batch, dropped = self._since(position, request)
                position = self._added
        finally:
            self._waiting.discard(wake)

    def _since(self, position: int, request: StreamLogs) -> tuple[list[LogRecord], int]:
        """Returns what was wanted of the records since a position, and how many of all are kept no more."""
        first = self._added - len(self._kept)
        new = islice(self._kept, max(0, position - first), None)
        return [record for record in new if _wanted(record, request)], max(0, first - position)

    async def read(self, request: StreamLogs) -> AsyncIterator[tuple[LogRecord, int]]:
        """Yields kept records, then new ones if the reader follows; each with how many were dropped before it."""
        reader = _Reader(request)
        kept = [record for record in self._kept if _wanted(record, request)]
        reader.records.extend(kept[-request.tail :])
        self._readers.add(reader)
        try:
            while True:
                while reader.records:
                    dropped, reader.dropped = reader.dropped, 0
                    yield reader.records.popleft(), dropped
                if self._ended or not request.follow:
                    return
                reader.wake.clear()
                await reader.wake.wait()
        finally:
            self._readers.discard(reader)


class OwnLane:
    """Takes records of this process from any thread to the hub.

    Args:
        hub: Where they go.
        schedule: Has a function called in the asyncio thread.
    """

    def __init__(self, hub: LogHub, schedule: Callable[[Callable[[], None]], object]) -> None:
        self._hub = hub
        self._schedule = schedule
        self._records: deque[LogRecord] = deque()
        self._dropped = 0
        self._scheduled = False

    def submit(self, record: LogRecord) -> None:
        """Takes a record."""
        if len(self._records) >= OWN_RECORDS:
            self._dropped += 1
            return
        self._records.append(record)
        if not self._scheduled:
            self._scheduled = True
            self._schedule(self._flush)

    def _flush(self) -> None:
        self._scheduled = False  # first: what comes from now on may be missed below
        for _ in range(len(self._records)):
            self._hub.add_own(self._records.popleft())
        if self._dropped:
            dropped, self._dropped = self._dropped, 0
            self._hub.note_dropped(dropped, "root")


class HubHandler(logging.Handler):
    """Sends records of `logging` in this process to the hub."""

    def __init__(self, submit: Callable[[LogRecord], None]) -> None:
        """Takes what hands a record to the hub from any thread."""
        super().__init__()
        self._submit = submit

    def emit(self, record: logging.LogRecord) -> None:
        """Sends a record; one that cannot be formatted is reported by `logging`."""
        try:
            text = self.format(record)
        except Exception:  # noqa: BLE001  # the record is user code's: its arguments may raise anything
            self.handleError(record)
            return
        self._submit(
            LogRecord(
                time=datetime.fromtimestamp(record.created, UTC),
                message=cut(text),
                level=record.levelno,
                component=getattr(record, "component", ""),
                run_id=getattr(record, "run_id", ""),
                logger=record.name,
            )
        )


class Tee(io.TextIOBase):
    """Is a standard stream that also sends what user code of the engine's thread prints to the hub, line by line."""

    def __init__(
        self, stream: TextIO, source: LogSource, submit: Callable[[LogRecord], None], thread_name: str
    ) -> None:
        self._stream = stream
        self._source = source
        self._submit = submit
        self._thread_name = thread_name
        self._line = ""

    def write(self, text: str) -> int:
        """Writes text; whole lines of the engine's thread go to the hub as well."""
        if threading.current_thread().name == self._thread_name:
            self._line += text
            *lines, self._line = self._line.split("\n")
            for line in lines:
                self._send(line)
        return self._stream.write(text)

    def flush(self) -> None:
        """Flushes the stream beneath."""
        self._stream.flush()

    def isatty(self) -> bool:
        """Tells whether the stream beneath is a terminal."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """Returns the descriptor of the stream beneath."""
        return self._stream.fileno()

    def _send(self, line: str) -> None:
        level = logging.WARNING if self._source is LogSource.STDERR else logging.INFO
        self._submit(
            LogRecord(
                time=datetime.now(UTC), message=cut(line), level=level, component="root", source=self._source
            )
        )


def cut(text: str) -> str:
    """Cuts a text that is too long for a record."""
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"


def _wanted(record: LogRecord, request: StreamLogs) -> bool:
    if record.level < request.minimum_level:
        return False
    return not request.component or _is_of(record, request.component)


def _is_of(record: LogRecord, component: str) -> bool:
    return record.component == component or record.component.startswith(component + ".")
