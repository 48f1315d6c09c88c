"""Faults at named places: the next life of the service has a failpoint set."""

from __future__ import annotations

import random

from flowrpc.failpoints.points import POINTS, Process

from tests.crash.stage import Stage

_MOST = 120
"""At the latest this time that the place is come to, so that it is come to soon."""


def of_process(process: Process) -> list[str]:
    """Names the failpoints of a kind of process."""
    return [point.name for point in POINTS if point.process is process]


async def kill_flow_at_a_place(stage: Stage, dice: random.Random) -> None:
    await _begin_again(stage, dice, Process.FLOW)


async def kill_agent_at_a_place(stage: Stage, dice: random.Random) -> None:
    await _begin_again(stage, dice, Process.AGENT)


async def kill_runner_at_a_place(stage: Stage, dice: random.Random) -> None:
    await _begin_again(stage, dice, Process.RUNNER)


async def _begin_again(stage: Stage, dice: random.Random, process: Process) -> None:
    place = dice.choice(of_process(process))
    number = dice.choice([1, dice.randint(1, 10), dice.randint(1, _MOST)])
    stage.kill_flow()
    await stage.ended(30)
    await stage.recover(f"{place}=kill@{number}")
    stage.legal.add(-9)
    await stage.ended(2.0)
