"""Faults by signals: processes are killed, frozen, or asked to end, at random moments."""

from __future__ import annotations

import asyncio
import random
import signal

from tests.crash.processes import tell
from tests.crash.stage import KILLED, Stage


async def kill_flow(stage: Stage, dice: random.Random) -> None:
    stage.kill_flow()
    await stage.ended(30)


async def kill_flow_while_it_starts(stage: Stage, dice: random.Random) -> None:
    stage.kill_flow()
    await stage.ended(30)
    await stage.end_life()
    await stage.launch_flow()
    await asyncio.sleep(dice.uniform(0.1, 1.2))
    stage.kill_flow()
    await stage.ended(30)


async def kill_local_agent(stage: Stage, dice: random.Random) -> None:
    agent = stage.local_agent()
    if agent is not None:
        stage.kills += tell(agent, signal.SIGKILL)


async def kill_far_agent(stage: Stage, dice: random.Random) -> None:
    await stage.end_agent(signal.SIGKILL)


async def kill_near_runner(stage: Stage, dice: random.Random) -> None:
    runner = stage.runner(dice, far=False)
    if runner is not None:
        stage.kills += tell(runner, signal.SIGKILL)


async def kill_far_runner(stage: Stage, dice: random.Random) -> None:
    runner = stage.runner(dice, far=True)
    if runner is not None:
        stage.kills += tell(runner, signal.SIGKILL)


async def kill_everything(stage: Stage, dice: random.Random) -> None:
    stage.kill_flow()
    await stage.end_agent(signal.SIGKILL)
    await stage.ended(30)


async def stop_flow(stage: Stage, dice: random.Random) -> None:
    await _ask_to_end(stage, signal.SIGTERM)


async def interrupt_flow(stage: Stage, dice: random.Random) -> None:
    await _ask_to_end(stage, signal.SIGINT)


async def kill_flow_while_it_stops(stage: Stage, dice: random.Random) -> None:
    if stage.alive and stage.flow is not None:
        stage.legal.add(0)
        tell(stage.flow.pid, signal.SIGTERM)
        await asyncio.sleep(dice.uniform(0.0, 0.4))
        stage.kill_flow()
        await stage.ended(30)


async def drain_far_agent(stage: Stage, dice: random.Random) -> None:
    await stage.end_agent(signal.SIGTERM)


async def freeze_flow(stage: Stage, dice: random.Random) -> None:
    await _freeze(stage.flow.pid if stage.alive and stage.flow else None, dice.uniform(0.2, 1.5))


async def freeze_flow_and_kill_it(stage: Stage, dice: random.Random) -> None:
    if stage.alive and stage.flow is not None:
        tell(stage.flow.pid, signal.SIGSTOP)
        await asyncio.sleep(dice.uniform(0.1, 0.6))
        stage.kill_flow()
        await stage.ended(30)


async def freeze_local_agent(stage: Stage, dice: random.Random) -> None:
    await _freeze(stage.local_agent(), dice.uniform(0.2, 1.5))


async def freeze_far_agent(stage: Stage, dice: random.Random) -> None:
    await _freeze(stage.agent.pid if stage.agent is not None else None, dice.uniform(0.2, 1.5))


async def freeze_far_agent_beyond_its_lease(stage: Stage, dice: random.Random) -> None:
    await _freeze(stage.agent.pid if stage.agent is not None else None, 6.5)


async def freeze_runner(stage: Stage, dice: random.Random) -> None:
    await _freeze(stage.runner(dice, far=dice.random() < 0.5), dice.uniform(0.2, 1.0))


async def _freeze(pid: int | None, seconds: float) -> None:
    if pid is not None and tell(pid, signal.SIGSTOP):
        try:
            await asyncio.sleep(seconds)
        finally:
            tell(pid, signal.SIGCONT)


async def _ask_to_end(stage: Stage, number: signal.Signals) -> None:
    if not stage.alive or stage.flow is None:
        return
    stage.legal.add(0)
    tell(stage.flow.pid, number)
    if not await stage.ended(30):
        stage.legal.discard(KILLED)  # it should have ended by itself: being killed for that is no legal end
        tell(stage.flow.pid, signal.SIGKILL)
        await stage.ended(30)
