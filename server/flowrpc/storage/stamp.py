"""Stamps: whether a file changed, told by what the file system says of it, without reading it."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path as LocalPath
from typing import NamedTuple

_SETTLED_NS = 100_000_000
_COARSE_SETTLED_NS = 2_500_000_000
_SECOND_NS = 1_000_000_000


class Stamp(NamedTuple):
    """Is equal to an earlier one if nothing was written between, as far as the file system tells."""

    facts: tuple[tuple[str, int, int, int, int], ...]
    """Of each file its path, mode, size, time of the last change and inode."""
    reliable: bool
    """Whether a change after it would show: not if the newest one is so young that the next may have the same time."""


def stamp_of(path: LocalPath) -> Stamp:
    """Takes the stamp of a file, or of everything in a folder."""
    now = time.time_ns()
    facts = tuple(_facts(path))
    return Stamp(facts, all(_is_settled(changed, now) for _, _, _, changed, _ in facts))


def _facts(path: LocalPath) -> Iterator[tuple[str, int, int, int, int]]:
    yield _fact(path, "")
    if path.is_dir():
        for folder, folders, files in os.walk(path):
            for name in sorted([*folders, *files]):
                found = LocalPath(folder) / name
                yield _fact(found, str(found.relative_to(path)))


def _fact(path: LocalPath, name: str) -> tuple[str, int, int, int, int]:
    found = path.stat() if not name else path.lstat()
    size = 0 if stat.S_ISDIR(found.st_mode) else found.st_size
    return name, found.st_mode, size, max(found.st_mtime_ns, found.st_ctime_ns), found.st_ino


def _is_settled(changed: int, now: int) -> bool:
    # Some file systems count whole seconds, or two; the others a tick of the kernel.
    coarse = changed % _SECOND_NS == 0
    return now - changed > (_COARSE_SETTLED_NS if coarse else _SETTLED_NS)
