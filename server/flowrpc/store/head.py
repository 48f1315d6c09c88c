"""The head: a note of the last acknowledged revision, beside the journal.

It is not synced, so it costs a commit next to nothing. It is written after its revision was made durable: it may be
old, or torn by a power cut, and then says nothing; but what it says was durable. So it tells a journal that lost its
end (its log did not come along in a copy, or does not verify) from one that is whole.
"""

from __future__ import annotations

import logging
import zlib
from dataclasses import dataclass
from pathlib import Path

from flowrpc.errors import StoreCorruptError, StoreError
from flowrpc.store.damage import damaged
from flowrpc.store.disk import DISK, Disk, Note

_logger = logging.getLogger(__name__)

_BYTES = 192
"""Fixed, so that a shorter note leaves nothing of a longer one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What was acknowledged last."""

    journal_id: str
    life: int
    revision: int
    link: bytes

    def to_bytes(self) -> bytes:
        """Writes it as one line of text with a checksum."""
        return _line(f"{self.journal_id} {self.life}".encode(), self.revision, self.link)

    def check(self, database: Path, end: Head) -> None:
        """Compares with where a journal ends.

        Raises:
            StoreCorruptError: Something that was acknowledged is not in the journal.
        """
        problem = self.problem(end)
        if problem:
            raise StoreCorruptError(damaged(database, problem, good=end.revision or None))

    def problem(self, end: Head) -> str:
        """Tells what was acknowledged and is not in a journal that ends there; empty if nothing is missing."""
        if self.journal_id != end.journal_id:
            return f"it is the journal {end.journal_id}, but that of this directory is {self.journal_id}"
        if self.revision > end.revision:
            return f"it ends at revision {end.revision}, but revision {self.revision} was acknowledged"
        if self.revision == end.revision and self.link != end.link:
            return f"revision {end.revision} is not the one that was acknowledged"
        if self.life > end.life:
            return f"it is in life {end.life}, but life {self.life} had begun"
        return ""


def read_head(path: Path) -> Head | None:
    """Reads the note; None if it is not there, or not readable, which a power cut may do.

    Raises:
        StoreError: The file cannot be read.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}") from error
    text, _, crc = content.strip().rpartition(b" ")
    try:
        if zlib.crc32(text) != int(crc, 16):
            return None
        journal_id, life, revision, link = text.decode().split(" ")
        return Head(journal_id=journal_id, life=int(life), revision=int(revision), link=bytes.fromhex(link))
    except ValueError:
        return None


def check_begun(database: Path, head: Head | None) -> None:
    """Checks that a journal without tables was never used.

    Raises:
        StoreCorruptError: It was.
    """
    if head is not None:
        problem = f"it is empty, but revision {head.revision} was acknowledged"
        raise StoreCorruptError(damaged(database, problem))


class HeadWriter:
    """Notes what is acknowledged, in one life. It writes to memory, since every commit waits for it."""

    def __init__(self, path: Path, head: Head, disk: Disk = DISK) -> None:
        """Opens the file and notes where the life begins; without a note the journal is as durable."""
        self._life = f"{head.journal_id} {head.life}".encode()
        self._note: Note | None = None
        try:
            self._note = disk.map_note(path, _BYTES)
        except OSError as error:
            _logger.warning("cannot write %s: %s; the journal is not concerned", path, error)
        self.note(head.revision, head.link)

    def note(self, revision: int, link: bytes) -> None:
        """Notes that a revision is durable."""
        if self._note is not None:
            self._note.write(_line(self._life, revision, link))

    def close(self) -> None:
        """Closes the file."""
        if self._note is not None:
            self._note.close()


def _line(life: bytes, revision: int, link: bytes) -> bytes:
    text = b"%s %d %s" % (life, revision, link.hex().encode())
    return (b"%s %08x" % (text, zlib.crc32(text))).ljust(_BYTES - 1) + b"\n"
