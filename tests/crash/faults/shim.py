"""The shim: a library that is loaded before the C library, so that writes and syncs of one process fail when asked to.

To replace it by another one, give `Shim` the same methods.
"""

from __future__ import annotations

import errno
import mmap
import shutil
import struct
import subprocess
from pathlib import Path

_SOURCE = Path(__file__).with_name("shim.c")
_FIELD = struct.Struct("q")
_FAIL_SYNCS, _FAIL_WRITES, _WRITE_ERROR, _CLOCK, _FAILED = range(5)


class Shim:
    """Compiles the library and tells it what to do.

    Args:
        folder: Where its files are put.
    """

    def __init__(self, folder: Path) -> None:
        self._library = folder / "shim.so"
        self._page_path = folder / "shim.page"
        command = ["gcc", "-O2", "-shared", "-fPIC", "-o", str(self._library), str(_SOURCE), "-ldl"]
        subprocess.run(command, check=True, capture_output=True)
        self._page_path.write_bytes(bytes(mmap.PAGESIZE))
        with self._page_path.open("r+b") as file:
            self._page = mmap.mmap(file.fileno(), mmap.PAGESIZE)

    @staticmethod
    def available() -> str:
        """Returns why it cannot be used here; empty if it can."""
        return "" if shutil.which("gcc") else "no gcc to compile the shim with"

    @property
    def environment(self) -> dict[str, str]:
        """What loads it into a process."""
        return {"LD_PRELOAD": str(self._library), "TORTURE_SHIM": str(self._page_path)}

    @property
    def failed(self) -> int:
        """How many calls it let fail."""
        return self._get(_FAILED)

    def fail_syncs(self, count: int) -> None:
        """Lets the next syncs of the journal fail with EIO; -1: all from now on."""
        self._set(_FAIL_SYNCS, count)

    def fail_writes(self, count: int, error: int = errno.ENOSPC) -> None:
        """Lets the next writes of the journal fail; -1: all from now on."""
        self._set(_WRITE_ERROR, error)
        self._set(_FAIL_WRITES, count)

    def set_clock(self, seconds: float) -> None:
        """Puts the wall clock forward, or back."""
        self._set(_CLOCK, round(seconds * 1e9))

    def heal(self) -> None:
        """Lets everything succeed again; the clock stays."""
        self._set(_FAIL_SYNCS, 0)
        self._set(_FAIL_WRITES, 0)

    def close(self) -> None:
        self._page.close()

    def _set(self, place: int, value: int) -> None:
        _FIELD.pack_into(self._page, place * _FIELD.size, value)

    def _get(self, place: int) -> int:
        value: int = _FIELD.unpack_from(self._page, place * _FIELD.size)[0]
        return value
