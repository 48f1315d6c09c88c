"""A process group that dies with this process, in whatever way that ends."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress

_LEADER = "trap '' HUP INT QUIT TERM; echo; read -r _; kill -KILL 0"
"""Says that it is there, waits until the other end of its input is closed, and kills its group."""


class ProcessGroup:
    """Is led by a shell that does nothing but wait for the end of this process, and then kill the group.

    Whoever joins it cannot survive this process, unless it leaves the group. The leader is there before anybody joins,
    and until `close` has reaped it no other group can have its id.

    Raises:
        OSError: The system does not start it.
    """

    def __init__(self) -> None:
        self._leader = subprocess.Popen(
            ["/bin/sh", "-c", _LEADER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            process_group=0,
        )
        assert self._leader.stdout is not None, "its output is a pipe"
        with self._leader.stdout as ready:
            ready.read(1)

    @property
    def id(self) -> int:
        """The id to join it by."""
        return self._leader.pid

    def terminate(self) -> None:
        """Asks all of it to end, by SIGTERM, which the leader does not hear."""
        self._signal(signal.SIGTERM)

    def close(self) -> None:
        """Kills all of it."""
        if self._leader.returncode is not None:
            return
        self._signal(signal.SIGKILL)
        assert self._leader.stdin is not None, "its input is a pipe"
        self._leader.stdin.close()
        self._leader.wait()

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):  # some system's word for a group of zombies
            os.killpg(self.id, number)
