"""What the processes of an app take, as /proc tells it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.end_to_end.conftest import descendants


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What one process takes."""

    name: str
    rss_bytes: int
    descriptors: int
    threads: int
    children: int


def usage_of(pid: int) -> dict[str, Usage]:
    """Returns what a flow service, its agent and its runners take, by their names."""
    found = {"flow": _usage(pid, "flow")}
    for below in sorted(descendants(pid)):
        name = _name(below)
        while name in found:  # an agent and its guard have one command line
            name += "'"
        with suppress(OSError, KeyError):  # it has ended meanwhile
            found[name] = _usage(below, name)
    return found


def _name(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except OSError:
        return "ended"
    if "--work" not in words:
        return f"process {' '.join(words[:5])}".strip()
    work = words[words.index("--work") + 1]
    return f"runner of {work}" if work != "*" else "agent"


def _usage(pid: int, name: str) -> Usage:
    status = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line
    )
    return Usage(
        name=name,
        rss_bytes=int(status["VmRSS"].split()[0]) * 1024,
        descriptors=len(list(Path(f"/proc/{pid}/fd").iterdir())),
        threads=int(status["Threads"]),
        children=sum(
            len(children.read_text().split()) for children in Path(f"/proc/{pid}/task").glob("*/children")
        ),
    )
