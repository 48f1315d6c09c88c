"""What an agent finds that works may take."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from flowrpc.work_service.machine import measure

GIB = 2**30
MEMINFO = f"MemFree:  1 kB\nMemTotal:       {16 * 2**20} kB\n"


def kernel(tmp_path: Path, **files: str) -> Path:
    """Makes files of the kernel; `__` in a name is a `/`."""
    for name, content in {"proc__meminfo": MEMINFO, **files}.items():
        path = tmp_path / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content + "\n")
    return tmp_path


def test_without_limits_it_is_what_the_machine_has(tmp_path: Path) -> None:
    found = measure(kernel(tmp_path), {})
    assert found.memory_bytes == 16 * GIB
    assert found.cpu_millis == len(os.sched_getaffinity(0)) * 1000
    assert found.gpus == 0


@pytest.mark.parametrize("group", ["", "a__b__"])
def test_groups_of_version_2_limit_it_where_they_are_and_above(tmp_path: Path, group: str) -> None:
    root = kernel(
        tmp_path,
        **{
            "proc__self__cgroup": "0::/a/b",
            f"sys__fs__cgroup__{group}memory.max": str(4 * GIB),
            f"sys__fs__cgroup__{group}cpu.max": "50000 100000",
        },
    )
    found = measure(root, {})
    assert (found.memory_bytes, found.cpu_millis) == (4 * GIB, 500)


def test_groups_of_version_1_limit_it_too(tmp_path: Path) -> None:
    root = kernel(
        tmp_path,
        **{
            "proc__self__cgroup": "5:memory:/x\n3:cpu,cpuacct:/x",
            "sys__fs__cgroup__memory__x__memory.limit_in_bytes": str(2 * GIB),
            "sys__fs__cgroup__cpu__x__cpu.cfs_quota_us": "25000",
            "sys__fs__cgroup__cpu__x__cpu.cfs_period_us": "100000",
        },
    )
    found = measure(root, {})
    assert (found.memory_bytes, found.cpu_millis) == (2 * GIB, 250)


def test_groups_without_a_limit_limit_nothing(tmp_path: Path) -> None:
    root = kernel(
        tmp_path,
        **{
            "proc__self__cgroup": "0::/",
            "sys__fs__cgroup__memory.max": "max",
            "sys__fs__cgroup__cpu.max": "max 100000",
        },
    )
    assert measure(root, {}) == measure(kernel(tmp_path / "other"), {})
    assert (
        measure(kernel(tmp_path / "v1", **{"sys__fs__cgroup__cpu.cfs_quota_us": "-1"}), {}).cpu_millis >= 1000
    )


def test_a_kernel_that_tells_nothing_has_no_memory_to_give(tmp_path: Path) -> None:
    assert measure(tmp_path, {}).memory_bytes == 0


@pytest.mark.parametrize(
    ("named", "count"),
    [("0,1", 2), ("GPU-8932f937,MIG-1", 2), ("", 0), ("-1", 0), ("0,-1,1", 1), ("3", 1)],
)
def test_gpus_are_those_that_cuda_may_see(tmp_path: Path, named: str, count: int) -> None:
    assert measure(kernel(tmp_path, dev__nvidia7=""), {"CUDA_VISIBLE_DEVICES": named}).gpus == count


def test_otherwise_gpus_are_the_devices_of_nvidia(tmp_path: Path) -> None:
    root = kernel(tmp_path, dev__nvidia0="", dev__nvidia1="", dev__nvidiactl="", **{"dev__nvidia-uvm": ""})
    assert measure(root, {}).gpus == 2


def test_this_machine_has_something() -> None:
    found = measure()
    assert found.cpu_millis > 0
    assert found.memory_bytes > 0
