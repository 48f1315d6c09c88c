"""The guard kills what it was told to watch, when whoever told it is dead."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

pytestmark = pytest.mark.slow

PROGRAM = """
import os, signal, sys
from subprocess import DEVNULL, Popen
from flowrpc.work_service.guard import Guard

guard = Guard()
kept, forgotten = [Popen(["sleep", "600"], start_new_session=True, stdout=DEVNULL) for _ in "ab"]
for process in (kept, forgotten):
    guard.watch(process.pid)
guard.forget(forgotten.pid)
print(guard._pid, kept.pid, forgotten.pid, flush=True)
sys.stdin.read()
if sys.argv[1] == "closes":
    guard.close()
os.kill(os.getpid(), signal.SIGKILL)
"""


@contextmanager
def descriptors(process_ids: list[int]) -> Iterator[list[int]]:
    opened = [os.pidfd_open(process_id) for process_id in process_ids]
    try:
        yield opened
    finally:
        for descriptor in opened:
            os.close(descriptor)


@pytest.mark.parametrize("end", ["is killed", "closes"])
def test_kills_what_it_watches_when_its_agent_ends(end: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, end], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    guard, kept, forgotten = map(int, process.stdout.readline().split())
    with descriptors([guard, kept, forgotten]) as handles:
        process.communicate(timeout=60)
        assert all_ended(handles[:2]), "guard and watched group are gone"
        assert not ended(handles[2])
        os.kill(forgotten, 9)


def all_ended(handles: list[int]) -> bool:
    """Waits until all of these processes have ended, at most two seconds for each."""
    return all(ended(handle, 2_000) for handle in handles)


def ended(handle: int, milliseconds: int = 0) -> bool:
    poll = select.poll()
    poll.register(handle)
    return bool(poll.poll(milliseconds))
