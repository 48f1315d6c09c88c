"""Processes, as /proc shows them."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

MARK = "TORTURE_MARK"
"""Environment variable that all processes of one service share and no other has."""


def parents(*, zombies: bool = False) -> dict[int, int]:
    """Returns the parent of every living process, or of every zombie: those do not live."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with suppress(OSError, IndexError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                if (fields[0] == "Z") is zombies:
                    found[int(entry.name)] = int(fields[1])
    return found


def below(pid: int) -> list[int]:
    """Returns the living processes below one."""
    family = parents()
    found, waiting = [], [pid]
    while waiting:
        parent = waiting.pop()
        children = [child for child, of in family.items() if of == parent]
        found += children
        waiting += children
    return found


def command_line(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    return ""


def agents_of(pid: int) -> list[int]:
    """Returns the local agent of a flow service, which is its child; the guard of an agent looks the same one below."""
    return [
        child
        for child, parent in parents().items()
        if parent == pid and ("--agent" in (line := command_line(child)) or "flowrpc.work_service" in line)
    ]


def runners_below(pid: int) -> list[int]:
    """Returns the runners among the processes below an agent or a flow service: they execute one work each.

    Those that a zygote forked have its command line; unlike it, they have more threads than one.
    """
    return [child for child in below(pid) if _is_runner(child)]


def _is_runner(pid: int) -> bool:
    line = command_line(pid)
    forked = "work_service.zygote" in line and count_of(pid, "task") > 1
    return forked or "work_service.runner" in line


def marked(mark: str) -> list[int]:
    """Returns the living processes that carry a mark in their environment."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for pid in parents():
        with suppress(OSError):
            if wanted in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                found.append(pid)
    return found


def count_of(pid: int, resource: str) -> int:
    """Counts the open files (`fd`) or the threads (`task`) of a process; 0 if it is gone."""
    with suppress(OSError):
        return len(list(Path(f"/proc/{pid}/{resource}").iterdir()))
    return 0


def tell(pid: int, number: signal.Signals) -> bool:
    """Sends a signal to a process that may be gone."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)
        return True
    return False


async def wait_until_gone(mark: str, seconds: float) -> tuple[float, tuple[str, ...]]:
    """Waits until no process carries a mark; returns how long that took, and what is there after the time is over."""
    began = time.monotonic()
    while left := marked(mark):
        if time.monotonic() - began > seconds:
            return time.monotonic() - began, tuple(f"{pid}: {command_line(pid)}" for pid in left)
        await asyncio.sleep(0.02)
    return time.monotonic() - began, ()


async def wait_until_reaped(pid: int, seconds: float) -> list[int]:
    """Waits until all children of a process and those below it that ended are waited for; returns the others."""
    end = time.monotonic() + seconds
    while True:
        family = {pid, *below(pid)}
        zombies = [child for child, parent in parents(zombies=True).items() if parent in family]
        if not zombies or time.monotonic() > end:
            return zombies
        await asyncio.sleep(0.02)


def kill_marked(mark: str) -> None:
    """Kills whatever carries a mark."""
    kill_all(marked(mark))


def kill_all(pids: Iterable[int]) -> None:
    for pid in pids:
        tell(pid, signal.SIGKILL)
