"""The command line that `ps` shows of a process which was forked, and does something else than its parent."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

_ARG_START, _ARG_END = 45, 46
"""Where /proc/PID/stat has the addresses, counted behind the name: fields 48 and 49 of proc(5)."""


def show_command_line(words: Sequence[str]) -> None:
    """Writes another command line over that of this process, as much of it as there is room for.

    It is for people and their tools; where it cannot be done, it is left as it was.
    """
    with suppress(OSError, ValueError, IndexError):
        fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        start, end = int(fields[_ARG_START]), int(fields[_ARG_END])
        text = b"".join(word.encode() + b"\0" for word in words)
        room = end - start
        if 0 < start < end:
            ctypes.memmove(start, text[: room - 1].ljust(room, b"\0"), room)
