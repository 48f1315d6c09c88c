"""Folders as one content: a listing of what is in them, sorted, whose digest stands for all of it."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path as LocalPath
from typing import Any

from flowrpc.errors import InvalidValueError, StorageError
from flowrpc.storage.names import check_path
from flowrpc.storage.reference import Content, Facts, read_content, write_content

MAX_LISTING_BYTES = 64 * 1024 * 1024
"""How large a listing is at most: some 400,000 files."""

_FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedFile:
    """One file in a folder."""

    path: str
    content: Content
    executable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Everything in a folder: its files, and the folders that have none in them."""

    files: tuple[ListedFile, ...]
    empty: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.content.size for file in self.files)

    def data(self) -> bytes:
        """Writes it, the same for the same content whatever the order it was found in."""
        files = [
            write_content(file.content) | {"path": file.path, "executable": file.executable}
            for file in sorted(self.files, key=lambda file: file.path)
        ]
        facts = {"format": _FORMAT, "files": files, "empty": sorted(self.empty)}
        return json.dumps(facts, sort_keys=True, separators=(",", ":")).encode()


def read_listing(data: bytes) -> Listing:
    """Reads what `Listing.data` wrote, or somebody else made up.

    Raises:
        InvalidValueError: It is no listing, or a path in it leads elsewhere.
    """
    try:
        facts = Facts("listing", json.loads(data), required={"format", "files", "empty"}).given
        if facts["format"] != _FORMAT:
            raise InvalidValueError("listing", f"has the format {facts['format']!r}, which is not known here")
        listing = Listing(
            files=tuple([_read_file(file) for file in facts["files"]]),
            empty=tuple([check_path(path, "listing.empty") for path in facts["empty"]]),
        )
    except (ValueError, TypeError, AttributeError) as error:  # InvalidValueError is an AttributeError
        raise InvalidValueError("listing", f"cannot be read: {error}") from None
    _check_tree(listing)
    return listing


def _read_file(value: Any) -> ListedFile:
    facts = Facts("listing.files", value, required={"path", "executable", "digest", "size", "kind"})
    content = read_content("listing.files", {key: facts.given[key] for key in ("digest", "size", "kind")})
    path = check_path(facts.text("path"), "listing.files")
    return ListedFile(path=path, content=content, executable=facts.given["executable"] is True)


def _check_tree(listing: Listing) -> None:
    """Refuses a path that comes twice, or a file with something below it."""
    taken: set[str] = set()
    for path in [*(file.path for file in listing.files), *listing.empty]:
        if path in taken:
            raise InvalidValueError("listing", f"{path!r} comes twice")
        taken.add(path)
    for path in taken:
        names = path.split("/")
        above = next((up for n in range(1, len(names)) if (up := "/".join(names[:n])) in taken), None)
        if above is not None:
            raise InvalidValueError("listing", f"{above!r} is a file, and has {path!r} below it")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Something in a folder on this host."""

    path: str
    """Below the folder."""
    place: LocalPath
    """What to read: a link's end, if it is one."""
    folder: bool
    executable: bool = False


def walk(root: LocalPath) -> Iterator[Found]:
    """Yields the files in a folder, and the folders in it that are empty.

    Raises:
        StorageError: There is a link that leads out of the folder or to a folder, or something that is no file.
    """
    inside = root.resolve()
    for folder, folders, files in os.walk(root, onerror=_refuse):
        for name in [*folders, *files]:
            place = LocalPath(folder) / name
            path = _checked(str(place.relative_to(root)), place)
            if place.is_symlink() or name in files:
                yield _found_file(path, place, inside)
            elif not any(place.iterdir()):
                yield Found(path=path, place=place, folder=True)


def _refuse(error: OSError) -> None:
    raise StorageError(f"{error.filename} cannot be read: {error.strerror}") from error


def _checked(path: str, place: LocalPath) -> str:
    try:
        return check_path(path, str(place))
    except InvalidValueError as error:
        raise StorageError(f"{str(place)!r} cannot be handed over: {error.problem}") from None


def _found_file(path: str, place: LocalPath, inside: LocalPath) -> Found:
    end = place.resolve()
    if not end.is_relative_to(inside):
        raise StorageError(f"{place} is a link that leads out of its folder, to {end}; copy what it leads to")
    try:
        mode = end.stat().st_mode
    except OSError as error:
        raise StorageError(f"{place} cannot be read: {error.strerror}") from error
    if not stat.S_ISREG(mode):
        kind = "a link to a folder" if stat.S_ISDIR(mode) else "no regular file"
        raise StorageError(f"{place} is {kind}, which cannot be handed over; leave it out")
    return Found(path=path, place=end, folder=False, executable=bool(mode & stat.S_IXUSR))
