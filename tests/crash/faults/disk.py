"""A small disk that can be filled: a tmpfs of its own."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from pathlib import Path

SIZE = "256m"
_BLOCK = 1024 * 1024


class SmallDisk:
    """Mounts a small disk at a folder, and fills it when asked to.

    Args:
        folder: Where it is mounted.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._filler = folder / "filler"
        self._mounted = False

    def mount(self) -> str:
        """Mounts it; returns why that is not possible, empty if it is."""
        if os.geteuid() != 0:
            return "only root can mount a small disk"
        self._folder.mkdir(parents=True, exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=0700", "torture", str(self._folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            return f"cannot mount a small disk: {done.stderr.strip()}"
        self._mounted = True
        return ""

    def fill(self) -> None:
        """Takes all the room that there is."""
        with self._filler.open("ab", buffering=0) as file:
            for size in (_BLOCK, 4096, 512, 1):
                with suppress(OSError):
                    while True:
                        if file.write(b"\0" * size) < size:
                            break

    def free(self) -> None:
        """Gives the room back."""
        self._filler.unlink(missing_ok=True)

    def unmount(self) -> None:
        if self._mounted:
            subprocess.run(["umount", "-l", str(self._folder)], capture_output=True, check=False)
            self._mounted = False
