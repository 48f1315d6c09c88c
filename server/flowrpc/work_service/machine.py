"""What this machine has that works may take, as far as this process may use it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from flowrpc.protocol.resources import Resources

_ROOT = Path("/")
_NVIDIA = re.compile(r"nvidia\d+")


def measure(root: Path = _ROOT, environment: Mapping[str, str] = os.environ) -> Resources:
    """Measures what works may take.

    Processors are those that this process may run on, memory is what the machine has, and both are no more than the
    control groups around this process allow. GPUs are those that `CUDA_VISIBLE_DEVICES` names, else the machine's
    NVIDIA devices; others are told by hand.

    Args:
        root: Where the files of the kernel are.
        environment: The environment variables.
    """
    return Resources(
        cpu_millis=_cpu_millis(root), memory_bytes=_memory_bytes(root), gpus=_gpus(root, environment)
    )


def _cpu_millis(root: Path) -> int:
    limits = [len(os.sched_getaffinity(0)) * 1000]
    for group in _groups(root, "cpu"):
        quota, _, period = _read(group / "cpu.max").partition(" ")
        quota, period = (
            quota or _read(group / "cpu.cfs_quota_us"),
            period or _read(group / "cpu.cfs_period_us"),
        )
        if quota.isdigit() and period.isdigit() and int(period):
            limits.append(int(quota) * 1000 // int(period))
    return max(min(limits), 1)


def _memory_bytes(root: Path) -> int:
    found = re.search(r"^MemTotal:\s+(\d+) kB$", _read(root / "proc/meminfo"), re.MULTILINE)
    limits = [int(found[1]) * 1024] if found else []
    for group in _groups(root, "memory"):
        for name in ("memory.max", "memory.limit_in_bytes"):
            limit = _read(group / name)
            if limit.isdigit():
                limits.append(int(limit))
    return min(limits, default=0)


def _gpus(root: Path, environment: Mapping[str, str]) -> int:
    named = environment.get("CUDA_VISIBLE_DEVICES")
    if named is None:
        devices = root / "dev"
        return sum(_NVIDIA.fullmatch(path.name) is not None for path in _entries(devices))
    count = 0
    for device in named.split(","):
        if not device.strip() or device.strip().startswith("-"):
            break  # CUDA sees none of those behind it either
        count += 1
    return count


def _groups(root: Path, controller: str) -> Iterator[Path]:
    """Yields the folders of the control groups around this process, for version 2 and version 1."""
    top = root / "sys/fs/cgroup"
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, group = line.split(":", 2)
        if controllers == "":
            yield from _upwards(top, group)
        elif controller in controllers.split(","):
            yield from _upwards(top / controller, group)


def _upwards(top: Path, group: str) -> Iterator[Path]:
    """Yields the folder of a group and those above; in a container the group may lie outside of what is seen."""
    relative = Path(group.lstrip("/"))
    for part in (relative, *relative.parents):
        yield top / part


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []
