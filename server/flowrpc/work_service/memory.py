"""Whether the kernel killed for want of memory."""

from __future__ import annotations

from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
_VMSTAT = Path("/proc/vmstat")


class OomKills:
    """Counts how often the kernel kills for want of memory where a process lives.

    That is its cgroup where one can be read, otherwise the whole machine: a process that a SIGKILL ended
    while the count rose was most likely the one.
    """

    def __init__(self, pid: int) -> None:
        """Begins to count. The process lives: a dead one is in no group any more."""
        paths = (*_counters(_cgroup_lines(pid)), _VMSTAT)
        self._path = next((path for path in paths if read_counter(path) is not None), _VMSTAT)
        self._before = read_counter(self._path) or 0

    @property
    def rose(self) -> bool:
        """Whether the kernel killed since."""
        return (read_counter(self._path) or 0) > self._before


def read_counter(path: Path) -> int | None:
    """Reads the `oom_kill` line of a file of counters; None if there is none."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), None)


def _cgroup_lines(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    except OSError:
        return []


def _counters(cgroups: list[str]) -> list[Path]:
    """Returns the files that may count, for version 2 and version 1 of cgroups."""
    paths = []
    for line in cgroups:
        _, controllers, group = line.split(":", 2)
        if controllers == "":
            paths.append(_CGROUPS / group.lstrip("/") / "memory.events")
        elif "memory" in controllers.split(","):
            paths.append(_CGROUPS / "memory" / group.lstrip("/") / "memory.oom_control")
    return paths
