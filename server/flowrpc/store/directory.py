"""The data directory: `journal.db`, `snapshots/` and `lock`, for this user only."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path

from flowrpc.errors import StoreCorruptError, StoreError, StoreFullError
from flowrpc.store.damage import damaged
from flowrpc.store.disk import DISK, Disk
from flowrpc.store.head import read_head
from flowrpc.store.lock import DirectoryLock
from flowrpc.store.room import means_full, no_room

_logger = logging.getLogger(__name__)

_DATABASE = "journal.db"
_LOG = f"{_DATABASE}-wal"
_CONTENTS = (_DATABASE, _LOG, f"{_DATABASE}-shm", "snapshots", "head")
FILES = ("storage", "files")
"""Files of works, which go with their journal."""
_EMPTYING = "emptying"
_PAGE_BYTES = 4096
"""SQLite's."""


class DataDirectory:
    """The places in a data directory."""

    def __init__(self, path: Path, disk: Disk = DISK) -> None:
        """Names the directory; `prepare` makes it."""
        self.path = path
        self._disk = disk
        self.database = path / _DATABASE
        self.log = path / _LOG
        self.snapshots = path / "snapshots"
        self.head = path / "head"
        self._previous = path / "previous"

    @property
    def half_empty(self) -> bool:
        """Whether `empty` was cut short, and the next `prepare_files` finishes it."""
        return (self.path / _EMPTYING).exists()

    def prepare(self) -> None:
        """Makes the directory, with mode 0700, unless it is there; one that is there keeps its mode.

        Raises:
            StoreError: it cannot be made, or is no directory.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not self.database.exists():
                self._sync_way()
        except FileExistsError as error:
            raise StoreError(f"{self.path} is no directory: give another --data-dir") from error
        except OSError as error:
            raise StoreError(
                f"{self.path} cannot be made: {error.strerror}; give another --data-dir"
            ) from error

    def prepare_files(self) -> None:
        """Makes the files that a store needs, for this user only; the lock must be held.

        Raises:
            StoreCorruptError: there are snapshots or a head, but the database is gone.
            StoreError: they cannot be made.
        """
        try:
            if self.half_empty:
                self._move_away()
            self._disk.make_folder(self.snapshots)
            self._make_database()
            self._write_again()
        except OSError as error:
            if means_full(error):
                raise StoreFullError(no_room(self.path, str(error.strerror))) from error
            raise StoreError(f"{self.path} cannot be written: {error}; give another --data-dir") from error

    def empty(self) -> Path | None:
        """Moves the journal to `previous/`, in place of the one that is there; the lock must be held.

        The mark makes it whole or not at all: if it is cut short, the next `prepare_files` finishes it.

        Returns:
            Where the journal is now; None if there was none.
        """
        if not any((self.path / name).exists() for name in _CONTENTS):
            return None
        try:
            shutil.rmtree(self._previous, ignore_errors=True)
            self._previous.mkdir(mode=0o700)
            (self.path / _EMPTYING).touch(mode=0o600)
            self._disk.sync_folder(self.path)
            self._move_away()
        except OSError as error:
            raise StoreError(f"{self.path} cannot be emptied: {error}; give another --data-dir") from error
        return self._previous

    def _sync_way(self) -> None:
        """Makes the names on the way here durable, also those that an earlier try made, which was killed."""
        for folder in self.path.absolute().parents:
            if not os.access(folder, os.W_OK | os.R_OK):
                break  # whoever made what is in there, we did not
            self._disk.sync_folder(folder)

    def _make_database(self) -> None:
        if self.database.exists() and self.database.stat().st_size:
            return
        for what, there in (
            ("snapshots of it are", any(self.snapshots.glob("*.snapshot"))),
            ("the note of its last revision is", read_head(self.head) is not None),
        ):
            if there:
                raise StoreCorruptError(damaged(self.database, f"it is missing or empty, but {what} there"))
        os.close(self._disk.create(self.database))
        self._disk.sync_folder(self.path)

    def _write_again(self) -> None:
        """Makes durable what the log of the database, and the database's first page, are read as.

        A life may have ended because a file could not be synced. The system then shows what was written to it though
        the disk does not have it, and takes it for synced: it has to be written anew before anything stands on it.
        Other pages of the database are in the log until they are durable.
        """
        if self.log.exists():
            self._disk.write_again(self.log)
        self._disk.write_again(self.database, _PAGE_BYTES)

    def _move_away(self) -> None:
        """Moves what is still here: an earlier try may have been cut short."""
        for name in _CONTENTS + FILES:
            if (self.path / name).exists():
                (self.path / name).rename(self._previous / name)
        self._disk.sync_folder(self._previous)
        self._disk.sync_folder(self.path)
        (self.path / _EMPTYING).unlink()
        self._disk.sync_folder(self.path)


def prepare(data_dir: Path) -> None:
    """Makes a data directory, unless it is there.

    Raises:
        StoreError: it cannot be made, or is no directory.
    """
    DataDirectory(data_dir).prepare()


def fresh(data_dir: Path) -> Path | None:
    """Empties a data directory, so that the next store that opens it begins a new journal.

    Returns:
        Where the old journal is now, until the next call; None if there was none.

    Raises:
        StoreLockedError: a service uses the directory.
        StoreError: it cannot be emptied.
    """
    directory = DataDirectory(data_dir)
    directory.prepare()
    lock = DirectoryLock(data_dir)
    lock.acquire()
    try:
        moved_to = directory.empty()
    finally:
        lock.release()
    if moved_to is not None:
        _logger.info("moved the journal of %s to %s", data_dir, moved_to)
    return moved_to
