"""A group of processes that may take little memory: version 1 of cgroups, as root. Processes enter it themselves."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

LIMIT = 600_000_000


def own_group() -> Path | None:
    """Returns the memory cgroup of this process, where version 1 of cgroups has one."""
    with suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, name = line.split(":", 2)
            if "memory" in controllers.split(","):
                return Path("/sys/fs/cgroup/memory") / name.lstrip("/")
    return None


class SmallMemory:
    """A cgroup that single processes are put into."""

    def __init__(self, name: str) -> None:
        own = own_group()
        self._group = own / f"torture-{os.getpid()}-{name}" if own is not None else None

    def make(self) -> str:
        """Makes it; returns why that is not possible, empty if it is."""
        if self._group is None:
            return "no memory cgroup of version 1 to make a smaller one in"
        try:
            self._group.mkdir(exist_ok=True)
            (self._group / "memory.limit_in_bytes").write_text(str(LIMIT))
        except OSError as error:
            return f"cannot make a memory cgroup: {error}"
        return ""

    @property
    def door(self) -> Path:
        """The file that a process writes 0 to, to put itself into it."""
        assert self._group is not None
        return self._group / "cgroup.procs"

    @property
    def killed(self) -> int:
        """How many processes the kernel killed in it."""
        assert self._group is not None
        facts = (self._group / "memory.oom_control").read_text().split()
        return int(facts[facts.index("oom_kill") + 1])

    def remove(self) -> None:
        if self._group is not None:
            with suppress(OSError):
                self._group.rmdir()
