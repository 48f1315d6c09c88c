"""What the crash suite sees of processes."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys

from tests.crash.processes import wait_until_reaped


def test_a_child_that_nobody_waited_for_is_seen_until_somebody_does() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and is left as it is
        assert child.pid in asyncio.run(wait_until_reaped(os.getpid(), 0))
        child.wait()
        assert child.pid not in asyncio.run(wait_until_reaped(os.getpid(), 0))


def test_a_zombie_below_a_child_is_seen() -> None:
    script = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', '']); print(flush=True); sys.stdin.read()"
    options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", script], **options) as child:  # type: ignore[call-overload]
        try:
            child.stdout.readline()
            assert asyncio.run(_zombies_of(child.pid)), "it waits for nobody"
        finally:
            child.kill()


async def _zombies_of(pid: int) -> list[int]:
    for _ in range(600):
        if found := await wait_until_reaped(pid, 0):
            return found
        await asyncio.sleep(0.1)
    return []
