"""Processes that the agent is the parent of, whoever started them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol

from flowrpc.work_service.fork_safety import process_children


class Child(Protocol):
    """A process to wait for. Until that was done, its id is no other's."""

    @property
    def pid(self) -> int:
        """Its id."""

    @property
    def returncode(self) -> int | None:
        """How it ended, as `subprocess` tells it; None until it was waited for."""

    def wait(self) -> int:
        """Waits for its end; returns how that was."""


class Adopted:
    """A child that another process started.

    Args:
        pid: Its id.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def wait(self) -> int:
        """Waits for its end; returns how that was."""
        if self.returncode is None:
            self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.returncode


def spawn_runner(arguments: Sequence[str], ends: tuple[int, int, int]) -> Child:
    """Starts a runner as a fresh process.

    Raises:
        OSError: The system does not let it.
    """
    peer, stdout, stderr = ends
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "flowrpc.work_service.runner", *arguments, "--fd", str(peer)],
        pass_fds=[peer],
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,
    )


def reap_strangers(known: set[int]) -> None:
    """Waits for children that have ended and that nobody here waits for: orphans that came with runners."""
    for pid in process_children():
        if pid not in known:
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
