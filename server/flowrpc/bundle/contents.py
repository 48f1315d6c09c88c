"""What of an app's folder goes into a bundle, and what stays behind and why."""

from __future__ import annotations

import enum
import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from flowrpc.bundle.rules import Rules, component_patterns, rules_of
from flowrpc.errors import BundleError

_CACHE_TAG = b"Signature: 8a477f597d28d172789f06886806bc55"
"""How the file CACHEDIR.TAG begins (https://bford.info/cachedir)."""


class Kind(enum.Enum):
    """What an entry is."""

    FILE = "file"
    LINK = "link"
    FOLDER = "folder"
    """An empty folder; others are there because something is in them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that goes into a bundle."""

    path: str
    """Below the app's folder, with slashes. Names that are no UTF-8 are read as Python reads them (PEP 383)."""
    kind: Kind
    size_bytes: int = 0
    executable: bool = False
    target: str = ""
    """Where a link points, as it was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignored:
    """One thing that stays behind, with all that is in it."""

    path: str
    """Below the app's folder; that of a folder ends with a slash."""
    reason: str
    """The pattern, or in words what the thing is."""
    source: str
    """Where the pattern was written: `data/.lightningignore:3`, `root.train.lightningignore[0]`, or `always`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What was found in an app's folder."""

    folder: Path
    entries: tuple[Entry, ...]
    """What goes into a bundle, by path."""
    ignored: tuple[Ignored, ...]
    """What does not, by path."""

    @property
    def size_bytes(self) -> int:
        """The size of all files together."""
        return sum(entry.size_bytes for entry in self.entries)


def read_contents(
    folder: Path, lightningignores: Mapping[str, Sequence[str]], bundle: Path | None = None
) -> Contents:
    """Looks through an app's folder.

    Args:
        folder: The folder that the app file is in.
        lightningignores: The patterns of components, by component name; the files of the folder come after them.
        bundle: The file that the bundle is written to: it does not go into itself.

    Raises:
        BundleError: Something cannot be read.
    """
    survey = _Survey(folder.resolve(), bundle.resolve() if bundle is not None else None)
    survey.look_into(b"", rules_of(component_patterns(lightningignores)))
    return Contents(
        folder=survey.top,
        entries=tuple(sorted(survey.entries, key=lambda entry: os.fsencode(entry.path))),
        ignored=tuple(sorted(survey.ignored, key=lambda ignored: os.fsencode(ignored.path))),
    )


@dataclass(slots=True)
class _Survey:
    top: Path
    bundle: Path | None
    entries: list[Entry] = field(default_factory=list)
    ignored: list[Ignored] = field(default_factory=list)

    def look_into(self, folder: bytes, rules: Rules) -> None:
        """Sorts what is in a folder, and in those below that are not ignored."""
        waiting = [(folder, rules)]
        while waiting:  # no recursion: trees may be deeper than Python's stack
            folder, rules = waiting.pop()
            rules = rules.within(self.top, folder)
            items = self._scan(folder)
            for item in items:
                path = folder + os.fsencode(item.name)
                if self._goes_along(item, path, rules):
                    waiting.append((path + b"/", rules))
            if not items and folder:
                self.entries.append(Entry(path=os.fsdecode(folder[:-1]), kind=Kind.FOLDER))

    def _scan(self, folder: bytes) -> list[os.DirEntry[str]]:
        path = self.top / os.fsdecode(folder)
        try:
            with os.scandir(path) as items:
                return list(items)
        except OSError as error:
            raise unreadable(path, error) from error

    def _goes_along(self, item: os.DirEntry[str], path: bytes, rules: Rules) -> bool:
        """Notes an item, unless it is a folder to look into: tells whether it is."""
        folder = item.is_dir(follow_symlinks=False)
        name = os.fsdecode(path) + ("/" if folder else "")
        pattern = rules.ignoring(path, folder=folder)
        if pattern is not None:
            self.ignored.append(Ignored(path=name, reason=pattern.text, source=pattern.source))
        elif reason := self._reason_against(item, folder=folder):
            self.ignored.append(Ignored(path=name, reason=reason, source="always"))
        elif folder:
            return True
        else:
            self.entries.append(_entry(item, name))
        return False

    def _reason_against(self, item: os.DirEntry[str], *, folder: bool) -> str:
        """Says in words why something never goes along; empty if it may."""
        if folder:
            return _folder_made_by_tools(Path(item.path))
        if self.bundle is not None and item.name == self.bundle.name and Path(item.path) == self.bundle:
            return "(the bundle itself)"
        if not item.is_symlink() and not item.is_file():
            return "(a socket, pipe or device)"
        return ""


def _folder_made_by_tools(folder: Path) -> str:
    if (folder / "pyvenv.cfg").is_file() or (folder / "conda-meta").is_dir():
        return "(a virtual environment)"
    if (folder / "journal.db").is_file() and (folder / "tokens").is_dir():
        return "(a data directory)"
    return "(a cache, says its CACHEDIR.TAG)" if _is_tagged(folder / "CACHEDIR.TAG") else ""


def _is_tagged(tag: Path) -> bool:
    try:
        with tag.open("rb") as file:
            return file.read(len(_CACHE_TAG)) == _CACHE_TAG
    except OSError:
        return False  # most folders have none


def _entry(item: os.DirEntry[str], name: str) -> Entry:
    try:
        if item.is_symlink():
            return Entry(path=name, kind=Kind.LINK, target=str(Path(item.path).readlink()))
        status = item.stat(follow_symlinks=False)
    except OSError as error:
        raise unreadable(Path(item.path), error) from error
    executable = bool(status.st_mode & stat.S_IXUSR)
    return Entry(path=name, kind=Kind.FILE, size_bytes=status.st_size, executable=executable)


def unreadable(path: Path, error: OSError) -> BundleError:
    """Tells that something in the folder cannot be read."""
    return BundleError(
        f"{path} cannot be read: {error.strerror}; make it readable, or leave it out by a line in .lightningignore"
    )
