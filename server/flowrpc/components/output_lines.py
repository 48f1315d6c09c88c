"""What a script prints, cut into lines."""

from __future__ import annotations

from collections import deque
from typing import TextIO

MAX_LINE_BYTES = 64 * 1024
"""How long a line may get before it is handed on without its end."""


class OutputLines:
    """Writes lines to a stream of this process as they come, and remembers them.

    Args:
        stream: Where they go.
        last: Where they are remembered; it forgets old ones by itself.
    """

    def __init__(self, stream: TextIO, last: deque[str]) -> None:
        self._stream = stream
        self._last = last
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """Takes in what came out of a pipe."""
        *lines, rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._write(self._cut(line))
        self._rest = self._cut(rest)
        self._stream.flush()

    def end(self) -> None:
        """Hands on what has no line end."""
        if self._rest:
            self._write(self._rest)
            self._rest = b""
            self._stream.flush()

    def _cut(self, line: bytes) -> bytes:
        """Hands on the beginning of a line that is too long; returns the rest."""
        while len(line) > MAX_LINE_BYTES:
            self._write(line[:MAX_LINE_BYTES])
            line = line[MAX_LINE_BYTES:]
        return line

    def _write(self, line: bytes) -> None:
        text = line.rstrip(b"\r").decode(errors="replace")
        self._last.append(text)
        self._stream.write(text + "\n")
