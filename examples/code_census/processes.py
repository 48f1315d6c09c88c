"""Which processes a process has started, and those in turn, as /proc of Linux tells."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class Process(NamedTuple):
    """A process; the time of its start tells it from a later one with the same id."""

    pid: int
    start: str


def descendants(pid: int) -> set[Process]:
    """Returns the children of a process, their children, and so on."""
    parents = {process: parent for process, parent in _running().items()}
    found: set[Process] = set()
    pids = {pid}
    while pids:
        children = {process for process, parent in parents.items() if parent in pids} - found
        found |= children
        pids = {child.pid for child in children}
    return found


def still_running(processes: set[Process]) -> set[Process]:
    """Returns those that have not ended."""
    return processes & _running().keys()


def _running() -> dict[Process, int]:
    """Returns the parent of every process; one that ended and waits to be collected does not count."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            # What follows the name, which is in parentheses: state, parent, …; the time of the start is the 20th.
            facts = path.read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            continue  # it ended just now
        if facts[0] not in "ZX":
            found[Process(int(path.parent.name), facts[19])] = int(facts[1])
    return found
