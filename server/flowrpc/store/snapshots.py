"""Snapshot files: the whole state at one revision, so that recovery need not begin at the first.

A file is `_MAGIC`, the SHA-256 of all that follows, then format, revision, journal id and the revision's link in the
hash chain (`_HEADER`), then the payload.
"""

from __future__ import annotations

import hashlib
import logging
import struct
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from flowrpc.errors import StoreError
from flowrpc.store.disk import DISK, Disk

_logger = logging.getLogger(__name__)

_MAGIC = b"FLOWSNAP"
_FORMAT = 1
_HEADER = struct.Struct(">HQ32s32s")
_HASH_END = len(_MAGIC) + hashlib.sha256().digest_size
_PAYLOAD_START = _HASH_END + _HEADER.size
_HALF_WRITTEN = ".tmp"


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What a snapshot file holds."""

    path: Path
    revision: int
    link: bytes
    """The link of the revision in the hash chain."""
    payload: bytes


class Snapshots:
    """The folder of snapshots of one journal; two are kept, so that a damaged one can be done without."""

    def __init__(self, folder: Path, journal_id: str, disk: Disk = DISK) -> None:
        """Names the folder, which must exist; snapshots of other journals in it count as damaged."""
        self._folder = folder
        self._journal_id = journal_id
        self._disk = disk

    def revisions(self) -> list[int]:
        """Returns the revisions of the snapshot files, newest first."""
        names = (path.stem for path in self._folder.glob("*.snapshot"))
        return sorted((int(name) for name in names if name.isdecimal()), reverse=True)

    def verified(self) -> Iterator[Snapshot]:
        """Yields the snapshots that verify, newest first; logs those that do not."""
        for revision in self.revisions():
            try:
                yield self.read(revision)
            except StoreError as error:
                _logger.error("passing over a damaged snapshot: %s", error, extra={"revision": revision})

    def read(self, revision: int) -> Snapshot:
        """Reads and verifies the snapshot of a revision.

        Raises:
            StoreError: it cannot be read, is damaged, or of another journal, revision or format.
        """
        path = self._path(revision)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise StoreError(f"{path} cannot be read: {error.strerror}") from error
        return self._verified(path, revision, content)

    def write(self, revision: int, link: bytes, payload: bytes) -> None:
        """Makes a snapshot durable and verifies it by reading it back.

        Raises:
            StoreError: it cannot be written or read back; the older ones are as they were.
        """
        path = self._path(revision)
        temporary = path.with_suffix(_HALF_WRITTEN)
        try:
            self._disk.write(temporary, self._content(revision, link, payload))
            self._verified(temporary, revision, temporary.read_bytes())
            self._disk.rename(temporary, path)
            self._disk.sync_folder(self._folder)
        except OSError as error:
            raise StoreError(f"{path} cannot be written: {error.strerror}") from error
        finally:
            if temporary.exists():
                with suppress(OSError):
                    self._disk.remove(temporary)

    def keep(self, *kept: int) -> None:
        """Removes all but the snapshots of some revisions, what a crash left half written too.

        A file that cannot be removed only takes room, and is tried again the next time.
        """
        kept_paths = {self._path(revision) for revision in kept}
        _remove(set(self._folder.iterdir()) - kept_paths, self._disk)

    def _content(self, revision: int, link: bytes, payload: bytes) -> bytes:
        body = _HEADER.pack(_FORMAT, revision, self._journal_id.encode(), link) + payload
        return _MAGIC + hashlib.sha256(body).digest() + body

    def _verified(self, path: Path, revision: int, content: bytes) -> Snapshot:
        digest = hashlib.sha256(memoryview(content)[_HASH_END:]).digest()
        if len(content) < _PAYLOAD_START or content[:_HASH_END] != _MAGIC + digest:
            raise StoreError(f"{path} is damaged: its hash does not fit")
        *found, link = _HEADER.unpack_from(content, _HASH_END)
        if found != [_FORMAT, revision, self._journal_id.encode()]:
            raise StoreError(f"{path} is of another journal, revision or format")
        return Snapshot(path=path, revision=revision, link=link, payload=content[_PAYLOAD_START:])

    def _path(self, revision: int) -> Path:
        return self._folder / f"{revision:020d}.snapshot"


def remove_half_written(folder: Path, disk: Disk = DISK) -> None:
    """Removes what crashes left half written: each life may leave another one, until a full disk lets none begin."""
    _remove(folder.glob(f"*{_HALF_WRITTEN}"), disk)


def _remove(paths: Iterable[Path], disk: Disk) -> None:
    for path in paths:
        try:
            disk.remove(path)
        except OSError as error:
            _logger.warning("cannot remove an old snapshot: %s", error)
