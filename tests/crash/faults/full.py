"""Faults of a disk without room: the service is read-only until there is some again, and does not end."""

from __future__ import annotations

import asyncio
import errno
import random
import signal
from collections.abc import Callable

from tests.crash.actors.calls import Calls, RefusedError, UnknownError
from tests.crash.processes import tell
from tests.crash.stage import STORAGE_FAILED, Stage

PATIENCE_SECONDS = 45.0
"""How long a service may take to find out that there is no room, or that there is some: clients write all the time."""
_LOOK_SECONDS = 0.1
_FEW_SECONDS = 3.0


async def fill_disk(stage: Stage, dice: random.Random) -> None:
    """Fills the disk until the service is read-only, reads from it, and gives the room back."""
    if stage.alive:
        became = await _fill_until_read_only(stage)
        read = became and await _is_read(stage)
        await asyncio.sleep(dice.uniform(0.0, 1.0))
        stage.disk.free()
        await _write_down(stage, "fill-disk", became=became, read=read)


async def fail_writes(stage: Stage, dice: random.Random) -> None:
    """Lets a few writes of the journal fail for want of room; those of a checkpoint nobody needs to notice."""
    if stage.shim is not None and stage.alive:
        failed = stage.shim.failed
        stage.shim.fail_writes(dice.randint(1, 4), errno.ENOSPC)
        shim = stage.shim
        await until(stage, lambda: shim.failed > failed, _FEW_SECONDS)
        await asyncio.sleep(dice.uniform(0.0, 1.0))
        shim.heal()
        await _write_down(stage, "fail-writes", became=True, read=await _is_read(stage))


async def have_no_room(stage: Stage, *, until_killed: bool = False) -> None:
    """Lets every write of the journal fail until the service is read-only; then it is healed, or killed before."""
    if stage.shim is None:
        return
    times, _ = stage.times_read_only()
    stage.shim.fail_writes(-1, errno.ENOSPC)
    became = await until(stage, lambda: stage.times_read_only()[0] > times)
    read = became and await _is_read(stage)
    if until_killed:
        await asyncio.sleep(0.5)  # replies are on their way
        stage.kill_flow()
        await stage.ended(PATIENCE_SECONDS)
    stage.shim.heal()
    await _write_down(stage, "no-room", became=became, read=read)


async def stop_on_a_full_disk(stage: Stage, dice: random.Random) -> None:
    """Asks a service to end that cannot save: nobody was told of what is lost."""
    if stage.alive and stage.flow is not None:
        await _fill_until_read_only(stage)
        stage.legal |= {STORAGE_FAILED, 0}  # 0: a checkpoint made room just now
        tell(stage.flow.pid, signal.SIGTERM)
        if not await stage.ended(PATIENCE_SECONDS):
            stage.legal.clear()
            tell(stage.flow.pid, signal.SIGKILL)
            await stage.ended(PATIENCE_SECONDS)
        stage.disk.free()


async def start_on_a_full_disk(stage: Stage, dice: random.Random) -> None:
    """Starts the service where there is no room: it may refuse, and comes when there is some."""
    stage.kill_flow()
    await stage.ended(PATIENCE_SECONDS)
    await stage.end_life()
    stage.disk.fill()
    stage.lasting.add(STORAGE_FAILED)
    await stage.start_flow()  # which gives the room back after the first refusal
    stage.disk.free()
    stage.lasting.discard(STORAGE_FAILED)
    stage.legal.discard(STORAGE_FAILED)


async def until(stage: Stage, found: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> bool:
    """Waits until something is so; tells whether it became so while the service lived."""
    end = asyncio.get_running_loop().time() + seconds
    while not (so := found()) and stage.alive and asyncio.get_running_loop().time() < end:  # noqa: ASYNC110  # a log
        await asyncio.sleep(_LOOK_SECONDS)
    return so


async def _fill_until_read_only(stage: Stage) -> bool:
    times, _ = stage.times_read_only()

    def found() -> bool:
        stage.disk.fill()  # again: cleaning up made room
        return stage.times_read_only()[0] > times

    return await until(stage, found)


def _is_writable(stage: Stage) -> bool:
    """Tells whether the service is not read-only, or not any more."""
    began, ended = stage.times_read_only()
    return began == ended


async def _is_read(stage: Stage) -> bool:
    """Reads a state, as everybody can of a service that is read-only; tells whether that worked."""
    calls = Calls(stage.address, stage.token())
    try:
        for _ in range(5):  # it may be frozen, or not be heard, for a while
            try:
                await calls.state("root.board")
            except UnknownError:
                if not stage.alive:
                    break
                continue
            except RefusedError:
                return False
            return True
        return False
    finally:
        await calls.close()


async def _write_down(stage: Stage, what: str, *, became: bool, read: bool) -> None:
    back = await until(stage, lambda: _is_writable(stage))
    if stage.alive:  # else its exit code says what there is to say
        stage.recorder.add("full", what=what, life=stage.life, became=became, read=read, back=back)
