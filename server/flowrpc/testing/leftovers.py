"""Processes that a test's app left behind: found by the run directory in their environment, which no other app has."""

from __future__ import annotations

import os
import select
import signal
import time
from contextlib import suppress
from pathlib import Path


def end_all(run_dir: Path, seconds: float) -> None:
    """Waits until every process of an app has ended, and kills what has not by then.

    Args:
        run_dir: The private run directory of the app.
        seconds: How long they have, before they are killed and after.

    Raises:
        TimeoutError: A process survived being killed.
    """
    if _wait(run_dir, time.monotonic() + seconds):
        return
    for descriptor in _open(run_dir):
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        os.close(descriptor)
    if not _wait(run_dir, time.monotonic() + seconds):
        raise TimeoutError(f"processes of the app in {run_dir} are left, though they were killed")


def _wait(run_dir: Path, deadline: float) -> bool:
    """Waits for the processes that there are, and those that they start meanwhile; tells whether all ended in time."""
    while descriptors := _open(run_dir):
        ended = [_wait_for(descriptor, deadline) for descriptor in descriptors]
        for descriptor in descriptors:
            os.close(descriptor)
        if not all(ended):
            return False
    return True


def _wait_for(descriptor: int, deadline: float) -> bool:
    ended, _, _ = select.select([descriptor], [], [], max(deadline - time.monotonic(), 0.0))
    return bool(ended)


def _open(run_dir: Path) -> list[int]:
    """Opens every living process of the app, so that its id cannot become another's."""
    descriptors = []
    for process in Path("/proc").glob("[0-9]*"):
        if not _belongs(process, run_dir):
            continue
        with suppress(ProcessLookupError):
            descriptor = os.pidfd_open(int(process.name))
            if _belongs(process, run_dir):  # and not one that got its id just now
                descriptors.append(descriptor)
            else:
                os.close(descriptor)
    return descriptors


def _belongs(process: Path, run_dir: Path) -> bool:
    try:
        environment = (process / "environ").read_bytes()
    except OSError:  # it ended, or is another user's
        return False
    return f"FLOWRPC_RUN_DIR={run_dir}".encode() in environment.split(b"\0")
