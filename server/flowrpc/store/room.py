"""Room on the disk: whether there is any."""

from __future__ import annotations

import errno
import os
from pathlib import Path

_PROBE_BYTES = 64 * 1024
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


def means_full(error: OSError) -> bool:
    """Tells whether something failed because the disk is full, or the quota used up."""
    return error.errno in _NO_ROOM


def no_room(data_dir: Path, problem: str) -> str:
    """Words the message of a StoreFullError."""
    return (
        f"the disk of {data_dir} is full ({problem}): free some room there; or stop the app, move the directory to a "
        "larger disk and name it with --data-dir"
    )


def is_full(folder: Path) -> bool:
    """Tells whether this user can write nothing more on the disk of a folder: it is full, or the quota is used up.

    It is tried: what a file system tells of its room knows no quota, and counts what is kept back for others.
    """
    try:
        descriptor = os.open(folder, os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    except OSError as error:
        return means_full(error)
    try:
        return os.write(descriptor, bytes(_PROBE_BYTES)) < _PROBE_BYTES
    except OSError as error:
        return means_full(error)
    finally:
        os.close(descriptor)
