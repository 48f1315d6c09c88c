"""A census of Python source code: a flow shares the files out, four works count them at the same time."""

from __future__ import annotations

import os
import sysconfig
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

# census.py lies beside this file, and `flowctl run` puts the folder of the app on sys.path.
from census import (  # type: ignore[import-not-found]  # which mypy does not
    Counts,
    count_file,
    equal_shares,
    merged,
    package_of,
    python_files,
)
from flowrpc import LightningApp, LightningFlow, LightningWork, List

WORKS = 4
FILES_PER_UPDATE = 25
MEASURES = ("lines", "functions", "classes", "longest")


class Counter(LightningWork):
    """Counts a share of the files, in a process of its own."""

    def __init__(self) -> None:
        super().__init__(parallel=True)
        self.counted = 0
        self.packages: dict[str, dict[str, Any]] = {}

    def run(self, scan: int, source: str, begin: int, end: int) -> None:
        """Counts the files of `source` from number `begin` up to `end`; another `scan` counts them again."""
        root, results = Path(source), []
        for number, path in enumerate(python_files(root)[begin:end], start=1):
            results.append((package_of(path), count_file(root, path)))
            if number % FILES_PER_UPDATE == 0:
                self.counted = number  # a state delta: whoever watches the app sees it at once
        self.packages = {name: asdict(counts) for name, counts in merged(results).items()}
        self.counted = len(results)


class Census(LightningFlow):
    """Shares out the files of the standard library, or of CODE_CENSUS_ROOT, and adds up what was counted."""

    def __init__(self) -> None:
        super().__init__()
        self.source = ""
        self.scan = 0
        self.finished_scan = 0
        self.shares: list[tuple[int, int]] = []
        self.files = 0
        self.counted = 0
        self.totals: dict[str, Any] = {}
        self.packages: dict[str, dict[str, Any]] = {}
        self.counters = List(*(Counter() for _ in range(WORKS)))

    def run(self) -> None:
        """Is called again after every change: it says what should be the case, not what happened."""
        if self.scan == 0:
            self._begin_scan()
        for counter, (begin, end) in zip(self.counters, self.shares, strict=True):
            counter.run(self.scan, self.source, begin, end)  # the same arguments run once
        self.counted = sum(counter.counted for counter in self.counters)
        if self.finished_scan < self.scan and all(counter.has_succeeded for counter in self.counters):
            self._add_up()

    def configure_commands(self) -> dict[str, Callable[..., Any]]:
        return {"top": self.top, "rescan": self.rescan}

    def top(self, n: int = 10, by: str = "lines") -> dict[str, int]:
        """Returns the n packages with the most lines, functions or classes, or with the longest function."""
        if by not in MEASURES:
            raise ValueError(f"cannot order by {by!r}; by is one of {', '.join(MEASURES)}")
        if n < 1:
            raise ValueError(f"n is at least 1, not {n}")
        if self.finished_scan == 0:
            raise RuntimeError(f"still counting, at {self.counted} of {self.files} files; call again later")
        having = [item for item in self.packages.items() if item[1][by]]
        largest = sorted(having, key=lambda item: item[1][by], reverse=True)[:n]
        return {counts["longest_at"] if by == "longest" else name: counts[by] for name, counts in largest}

    def rescan(self) -> str:
        """Counts all files again; `top` answers from the last census until that is done."""
        if self.finished_scan < self.scan:
            raise RuntimeError(f"still counting, at {self.counted} of {self.files} files; call again later")
        self._begin_scan()
        return f"scan {self.scan}: {self.files} files of {self.source}"

    def _begin_scan(self) -> None:
        root = Path(os.environ.get("CODE_CENSUS_ROOT") or sysconfig.get_path("stdlib")).resolve()
        if not root.is_dir():
            self.fail(f"{root} is no folder; set CODE_CENSUS_ROOT to the one to count")
        files = python_files(root)
        self.source, self.files = str(root), len(files)
        self.shares = equal_shares([(root / path).stat().st_size for path in files], WORKS)
        for counter in self.counters:
            counter.counted = 0
        self.scan += 1

    def _add_up(self) -> None:
        counted = [item for counter in self.counters for item in counter.packages.items()]
        packages = merged((name, Counts(**counts)) for name, counts in counted)
        self.packages = {name: _summary(counts) for name, counts in packages.items()}
        self.totals = _summary(sum(packages.values(), Counts()))
        self.finished_scan = self.scan


def _summary(counts: Counts) -> dict[str, Any]:
    return asdict(counts) | {"docstring_coverage": round(counts.docstring_coverage, 3)}


app = LightningApp(Census())
