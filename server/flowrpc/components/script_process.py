"""The process of a script, and what it prints."""

from __future__ import annotations

import os
import selectors
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from time import monotonic
from typing import TextIO

from flowrpc.components.output_lines import OutputLines
from flowrpc.process_group import ProcessGroup

TERM_SECONDS = 2.0
"""How long a script may take to end when it was asked to. A cancelled run as a whole has 5 seconds."""

LAST_LINES = 20
"""How many lines are kept to tell why a script failed."""

_READ_BYTES = 1024 * 1024  # more than a pipe holds


class ScriptProcess:
    """Starts a command and hands on what it prints, until it has ended.

    Args:
        command: The program and its arguments.

    Raises:
        OSError: The system does not start it.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self.last_lines: deque[str] = deque(maxlen=LAST_LINES)
        """What it printed last, on both outputs."""
        self._group = ProcessGroup()
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                process_group=self._group.id,
            )
        except BaseException:
            self._group.close()
            raise
        self._exit = os.pidfd_open(self._process.pid)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._exit, selectors.EVENT_READ)
        self._open(self._process.stdout, sys.stdout)
        self._open(self._process.stderr, sys.stderr)

    @property
    def pid(self) -> int:
        """Process id of the command."""
        return self._process.pid

    def wait(self) -> int:
        """Hands on what it prints until it ends; returns its exit code, or minus the signal that ended it."""
        while not self._step(None):
            pass
        return self._close()

    def end(self) -> int:
        """Ends it: by SIGTERM to its group, and by SIGKILL if that takes too long. Returns as `wait` does."""
        if self._process.returncode is None:
            self._group.terminate()
            end = monotonic() + TERM_SECONDS
            while (left := end - monotonic()) > 0 and not self._step(left):
                pass
        return self._close()

    def _open(self, pipe: object, stream: TextIO) -> None:
        descriptor = pipe.fileno()  # type: ignore[attr-defined]  # both outputs are pipes
        os.set_blocking(descriptor, False)
        self._selector.register(descriptor, selectors.EVENT_READ, OutputLines(stream, self.last_lines))

    def _step(self, timeout: float | None) -> bool:
        """Waits for something to happen; returns whether the command has ended."""
        for key, _ in self._selector.select(timeout):
            if key.fd == self._exit:
                return True
            self._read(key.fd, key.data)
        return False

    def _read(self, descriptor: int, lines: OutputLines) -> None:
        try:
            data = os.read(descriptor, _READ_BYTES)
        except BlockingIOError:
            return
        if data:
            lines.feed(data)
        else:
            lines.end()
            self._selector.unregister(descriptor)

    def _close(self) -> int:
        """Kills what is left of the group, takes what was printed to the end, and lets go of everything."""
        if self._process.returncode is None:
            self._group.close()
            self._process.wait()
            self._finish_outputs()
        return int(self._process.returncode)

    def _finish_outputs(self) -> None:
        for key in list(self._selector.get_map().values()):
            if key.fd != self._exit:
                self._read(key.fd, key.data)
                key.data.end()
        self._selector.close()
        os.close(self._exit)
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()
