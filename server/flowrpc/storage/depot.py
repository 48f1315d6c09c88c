"""The depot: the part of a storage that one app has, where contents are kept under their digests."""

from __future__ import annotations

import hashlib
import io
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path as LocalPath
from typing import IO

from flowrpc.errors import InvalidValueError, StorageError
from flowrpc.storage.backend import Backend, Entry, backend_of, chunks
from flowrpc.storage.folder import Folder
from flowrpc.storage.listing import MAX_LISTING_BYTES, ListedFile, Listing, read_listing, walk
from flowrpc.storage.names import check_path
from flowrpc.storage.reference import Content, Kind

MARKER = "flowrpc.json"
"""What says that a storage is the one that the flow means."""

GRACE_SECONDS = 7 * 24 * 3600.0
"""How old a content must be before it is removed because nothing refers to it."""

_OBJECTS = "objects"
_TRIES = 3


class Depot:
    """Keeps the contents of one app.

    Args:
        url: Where the storage is, as `storage_url` made it.
        journal_id: The journal of the app: apps share a storage without meeting in it.
    """

    def __init__(self, url: str, journal_id: str) -> None:
        self._url = url
        self._journal_id = check_path(journal_id, "journal id")
        self._opened: Backend | None = None

    @property
    def url(self) -> str:
        """Where the storage is."""
        return self._url

    @property
    def backend(self) -> Backend:
        """The storage; opened when it is first used."""
        if self._opened is None:
            self._opened = backend_of(self._url)
        return self._opened

    def key(self, name: str) -> str:
        """Returns the key of something of this app."""
        return f"{self._journal_id}/{name}"

    # The marker

    def mark(self) -> None:
        """Makes this storage the app's; done by the flow when it starts.

        Raises:
            StorageError: It cannot be written.
        """
        if self._read_marker() != self._journal_id:
            data = json.dumps({"journal_id": self._journal_id}).encode()
            self.backend.put(io.BytesIO(data), self.key(MARKER))

    def check(self) -> None:
        """Sees to it that this is the storage that the flow marked.

        Raises:
            StorageError: It is another one, as a folder of that name on another host is.
        """
        if self._read_marker() != self._journal_id:
            raise StorageError(
                f"storage {self._url} is not the one that the flow uses: the flow's mark {MARKER} is not in it. "
                "A folder must be the same on every host; start the app with --storage and a URL that all hosts reach"
            )

    def _read_marker(self) -> str:
        try:
            with self.backend.open(self.key(MARKER)) as file:
                return str(json.loads(file.read(4096))["journal_id"])
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return ""

    # Contents

    def holds(self, content: Content) -> bool:
        """Tells whether a content is there."""
        return self.backend.find(self.key(object_key(content.digest))) is not None

    def publish(self, place: LocalPath) -> Content:
        """Puts a file or a folder of this host there, unless it is there already.

        Raises:
            StorageError: It cannot be read or put there.
        """
        try:
            return self._publish_folder(place) if place.is_dir() else self._publish_file(place)
        except OSError as error:
            raise StorageError(f"{place} cannot be published: {error.strerror or error}") from error

    def publish_bytes(self, data: bytes) -> Content:
        """Puts bytes there."""
        content = Content(digest=hashlib.sha256(data).hexdigest(), size=len(data))
        if not self._is_kept(content.digest, len(data)):
            self.backend.put(io.BytesIO(data), self.key(object_key(content.digest)))
        return content

    def fetch(self, content: Content, place: LocalPath) -> None:
        """Writes a content to a place of this host where nothing is, durably. What is cut short is the caller's.

        Raises:
            StorageError: It is missing or damaged, or the place cannot be written.
        """
        try:
            if content.kind is Kind.FOLDER:
                self._fetch_folder(content, place)
            else:
                self._fetch_file(content, place, executable=False)
        except OSError as error:
            raise StorageError(f"{place} cannot be written: {error.strerror or error}") from error

    def read(self, content: Content) -> bytes:
        """Reads a content whole.

        Raises:
            StorageError: It is missing or damaged.
        """
        target = io.BytesIO()
        self._copy_out(content.digest, content.size, target)
        return target.getvalue()

    # Files and folders

    def _publish_file(self, place: LocalPath) -> Content:
        if place.exists() and not place.is_file():  # reading from a pipe or a socket might never end
            raise StorageError(f"{place} is no file; only files and folders can be handed over")
        for _ in range(_TRIES):
            with place.open("rb", buffering=0) as source:
                digest, size = _measure(source)
                if self._is_kept(digest, size):
                    return Content(digest=digest, size=size)
                source.seek(0)
                if self.backend.put(source, self.key(object_key(digest)), digest):
                    return Content(digest=digest, size=size)
        raise StorageError(f"{place} changes while it is published; publish it when it is written")

    def _publish_folder(self, place: LocalPath) -> Content:
        files, empty = [], []
        for found in walk(place):
            if found.folder:
                empty.append(found.path)
            else:
                content = self._publish_file(found.place)
                files.append(ListedFile(path=found.path, content=content, executable=found.executable))
        listing = Listing(files=tuple(files), empty=tuple(empty))
        data = listing.data()
        if len(data) > MAX_LISTING_BYTES:
            raise StorageError(
                f"{place} has too many files to be handed over as one; put them into an archive"
            )
        return Content(digest=self.publish_bytes(data).digest, size=listing.size, kind=Kind.FOLDER)

    def _fetch_file(self, content: Content, place: LocalPath, *, executable: bool) -> None:
        with place.open("xb") as target:
            self._copy_out(content.digest, content.size, target)
            target.flush()
            os.fsync(target.fileno())
        if executable:
            place.chmod(place.stat().st_mode | 0o100)

    def _fetch_folder(self, content: Content, place: LocalPath) -> None:
        place.mkdir()
        listing = self.listing(content)
        for path in listing.empty:
            (place / path).mkdir(parents=True, exist_ok=True)
        for file in listing.files:
            (place / file.path).parent.mkdir(parents=True, exist_ok=True)
            self._fetch_file(file.content, place / file.path, executable=file.executable)

    def listing(self, content: Content) -> Listing:
        """Reads the listing of a folder.

        Raises:
            StorageError: It is missing or damaged.
        """
        target = io.BytesIO()
        self._copy_out(content.digest, None, target)
        try:
            return read_listing(target.getvalue())
        except InvalidValueError as error:
            raise StorageError(f"{self._describe(content.digest)} is no folder: {error}") from error

    def _copy_out(self, digest: str, size: int | None, target: IO[bytes]) -> None:
        try:
            source = self.backend.open(self.key(object_key(digest)))
        except FileNotFoundError:
            raise StorageError(
                f"{self._describe(digest)} is missing; was the app started with another --storage before?"
            ) from None
        found, count, limit = hashlib.sha256(), 0, MAX_LISTING_BYTES if size is None else size
        for chunk in self._chunks(source, digest):
            count += len(chunk)
            if count > limit:  # what is damaged must not fill the disk
                break
            found.update(chunk)
            target.write(chunk)
        if found.hexdigest() != digest or count > limit:
            raise StorageError(
                f"{self._describe(digest)} is damaged: what is there has another digest or size"
            )

    def _chunks(self, source: IO[bytes], digest: str) -> Iterator[memoryview | bytes]:
        try:
            with source:
                yield from chunks(source)
        except Exception as error:  # each storage has exceptions of its own
            raise StorageError(f"{self._describe(digest)} cannot be read: {error}") from error

    def _describe(self, digest: str) -> str:
        return f"storage {self._url}: the content {digest[:16]}…"

    def _is_kept(self, digest: str, size: int) -> bool:
        """Tells whether a content is there and young enough that no sweep is about to take it."""
        entry = self.backend.find(self.key(object_key(digest)))
        if entry is None or entry.size != size:
            return False
        return entry.changed_at is None or time.time() - entry.changed_at < GRACE_SECONDS / 2

    # What a sweep needs

    @property
    def surely_empty(self) -> bool:
        """Whether nothing is there, as far as that can be told at once."""
        return isinstance(self.backend, Folder) and next(self.objects(), None) is None

    def objects(self) -> Iterator[tuple[str, Entry]]:
        """Yields every content by its digest."""
        for entry in self.backend.list(self.key(_OBJECTS)):
            yield entry.key.rpartition("/")[2], entry


def object_key(digest: str) -> str:
    """Returns where the content of a digest is kept."""
    return f"{_OBJECTS}/{digest[:2]}/{digest}"


def digest_of(place: LocalPath) -> str:
    """Makes the digest that a file or folder of this host would be published under.

    Raises:
        StorageError: It cannot be read.
    """
    if not place.is_dir():
        with place.open("rb", buffering=0) as source:
            return _measure(source)[0]
    files, empty = [], []
    for found in walk(place):
        if found.folder:
            empty.append(found.path)
            continue
        with found.place.open("rb", buffering=0) as source:
            digest, size = _measure(source)
        content = Content(digest=digest, size=size)
        files.append(ListedFile(path=found.path, content=content, executable=found.executable))
    return hashlib.sha256(Listing(files=tuple(files), empty=tuple(empty)).data()).hexdigest()


def _measure(source: IO[bytes]) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    for chunk in chunks(source):
        digest.update(chunk)
        size += len(chunk)
    return digest.hexdigest(), size
