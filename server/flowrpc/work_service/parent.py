"""Dying with the process that started this one, and being the parent of whom it did not start itself."""

from __future__ import annotations

import ctypes
import os
import signal
from typing import Any

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def die_with_parent(parent_pid: int, number: signal.Signals = signal.SIGKILL) -> None:
    """Lets the kernel signal this process when the parent's thread that spawned it ends, in whatever way.

    So a parent spawns from its main thread. Without `prctl`, other signs of a dead parent have to do.

    Args:
        parent_pid: The parent.
        number: The signal; by default it kills.
    """
    prctl = _prctl()
    if prctl is None:
        return
    prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)
    if os.getppid() != parent_pid:  # it died before the kernel knew what to do then
        os._exit(1)


def adopt_orphans(*, adopting: bool) -> bool:
    """Lets processes below this one whose parent ends become its children, or not; returns whether the system does."""
    prctl = _prctl()
    return prctl is not None and prctl(_PR_SET_CHILD_SUBREAPER, int(adopting), 0, 0, 0) == 0


def _prctl() -> Any:
    try:
        return ctypes.CDLL(None, use_errno=True).prctl
    except (OSError, AttributeError):
        return None
