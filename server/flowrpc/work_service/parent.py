"""Dying with the process that started this one."""

from __future__ import annotations

import ctypes
import os
import signal

_PR_SET_PDEATHSIG = 1


def die_with_parent(parent_pid: int) -> None:
    """Lets the kernel kill this process when the parent's thread that spawned it ends, in whatever way.

    So a parent spawns from its main thread. Without `prctl`, other signs of a dead parent have to do.
    """
    try:
        prctl = ctypes.CDLL(None, use_errno=True).prctl
    except (OSError, AttributeError):
        return
    prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent_pid:  # it died before the kernel knew what to do then
        os._exit(1)
