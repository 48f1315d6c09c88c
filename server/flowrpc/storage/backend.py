"""What keeps files under keys: a folder that every host sees, or whatever fsspec reaches."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path as LocalPath
from typing import IO, Protocol
from urllib.parse import unquote

from flowrpc.errors import StorageError

CHUNK_BYTES = 256 * 1024

_LOCAL = ("", "file", "local")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One file in a backend."""

    key: str
    size: int
    changed_at: float | None
    """Seconds since the epoch, on the storage's clock; None if that does not say."""


class Backend(Protocol):
    """Keeps files under keys: names with `/` between them.

    What stands under a key is whole: it is put there in one step, under another key first. Every method raises
    StorageError when the storage does not do it.
    """

    url: str

    def put(self, source: IO[bytes], key: str, digest: str = "") -> bool:
        """Puts what is read under a key; False, and nothing is there, if it has not the digest."""

    def open(self, key: str) -> IO[bytes]:
        """Opens what is under a key. Raises FileNotFoundError if there is nothing."""

    def find(self, key: str) -> Entry | None:
        """Tells what is under a key."""

    def list(self, prefix: str) -> Iterator[Entry]:
        """Yields everything whose key begins with the names of the prefix."""

    def remove(self, key: str) -> None:
        """Removes a file; one that is gone is fine."""

    def remove_old(self, key: str, before: float) -> bool:
        """Removes a file unless it was put there after a time, be it just now; tells whether it did."""


def backend_of(url: str) -> Backend:
    """Opens a storage. Nothing is read or written yet.

    Raises:
        StorageError: The URL is none, or nothing that is installed knows it.
    """
    parts = split_url(url)
    if parts.scheme in _LOCAL:
        from flowrpc.storage.folder import Folder

        return Folder(LocalPath(parts.path))
    from flowrpc.storage.remote import Remote

    return Remote(url)


def storage_url(text: str) -> str:
    """Makes the URL that every process is told of what somebody wrote: a folder's name, or a URL.

    Raises:
        StorageError: It cannot be one.
    """
    parts = split_url(text)
    if parts.scheme not in _LOCAL:
        return text.rstrip("/")
    if parts.netloc:
        raise StorageError(
            f"--storage {text}: a file URL has three slashes: file:///{parts.netloc}{parts.path}"
        )
    return LocalPath(parts.path).resolve().as_uri()


def split_url(url: str) -> Parts:
    """Takes a URL apart.

    Raises:
        StorageError: There is a password in it.
    """
    scheme, separator, rest = url.partition("://")
    if not separator:
        return Parts(scheme="", netloc="", path=url)
    if scheme in _LOCAL:
        netloc, _, path = rest.partition("/")
        return Parts(scheme=scheme, netloc=netloc, path=unquote(f"/{path}"))
    netloc = rest.partition("/")[0]
    if ":" in netloc.rpartition("@")[0]:
        raise StorageError(
            f"--storage: leave the password out of the URL, which everybody is shown; {scheme} takes it from the "
            f"environment, by FSSPEC_{scheme.upper()}_PASSWORD if by nothing else"
        )
    return Parts(scheme=scheme, netloc=netloc, path=rest.removeprefix(netloc))


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """A URL, taken apart."""

    scheme: str
    netloc: str
    path: str


def chunks(source: IO[bytes]) -> Iterator[memoryview | bytes]:
    """Reads to the end. A chunk is good until the next one is asked for: fresh memory costs more than the hash."""
    if not hasattr(source, "readinto"):
        while data := source.read(CHUNK_BYTES):
            yield data
        return
    buffer = memoryview(bytearray(CHUNK_BYTES))
    while count := source.readinto(buffer):
        yield buffer[:count]


def copy(source: IO[bytes], target: IO[bytes]) -> str:
    """Copies to the end, and returns the digest of what was copied."""
    digest = hashlib.sha256()
    for chunk in chunks(source):
        digest.update(chunk)
        target.write(chunk)
    return digest.hexdigest()
