"""The disk: every operation that durability stands on, in one place, so that a test can put a model of a disk in."""

from __future__ import annotations

import mmap
import os
import sqlite3
from pathlib import Path


class Note:
    """A small file in memory, which the system writes to the disk in its own time, also if this process is killed."""

    def __init__(self, memory: mmap.mmap) -> None:
        """Takes the file's memory."""
        self._memory = memory

    def write(self, content: bytes) -> None:
        """Replaces the content, which has the size of the file."""
        self._memory[:] = content

    def close(self) -> None:
        """Closes the file."""
        self._memory.close()


class Disk:
    """Does what a store asks of a file system.

    What was written is durable once it was synced; what a folder names, once the folder was.
    """

    def connect(self, path: Path, *, read_only: bool) -> sqlite3.Connection:
        """Connects to a database; one that is not there is made, unless it is opened for reading."""
        # The thread that opens a store need not be the one that uses it; they never do at the same time.
        return sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
        )

    def make_folder(self, path: Path) -> None:
        """Makes a folder for this user only, unless it is there."""
        path.mkdir(mode=0o700, exist_ok=True)

    def create(self, path: Path) -> int:
        """Opens a file for this user only, which need not be there, and returns its descriptor."""
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def map_note(self, path: Path, size: int) -> Note:
        """Opens a small file, made if it is not there, to be overwritten often; what is written is not durable."""
        descriptor = self.create(path)
        try:
            if os.fstat(descriptor).st_size != size:
                os.ftruncate(descriptor, size)
            # Its place on the disk is taken now: a page that had none would end the process on a full disk.
            os.pwrite(descriptor, os.pread(descriptor, size, 0), 0)
            return Note(mmap.mmap(descriptor, size))
        finally:
            os.close(descriptor)

    def write(self, path: Path, content: bytes) -> None:
        """Makes a file with this content, durable when it returns; its name is not."""
        with path.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())

    def write_again(self, path: Path, size: int = -1) -> None:
        """Writes over a file, or its first bytes, what is read from it; that is durable when it returns."""
        with path.open("r+b") as file:
            content = file.read(size)
            file.seek(0)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())

    def rename(self, path: Path, target: Path) -> None:
        """Gives a file another name in its folder, which may be another file's."""
        path.rename(target)

    def remove(self, path: Path) -> None:
        """Removes a file."""
        path.unlink()

    def sync_folder(self, folder: Path) -> None:
        """Makes the names in a folder durable."""
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


DISK = Disk()
"""The disk of this machine."""
