"""Guards files against silent change: each night two works digest them at the same time, and a third one compares."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path as LocalPath
from typing import Any

from flowrpc import LightningApp, LightningFlow, LightningWork, List, Path, Retry

PARTS = 2
KEPT_NIGHTS = 3
FOLDER = os.environ.get("FILE_GUARD_ROOT") or str(LocalPath(__file__).parent)


class Digest(LightningWork):
    """Digests one part of the files of a folder."""

    def __init__(self) -> None:
        super().__init__(
            parallel=True, raise_exception=False, retry=Retry(attempts=3, delay=timedelta(seconds=1))
        )
        self.digests = Path("digests.json")
        self.files = 0

    def run(self, folder: str, part: int) -> None:
        if not LocalPath(folder).is_dir():
            raise FileNotFoundError(f"{folder} is no folder")
        digests = {}
        for path in visible_files(LocalPath(folder))[part::PARTS]:
            digests[path] = hashlib.sha256((LocalPath(folder) / path).read_bytes()).hexdigest()
            self.files = len(digests)
        self.digests.write_text(json.dumps(digests))


class Compare(LightningWork):
    """Tells what the digests of two nights differ in."""

    def __init__(self) -> None:
        super().__init__(parallel=True, raise_exception=False)
        self.differences: dict[str, list[str]] = {}

    def run(self, now: list[Path], before: list[Path]) -> None:
        new, old = joined(now), joined(before)
        self.differences = {
            "added": sorted(new.keys() - old.keys()),
            "removed": sorted(old.keys() - new.keys()),
            "changed": sorted(path for path in new.keys() & old.keys() if new[path] != old[path]),
        }


class Night(LightningFlow):
    """One night: the digests first, and the comparison when they are there."""

    def __init__(self, number: int, before: list[Path]) -> None:
        super().__init__()
        self.number = number
        self.before = before
        self.digests = List(*(Digest() for _ in range(PARTS)))
        self.compare = Compare()
        self.stage = "digesting"

    def run(self, folder: str) -> None:
        for part, digest in enumerate(self.digests):
            digest.run(folder, part)
        if all(digest.has_succeeded for digest in self.digests):
            self.stage = "comparing"
            self.compare.run(self.found, self.before)
        if self.compare.has_succeeded:
            self.stage = "done"
        elif self.compare.has_failed or any(digest.has_failed for digest in self.digests):
            self.stage = "failed"

    @property
    def found(self) -> list[Path]:
        """Where the digests of this night are."""
        return [digest.digests for digest in self.digests]

    @property
    def over(self) -> bool:
        """Whether nothing more happens."""
        return self.stage in ("done", "failed")


class FileGuard(LightningFlow):
    """Begins a night at three, and keeps the last ones."""

    def __init__(self, folder: str = FOLDER) -> None:
        super().__init__()
        self.folder = folder
        self.nights = List()
        self.begun = 0
        self.known: list[Path] = []  # the digests of the last night that was done

    def run(self) -> None:
        if self.schedule("0 3 * * *"):
            self._begin()  # what is under the condition only makes the night; what runs it is outside
        for night in self.nights:
            if not night.over:
                night.run(self.folder)
                if night.stage == "done":
                    self.known = night.found
        while len(self.nights) > KEPT_NIGHTS and self.nights[0].over:
            del self.nights[0]

    def check_now(self) -> int:
        """Begins a check at once; returns its number."""
        return self._begin()

    def report(self) -> list[dict[str, Any]]:
        """Tells what the last nights found, oldest first."""
        return [
            {"night": night.number, "stage": night.stage, **night.compare.differences}
            for night in self.nights
        ]

    def _begin(self) -> int:
        self.begun += 1
        self.nights.append(Night(self.begun, self.known))
        return self.begun

    def configure_commands(self) -> dict[str, Callable[..., Any]]:
        return {"check_now": self.check_now, "report": self.report}


def visible_files(folder: LocalPath) -> list[str]:
    """Lists the files of a folder and those below it, without hidden ones."""
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(path.as_posix() for path in found if not any(part.startswith(".") for part in path.parts))


def joined(files: list[Path]) -> dict[str, str]:
    """Reads the digests of all parts."""
    return {path: digest for file in files for path, digest in json.loads(file.read_text()).items()}


app = LightningApp(FileGuard())
