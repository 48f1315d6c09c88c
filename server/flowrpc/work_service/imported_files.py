"""The files that an app was made of when it was imported, and whether they still are what they were."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

MAX_FILES = 1_000
"""How many files are looked at each time a runner starts."""

_Stamp = tuple[int, int, int, int] | None

_INSTALLED = ("/site-packages/", "/dist-packages/")
"""Whoever installs something starts the app again."""

_NOT_WATCHED = (
    os.path.dirname(os.__file__) + os.sep,  # noqa: PTH120 - the standard library
    str(Path(__file__).parents[1]) + os.sep,
    *("/dev/", "/proc/", "/sys/"),
)


class ImportedFiles:
    """Notes what is read: the files of modules, and what they open, whether it is there or not."""

    def __init__(self) -> None:
        self._before = set(sys.modules)
        self._began = time.time_ns()
        self._opened: set[str] | None = set()
        self._stamps: dict[str, _Stamp] = {}
        sys.addaudithook(self._note)

    def end(self) -> None:
        """Notes nothing more."""
        opened, self._opened = self._opened or set(), None
        opened.update(self._module_files())
        self._stamps = {path: _stamp(path) for path in opened if _is_watched(path)}

    def __len__(self) -> int:
        """How many there are."""
        return len(self._stamps)

    @property
    def changed(self) -> bool:
        """Whether one is not what it was; one that changed while it was read counts."""
        return any(
            stamp != _stamp(path) or (stamp is not None and stamp[3] >= self._began)
            for path, stamp in self._stamps.items()
        )

    def _note(self, event: str, args: tuple[object, ...]) -> None:
        if self._opened is None or event != "open":
            return
        path, _, flags = args
        if isinstance(path, str) and isinstance(flags, int) and flags & os.O_ACCMODE == os.O_RDONLY:
            self._opened.add(os.path.abspath(path))  # noqa: PTH100 - no object is worth making here

    def _module_files(self) -> Iterator[str]:
        for name in set(sys.modules) - self._before:
            file = getattr(sys.modules[name], "__file__", None)
            if isinstance(file, str):
                yield file


def _is_watched(path: str) -> bool:
    return not path.startswith(_NOT_WATCHED) and not any(folder in path for folder in _INSTALLED)


def _stamp(path: str) -> _Stamp:
    try:
        found = os.stat(path)  # noqa: PTH116 - the fastest way, for each file at each start
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
