"""Faults of what a host gives: disk, memory, time, the interpreter."""

from __future__ import annotations

import asyncio
import errno
import random
import signal

from tests.crash.actors.calls import Calls, RefusedError, UnknownError
from tests.crash.processes import tell
from tests.crash.stage import STORAGE_FAILED, Stage

_USAGE = 2  # what a data directory that cannot be used at start is told with
_BROKEN = {STORAGE_FAILED, _USAGE}
_TRIES = 30


async def fail_writes_for_good(stage: Stage, dice: random.Random) -> None:
    """Lets writes of the journal fail with EIO until the service ends."""
    if stage.shim is not None:
        stage.shim.fail_writes(-1, errno.EIO)
        await _end_by_storage(stage)


async def fail_syncs(stage: Stage, dice: random.Random) -> None:
    """Lets one sync of the journal fail: nobody knows what is on the disk, so the service must end itself."""
    if stage.shim is not None:
        stage.shim.fail_syncs(1)
        await _end_by_storage(stage)


async def _end_by_storage(stage: Stage) -> None:
    assert stage.shim is not None
    stage.legal.add(STORAGE_FAILED)
    stage.lasting |= _BROKEN
    failed = stage.shim.failed
    ended = await stage.ended(10)
    stage.shim.heal()
    stage.lasting -= _BROKEN
    if not ended and stage.alive and stage.flow is not None and stage.shim.failed > failed:
        # It goes on as if nothing had happened, which no exit code makes legal.
        stage.legal.clear()
        tell(stage.flow.pid, signal.SIGKILL)
        await stage.ended(30)


async def jump_clock(stage: Stage, dice: random.Random) -> None:
    """Puts the wall clock of the flow and its agent forward or back by minutes, within what request ids allow."""
    if stage.shim is not None:
        stage.shim.set_clock(dice.choice([-1, 1]) * dice.uniform(1, 300))


async def hold_interpreter(stage: Stage, dice: random.Random) -> None:
    """Has a work hold its interpreter for five seconds: its agent must go on all the same."""
    await _misbehave(stage, "gil")


async def take_memory(stage: Stage, dice: random.Random) -> None:
    """Has a work take more memory than its process may have."""
    killed = stage.memory.killed
    note = stage.folder / "memory"
    note.write_text(str(stage.memory.door))
    await _misbehave(stage, f"memory {note}")
    for _ in range(_TRIES):
        if stage.memory.killed > killed:
            break
        await asyncio.sleep(0.1)
    note.unlink(missing_ok=True)
    stage.kills += stage.memory.killed - killed


async def _misbehave(stage: Stage, how: str) -> None:
    calls = Calls(stage.address, stage.token())
    try:
        await calls.command("misbehave", {"how": how}, "")
    except (UnknownError, RefusedError):
        pass
    finally:
        await calls.close()
    await asyncio.sleep(0.5)
