"""A shelf: what works have put on one drive, by work and name. An entry says which content it is."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from urllib.parse import quote, unquote

from flowrpc.errors import InvalidValueError, StorageError
from flowrpc.storage.depot import Depot
from flowrpc.storage.names import MAX_NAME_BYTES
from flowrpc.storage.reference import Content, read_content, write_content

DRIVES = "drives"
_SUFFIX = "=json"  # no quoted name has a `=`, so no key is that of a folder


class Shelf:
    """Keeps the entries of one drive.

    Args:
        depot: The app's storage.
        drive: The drive's name.
    """

    def __init__(self, depot: Depot, drive: str) -> None:
        self._depot = depot
        self._root = f"{DRIVES}/{quoted(drive)}"

    def put(self, work: str, name: str, content: Content) -> None:
        """Puts an entry there, or another content into it."""
        data = json.dumps(write_content(content)).encode()
        self._depot.backend.put(io.BytesIO(data), self._key(work, name))

    def remove(self, work: str, name: str) -> None:
        """Removes an entry; the content stays until a sweep."""
        self._depot.backend.remove(self._key(work, name))

    def names(self) -> Iterator[tuple[str, str]]:
        """Yields work and name of every entry."""
        root = self._depot.key(self._root) + "/"
        for entry in self._depot.backend.list(self._depot.key(self._root)):
            work, _, name = entry.key.removeprefix(root).partition("/")
            yield unquote(work), "/".join(map(unquote, name.removesuffix(_SUFFIX).split("/")))

    def owners(self, name: str) -> list[tuple[str, str]]:
        """Returns work and name of the entries of a name."""
        return [entry for entry in self.names() if entry[1] == name]

    def content(self, work: str, name: str) -> Content:
        """Returns the content of an entry.

        Raises:
            FileNotFoundError: It is gone.
            StorageError: It cannot be read.
        """
        return read_entry(self._depot, self._key(work, name))

    def _key(self, work: str, name: str) -> str:
        path = "/".join(quoted(part) for part in name.split("/"))
        return self._depot.key(f"{self._root}/{quoted(work)}/{path}{_SUFFIX}")


def read_entry(depot: Depot, key: str) -> Content:
    """Reads the entry under a key.

    Raises:
        FileNotFoundError: It is gone.
        StorageError: It cannot be read.
    """
    with depot.backend.open(key) as file:
        data = file.read(4096)
    try:
        return read_content("entry", json.loads(data))
    except (ValueError, InvalidValueError) as error:
        raise StorageError(f"storage {depot.url}: {key} is damaged: {error}") from error


def quoted(name: str) -> str:
    """Makes a name that every storage takes.

    Raises:
        StorageError: It is too long.
    """
    plain = quote(name, safe="")
    if plain.startswith("."):  # hidden in some places, and left out where files are listed
        plain = f"%2E{plain[1:]}"
    if len(plain) > MAX_NAME_BYTES - len(_SUFFIX):
        raise StorageError(f"{name[:40]!r}… is too long for the storage; use a shorter name")
    return plain
