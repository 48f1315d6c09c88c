"""The lock of a data directory: one flow service at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from flowrpc.errors import StoreError, StoreFullError, StoreLockedError
from flowrpc.store.room import means_full, no_room

LOCK_NAME = "lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class LockHolder:
    """Who holds the lock of a data directory."""

    pid: int
    address: str
    """Where it serves; empty while it does not yet."""


class DirectoryLock:
    """Holds a data directory from `acquire` to `release`, or to the end of the process.

    It is an flock: the kernel frees it when the holder is gone, however that happened; it never goes stale.
    """

    def __init__(self, data_dir: Path) -> None:
        """Names the directory, which must exist when the lock is acquired."""
        self._data_dir = data_dir
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Takes the lock and writes this process into it.

        Raises:
            StoreLockedError: another process holds it, or another store of this one.
            StoreError: the directory cannot be written.
        """
        descriptor = self._open()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise StoreLockedError(_held(self._data_dir)) from None
        except OSError as error:
            os.close(descriptor)
            raise StoreError(f"{self._data_dir}: the file system cannot lock: {error.strerror}") from error
        self._descriptor = descriptor
        try:
            self.write_address("")
        except StoreError:
            self.release()
            raise

    def write_address(self, address: str) -> None:
        """Tells those who look into the lock where its holder serves."""
        if self._descriptor is None:
            raise StoreError(f"{self._data_dir} is not locked: open the store first")
        try:
            note = f"{os.getpid()}\n{address}\n".encode()
            os.pwrite(self._descriptor, note, 0)  # over the old one: that needs no room
            os.ftruncate(self._descriptor, len(note))
        except OSError as error:
            if means_full(error):
                raise StoreFullError(no_room(self._data_dir, str(error.strerror))) from error
            raise StoreError(f"{self._data_dir / LOCK_NAME} cannot be written: {error.strerror}") from error

    def release(self) -> None:
        """Frees the directory; a lock that is not held stays so. The file stays: removing it would race."""
        if self._descriptor is not None:
            with suppress(OSError):
                os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None

    def _open(self) -> int:
        try:
            return os.open(self._data_dir / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(
                f"{self._data_dir} cannot be written: {error.strerror}; give this user a directory of its own"
                " with --data-dir"
            ) from error


@contextmanager
def unused(data_dir: Path) -> Iterator[None]:
    """Makes sure that no service begins to use a directory for a while, and leaves the note of the last one as it is.

    Raises:
        StoreLockedError: a service uses it.
        StoreError: the lock cannot be read.
    """
    try:
        descriptor = os.open(data_dir / LOCK_NAME, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:  # a copy without the lock: nobody uses it
        yield
        return
    except OSError as error:
        raise StoreError(f"{data_dir / LOCK_NAME} cannot be read: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise StoreLockedError(_held(data_dir)) from None
    finally:
        os.close(descriptor)


def lock_holder(data_dir: Path) -> LockHolder | None:
    """Returns who wrote itself into the lock last; None if nobody did or it left in order.

    It does not tell whether the holder lives: a killed one leaves its note behind.
    """
    try:
        pid, address, *_ = (data_dir / LOCK_NAME).read_text().split("\n")
        return LockHolder(pid=int(pid), address=address)
    except (OSError, ValueError):
        return None


def _held(data_dir: Path) -> str:
    holder = lock_holder(data_dir)
    who = f"process {holder.pid}" if holder else "another process"
    at = f" at {holder.address}" if holder and holder.address else ""
    return f"{data_dir} is used by {who}{at}: end it with `flowctl stop`, or take another --data-dir"
