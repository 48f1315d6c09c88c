"""The guard: a process that does nothing until its agent is dead, and then kills what its runners started.

The kernel kills runners with their agent, but not what user code started in them. Whatever ends the agent closes
its end of a pipe, and the guard reads the end of it.
"""

from __future__ import annotations

import logging
import os
import signal
from contextlib import suppress

from flowrpc.errors import StartError

logger = logging.getLogger(__name__)

_READ_BYTES = 4096
_STANDARD = 3  # input, output and errors


class Guard:
    """Starts a guard by a fork, so before this process has any other thread.

    Raises:
        StartError: The system does not start it.
    """

    def __init__(self) -> None:
        theirs, self._pipe = os.pipe()
        try:
            self._pid = os.fork()
        except OSError as error:
            raise StartError(f"the guard of the runners cannot be started: {error}") from error
        if self._pid == 0:
            _guard(theirs)
        os.close(theirs)
        os.set_blocking(self._pipe, False)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._pid

    def watch(self, group: int) -> None:
        """Has a process group killed if this process ends."""
        self._say(f"+{group}\n")

    def forget(self, group: int) -> None:
        """Undoes `watch`; called while the id of the group cannot be another's yet."""
        self._say(f"-{group}\n")

    def close(self) -> None:
        """Ends the guard, which kills what it watches."""
        os.close(self._pipe)
        with suppress(ChildProcessError):
            os.waitpid(self._pid, 0)

    def _say(self, line: str) -> None:
        try:
            os.write(self._pipe, line.encode())
        except OSError as error:  # somebody stopped or killed it
            logger.warning("the guard of the runners does not listen: %s", error)


def _guard(pipe: int) -> None:
    """Is the whole life of the guard; never returns."""
    try:
        _leave_everything_but(pipe)
        _kill(_watched_at_the_end(pipe))
    finally:
        os._exit(0)  # whatever happens, the agent's code must not go on in here


def _leave_everything_but(pipe: int) -> None:
    """Lets go of all that would be kept open or heard with the agent."""
    os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(_STANDARD):
        os.dup2(nothing, descriptor)
    os.closerange(_STANDARD, pipe)
    os.closerange(pipe + 1, os.sysconf("SC_OPEN_MAX"))


def _watched_at_the_end(pipe: int) -> set[int]:
    """Returns the groups that are watched when the agent has ended."""
    groups: set[int] = set()
    rest = b""
    while data := os.read(pipe, _READ_BYTES):
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            (groups.add if line[:1] == b"+" else groups.discard)(int(line[1:]))
    return groups


def _kill(groups: set[int]) -> None:
    for group in groups:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
