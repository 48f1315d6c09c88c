"""The lane of log records from an agent to its flow: it may lose some, and never holds up anything."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from flowrpc.protocol.messages import LogBatch, LogRecord

MAX_RECORDS = 10_000
"""How many records wait at most; the newest are kept, because what went wrong is told last."""

_MAX_WAITING_CHARACTERS = 8 * 1024 * 1024
_RECORDS_AT_ONCE = 500
_CHARACTERS_AT_ONCE = 512 * 1024


class LogLane:
    """Keeps log records until they can be sent."""

    def __init__(self) -> None:
        self._records: deque[LogRecord] = deque()
        self._characters = 0
        self._dropped = 0

    def __bool__(self) -> bool:
        return bool(self._records or self._dropped)

    def add(self, records: Iterable[LogRecord], *, dropped: int = 0) -> None:
        """Adds records; the oldest that wait make room for them."""
        self._dropped += dropped
        for record in records:
            self._records.append(record)
            self._characters += len(record.message)
            if len(self._records) > MAX_RECORDS or self._characters > _MAX_WAITING_CHARACTERS:
                self._characters -= len(self._records.popleft().message)
                self._dropped += 1

    def take(self) -> LogBatch:
        """Takes the oldest records out, as many as fit one message."""
        records: list[LogRecord] = []
        size = 0
        while self._records and len(records) < _RECORDS_AT_ONCE and size < _CHARACTERS_AT_ONCE:
            records.append(self._records.popleft())
            size += len(records[-1].message)
        self._characters -= size
        dropped, self._dropped = self._dropped, 0
        return LogBatch(records=tuple(records), dropped=dropped)
