"""The matrix: which checkers catch which bug."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.crash.bugs.table import BUGS, Bug
from tests.crash.campaign import Campaign, Order, Outcome
from tests.crash.checkers.all import check
from tests.crash.checkers.evidence import Evidence, Violation
from tests.crash.scripts import SCRIPTS

CHECKERS = [f"C{number}" for number in range(1, 14)]


def expose(bug: Bug, folder: Path, *, planted: bool = True) -> tuple[Outcome, list[Violation]]:
    """Runs the script of a bug, with the bug or without it; returns what the checkers found."""
    order = Order(
        seed=7,
        folder=folder,
        commanders=bug.commanders,
        works=bug.works,
        deltas=bug.deltas,
        rest_seconds=5.0 if planted else 30.0,
        bug=bug.name if planted else "none",
        new_id_on_retry=bug.new_id_on_retry and planted,
        snapshots=bug.snapshots,
        failpoints=bug.failpoints,
        script=SCRIPTS[bug.script],
    )
    outcome = asyncio.run(Campaign(order).run())
    return outcome, check(Evidence.load(folder))


def matrix_lines(found: dict[str, set[str]]) -> list[str]:
    """Draws a table of bugs and the checkers that caught each."""
    width = max(map(len, found), default=0)
    lines = [" ".join([" " * width, *CHECKERS])]
    for bug, caught in found.items():
        cells = [("x" if name in caught else ".").center(len(name)) for name in CHECKERS]
        lines.append(" ".join([bug.ljust(width), *cells]))
    return lines


def all_names() -> list[str]:
    return list(BUGS)
