"""Scripts: what is done to an app to bring one bug to light, without luck.

What has to come together by chance is done again until the bug says that it struck. Without the bug that never comes,
so each script is tried a few times at most.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable

from tests.crash.bugs.patching import strikes
from tests.crash.campaign import Campaign
from tests.crash.faults import full, resources
from tests.crash.faults.ghost import late_frames

ENOUGH = 150
"""Operations after the last fault."""
PATIENCE_SECONDS = 60.0
DELTA_SECONDS = 20.0
"""How long deltas are waited for: a bug may stop them for good."""
_ROUNDS = 12
"""How often what is left to chance is tried with a bug …"""
_SOUND_ROUNDS = 4
"""… and without one."""


async def enough(campaign: Campaign) -> None:
    """Lets the first life end where it is to, and then some operations happen."""
    if campaign.order.failpoints:
        await campaign.stage.ended(PATIENCE_SECONDS)
        await campaign.stage.recover()
    await _operations(campaign, ENOUGH)
    if campaign.order.works:
        await _deltas(campaign, 10)


async def killed_when_told(campaign: Campaign) -> None:
    """Kills the service when somebody has been told of what it has not committed: the bug holds that commit."""
    if campaign.order.bug != "none":
        await _until(lambda: any(map(campaign.was_told, strikes(campaign.stage.histories))))
    else:
        await _operations(campaign, ENOUGH)
    campaign.stage.kill_flow()
    await campaign.stage.ended(PATIENCE_SECONDS)
    await campaign.stage.recover()
    await _operations(campaign, ENOUGH)


async def enough_to_strike(campaign: Campaign) -> None:
    async for _ in _rounds(campaign):
        await enough(campaign)


async def reset_clients(campaign: Campaign) -> None:
    async for _ in _rounds(campaign):
        await _operations(campaign, 30)
        campaign.stage.client_proxy.reset()
    await _operations(campaign, ENOUGH)


async def reset_agent(campaign: Campaign) -> None:
    """Loses acknowledgements, and then the connection: what they were for is sent again."""
    async for _ in _rounds(campaign):
        await _deltas(campaign, 5)
        await campaign.stage.agent_proxy.half_open(0.4, up=False)
    await _operations(campaign, ENOUGH)


async def sync_error(campaign: Campaign) -> None:
    await _operations(campaign, ENOUGH)
    await resources.fail_syncs(campaign.stage, random.Random(0))
    await campaign.stage.recover()
    await _operations(campaign, ENOUGH)


async def full_disk(campaign: Campaign) -> None:
    """Lets every write of the journal fail for want of room, until the service is read-only."""
    await _operations(campaign, ENOUGH)
    await full.have_no_room(campaign.stage)
    await _operations(campaign, ENOUGH)


async def killed_on_a_full_disk(campaign: Campaign) -> None:
    """Kills the service while it is read-only, when clients have been told whatever they are told."""
    await _operations(campaign, ENOUGH)
    await full.have_no_room(campaign.stage, until_killed=True)
    await _operations(campaign, ENOUGH)


async def cancelled(campaign: Campaign) -> None:
    """Lets the canceller of the load cancel a few runs."""
    async for _ in _rounds(campaign):
        await _deltas(campaign, 50)
        await asyncio.sleep(1.0)


async def frames_too_late(campaign: Campaign) -> None:
    async for _ in _rounds(campaign):
        await _deltas(campaign, 5)
        deltas = campaign.order.deltas + 1
        await late_frames(campaign.stage, random.Random(0), deltas=deltas, seconds=4.0)
    await _operations(campaign, ENOUGH)


async def _rounds(campaign: Campaign) -> AsyncIterator[int]:
    """Counts rounds until the bug has struck."""
    planted = campaign.order.bug != "none"
    for number in range(_ROUNDS if planted else _SOUND_ROUNDS):
        if strikes(campaign.stage.histories):
            return
        yield number


async def _operations(campaign: Campaign, count: int) -> None:
    """Waits until so many more operations were acknowledged; a service that is gone is started again."""
    wanted = campaign.acknowledged + count
    end = time.monotonic() + PATIENCE_SECONDS
    while campaign.acknowledged < wanted and time.monotonic() < end:
        if not campaign.stage.alive:
            await campaign.stage.recover()
        await asyncio.sleep(0.05)


async def _deltas(campaign: Campaign, count: int) -> None:
    """Waits until so many more deltas of works were acknowledged."""
    wanted = campaign.deltas + count
    end = time.monotonic() + DELTA_SECONDS
    while campaign.deltas < wanted and time.monotonic() < end:  # noqa: ASYNC110  # agents write to files
        await asyncio.sleep(0.02)


async def _until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not true():  # noqa: ASYNC110  # what it asks for is in files of other processes
            await asyncio.sleep(0.02)


SCRIPTS: dict[str, Callable[[Campaign], Awaitable[None]]] = {
    "enough": enough,
    "killed_when_told": killed_when_told,
    "enough_to_strike": enough_to_strike,
    "reset_clients": reset_clients,
    "reset_agent": reset_agent,
    "sync_error": sync_error,
    "full_disk": full_disk,
    "killed_on_a_full_disk": killed_on_a_full_disk,
    "cancelled": cancelled,
    "late_frames": frames_too_late,
}
