"""A folder as storage. Without fsspec: what is put there survives a power cut, and starting an app stays quick."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import wraps
from pathlib import Path as LocalPath
from typing import IO, Any, TypeVar
from uuid import uuid4

from flowrpc.errors import StorageError
from flowrpc.storage.backend import Entry, copy

PARTS = "parts"
"""Where files are while they are written."""

Result = TypeVar("Result")


def _told(method: Callable[..., Result]) -> Callable[..., Result]:
    """Tells errors of the file system as the storage's."""

    @wraps(method)
    def call(self: Any, *args: Any, **kwargs: Any) -> Result:
        try:
            return method(self, *args, **kwargs)
        except OSError as error:
            raise StorageError(f"storage {self.url}: {error.strerror or error}") from error

    return call


class Folder:
    """Keeps files below a folder."""

    def __init__(self, root: LocalPath) -> None:
        self.url = root.as_uri()
        self._root = root

    @_told
    def put(self, source: IO[bytes], key: str, digest: str = "") -> bool:
        """Puts what is read under a key; False if it has not the digest."""
        target, part = self._root / key, self._root / PARTS / uuid4().hex
        self._make(part.parent)
        try:
            with part.open("xb") as written:
                found = copy(source, written)
                written.flush()
                os.fsync(written.fileno())
            if digest and found != digest:
                return False
            self._make(target.parent)
            part.replace(target)
            sync(target.parent)
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)
        return True

    def open(self, key: str) -> IO[bytes]:
        """Opens what is under a key."""
        try:
            return (self._root / key).open("rb", buffering=0)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise StorageError(f"storage {self.url}: {error.strerror or error}") from error

    @_told
    def find(self, key: str) -> Entry | None:
        """Tells what is under a key."""
        try:
            found = (self._root / key).stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return Entry(key=key, size=found.st_size, changed_at=found.st_mtime)

    def list(self, prefix: str) -> Iterator[Entry]:
        """Yields everything below a prefix."""
        for folder, folders, files in os.walk(self._root / prefix):
            folders.sort()
            for name in sorted(files):
                entry = self.find(str((LocalPath(folder) / name).relative_to(self._root)))
                if entry is not None:
                    yield entry

    @_told
    def remove(self, key: str) -> None:
        """Removes a file."""
        with suppress(NotADirectoryError):
            (self._root / key).unlink(missing_ok=True)

    @_told
    def remove_old(self, key: str, before: float) -> bool:
        """Removes a file unless it is younger: it is looked at where nobody finds it any more."""
        place, aside = self._root / key, self._root / PARTS / uuid4().hex
        self._make(aside.parent)
        try:
            place.rename(aside)
        except FileNotFoundError:
            return False
        if aside.stat().st_mtime < before:
            aside.unlink()
            return True
        with suppress(FileExistsError):  # it was put there once more
            os.link(aside, place)
        aside.unlink()
        return False

    def _make(self, folder: LocalPath) -> None:
        """Makes a folder, and sees to it that it is still there after a power cut."""
        if folder.is_dir():
            return
        if folder != folder.parent:
            self._make(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
        sync(folder.parent)


def sync(folder: LocalPath) -> None:
    """Makes it durable which names a folder has."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
