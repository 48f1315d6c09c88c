"""What user code prints, as log records."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from flowrpc.protocol.messages import LogRecord, LogSource

MAX_LINE_BYTES = 64 * 1024
"""How long a line may get before it becomes a record without its end."""

_LEVELS = {LogSource.STDOUT: logging.INFO, LogSource.STDERR: logging.WARNING}


class Lines:
    """Cuts what comes out of a pipe into log records, one a line.

    Args:
        component: Full name of the work.
        source: Which output it is.
    """

    def __init__(self, component: str, source: LogSource) -> None:
        self._component = component
        self._source = source
        self._rest = b""

    def feed(self, data: bytes, run_id: str) -> list[LogRecord]:
        """Takes bytes in and returns the records that are now complete."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        while len(self._rest) > MAX_LINE_BYTES:
            lines.append(self._rest[:MAX_LINE_BYTES])
            self._rest = self._rest[MAX_LINE_BYTES:]
        return [self._record(line, run_id) for line in lines]

    def end(self, run_id: str) -> list[LogRecord]:
        """Returns what has no line end, when the run or the process ends."""
        rest, self._rest = self._rest, b""
        return [self._record(rest, run_id)] if rest else []

    def _record(self, line: bytes, run_id: str) -> LogRecord:
        return LogRecord(
            time=datetime.now(UTC),
            message=line.rstrip(b"\r").decode(errors="replace"),
            level=_LEVELS[self._source],
            component=self._component,
            run_id=run_id,
            source=self._source,
        )
