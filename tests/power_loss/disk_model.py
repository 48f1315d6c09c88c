"""A disk that may lose power: what was synced stays; what was not may be dropped, torn or reordered."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from random import Random
from typing import TypeVar

T = TypeVar("T")

SECTOR_BYTES = 512
"""What a disk writes whole, unless power goes in the middle of it."""

PAGE_BYTES = 4096
"""What a system keeps in memory, and writes to the disk together."""


@dataclass(frozen=True, slots=True)
class Write:
    file: int
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Truncate:
    file: int
    size: int


@dataclass(frozen=True, slots=True)
class Sync:
    file: int


@dataclass(frozen=True, slots=True)
class Name:
    """Names of a folder that change together: each is another file's now, or nobody's (None)."""

    folder: str
    names: dict[str, int | None]


@dataclass(frozen=True, slots=True)
class SyncFolder:
    folder: str


@dataclass(frozen=True, slots=True)
class Mark:
    """No operation: something that was begun, or that somebody was told of."""

    what: str
    number: int


Operation = Write | Truncate | Sync | Name | SyncFolder | Mark


@dataclass(slots=True)
class _File:
    durable: bytes = b""
    pending: list[Write | Truncate] = field(default_factory=list)
    unwritten: bytes | None = None
    """What the system shows in place of what is durable since a sync failed; it does not try again to write that."""

    def take(self, change: Write | Truncate) -> None:
        """Takes a change in; with it goes the rest of the pages that it is in."""
        if self.unwritten is not None and isinstance(change, Write):
            begin = change.offset // PAGE_BYTES * PAGE_BYTES
            end = -(-(change.offset + len(change.data)) // PAGE_BYTES) * PAGE_BYTES
            change = replace(change, offset=begin, data=_written(self.shown(), [change])[begin:end])
        self.pending.append(change)

    def shown(self) -> bytes:
        """Returns what is read from it."""
        return _written(self.durable if self.unwritten is None else self.unwritten, self.pending)

    def sync(self) -> None:
        if self.unwritten is not None:
            self.unwritten = self.shown()
        self.durable, self.pending = _written(self.durable, self.pending), []

    def fail_to_sync(self, dice: Random) -> None:
        """Loses part of what was on its way; it is still shown."""
        self.unwritten = self.shown()
        survivors = [part for one in _survivors(self.pending, dice) for part in _torn(one, dice)]
        self.durable, self.pending = _written(self.durable, survivors), []


@dataclass(slots=True)
class _Folder:
    durable: dict[str, int] = field(default_factory=dict)
    pending: list[Name] = field(default_factory=list)


Image = dict[str, bytes]
"""Files by their path; folders are those that paths go through, and those that end with a slash."""


class DiskModel:
    """Knows at each moment what is durable and what is only on its way."""

    def __init__(self, image: Image) -> None:
        """Begins with an image, durable; file n is the n-th of it."""
        self._files = {number: _File(content) for number, content in enumerate(image.values())}
        self._folders: dict[str, _Folder] = {"": _Folder()}
        for number, path in enumerate(image):
            folder, _, name = path.rstrip("/").rpartition("/")
            name += "/" * path.endswith("/")
            self._folders.setdefault(folder, _Folder()).durable[name] = number

    def do(self, operation: Operation) -> None:
        """Takes an operation in."""
        match operation:
            case Write() | Truncate():
                self._files.setdefault(operation.file, _File()).take(operation)
            case Sync():
                self._files.setdefault(operation.file, _File()).sync()
            case Name():
                self._folders.setdefault(operation.folder, _Folder()).pending.append(operation)
            case SyncFolder():
                folder = self._folders.setdefault(operation.folder, _Folder())
                folder.durable, folder.pending = _named(folder.durable, folder.pending), []
            case Mark():
                pass

    def cut(self, dice: Random) -> Image:
        """Returns what may be on the disk after power went now."""
        image: Image = {}
        for path, folder in self._folders.items():
            names = _named(folder.durable, _survivors(folder.pending, dice))
            image |= {
                f"{path}/{name}".lstrip("/"): self._content(number, dice) for name, number in names.items()
            }
        return {path: content for path, content in image.items() if _reachable(path, image)}

    def killed(self, failed: Sync | None, dice: Random) -> tuple[Image, DiskModel]:
        """Returns what a process that was killed leaves, and the disk: all is there, and as little synced as before.

        If a sync failed just before, what it was to write is there, too, and only shown.
        """
        image: Image = {}
        numbers: dict[int, int] = {}
        for path, folder in self._folders.items():
            for name, number in _named(folder.durable, folder.pending).items():
                numbers[number] = len(image)
                image[f"{path}/{name}".lstrip("/")] = self._files.setdefault(number, _File()).shown()
        for number in self._files.keys() - numbers.keys():  # has no name, unless power goes
            numbers[number] = -1 - number
        disk = self._renumbered(numbers)
        if failed is not None:
            disk._files[numbers[failed.file]].fail_to_sync(dice)
        return image, disk

    def _renumbered(self, numbers: dict[int, int]) -> DiskModel:
        disk = DiskModel({})
        for number, file in self._files.items():
            pending = [replace(one, file=numbers[number]) for one in file.pending]
            disk._files[numbers[number]] = replace(file, pending=pending)
        for path, folder in self._folders.items():
            durable = {name: numbers[number] for name, number in folder.durable.items()}
            disk._folders[path] = _Folder(durable, [_renumbered(one, numbers) for one in folder.pending])
        return disk

    def _content(self, number: int, dice: Random) -> bytes:
        file = self._files.setdefault(number, _File())
        if not file.pending:
            return file.durable
        survivors = _survivors(file.pending, dice)
        if dice.random() < 0.5:
            survivors = [part for one in survivors for part in _torn(one, dice)]
        content = _written(file.durable, survivors)
        # A file may have grown on the way, and hold there what was on the disk before.
        grown = len(_written(file.durable, file.pending)) - len(content)
        if grown > 0 and dice.random() < 0.1:
            content += dice.randbytes(grown)
        return content


def _renumbered(change: Name, numbers: dict[int, int]) -> Name:
    names = {name: None if number is None else numbers[number] for name, number in change.names.items()}
    return replace(change, names=names)


def _reachable(path: str, image: Image) -> bool:
    folder, slash, _ = path.rpartition("/")
    return not slash or path.endswith("/") or f"{folder}/" in image


def _survivors(pending: list[T], dice: Random) -> list[T]:
    kind = dice.randrange(4)
    if kind == 0:
        return []
    if kind == 1:
        return list(pending)
    if kind == 2:
        return pending[: dice.randint(0, len(pending))]
    share = dice.random()
    return [one for one in pending if dice.random() < share]


def _torn(one: Write | Truncate, dice: Random) -> list[Write | Truncate]:
    """Takes a write apart into sectors, of which some are lost and some are written in part."""
    if isinstance(one, Truncate):
        return [one]
    parts: list[Write | Truncate] = []
    begin, end = one.offset, one.offset + len(one.data)
    share = dice.choice((0.3, 0.7, 0.95))
    while begin < end:
        stop = min(end, (begin // SECTOR_BYTES + 1) * SECTOR_BYTES)
        if dice.random() < share:
            upto = dice.randint(begin, stop) if dice.random() < 0.1 else stop
            parts.append(Write(one.file, begin, one.data[begin - one.offset : upto - one.offset]))
        begin = stop
    return parts


def _written(content: bytes, writes: list[Write | Truncate]) -> bytes:
    """Applies writes in order; a hole reads as zeros."""
    if not writes:
        return content
    out = bytearray(content)
    for one in writes:
        if isinstance(one, Truncate):
            del out[one.size :]
            out.extend(bytes(one.size - len(out)))
        elif one.data:
            out.extend(bytes(max(0, one.offset - len(out))))
            out[one.offset : one.offset + len(one.data)] = one.data
    return bytes(out)


def _named(names: dict[str, int], changes: list[Name]) -> dict[str, int]:
    out: dict[str, int | None] = dict(names)
    for change in changes:
        out |= change.names
    return {name: number for name, number in out.items() if number is not None}
