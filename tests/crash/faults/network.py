"""Faults of the network: between clients and the flow, and between an agent and the flow."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable

from tests.crash.faults.proxy import FaultProxy
from tests.crash.stage import Stage

Fault = Callable[[Stage, random.Random], Awaitable[None]]


async def reset(proxy: FaultProxy, dice: random.Random) -> None:
    proxy.reset()


async def stall(proxy: FaultProxy, dice: random.Random) -> None:
    await proxy.stall(dice.uniform(0.2, 1.5))


async def lose_upwards(proxy: FaultProxy, dice: random.Random) -> None:
    await proxy.half_open(dice.uniform(0.2, 1.5), up=True)


async def lose_downwards(proxy: FaultProxy, dice: random.Random) -> None:
    await proxy.half_open(dice.uniform(0.2, 1.5), up=False)


async def slow(proxy: FaultProxy, dice: random.Random) -> None:
    await proxy.slow(dice.uniform(0.3, 1.0))


async def truncate(proxy: FaultProxy, dice: random.Random) -> None:
    proxy.spoil("truncate")


async def duplicate(proxy: FaultProxy, dice: random.Random) -> None:
    proxy.spoil("duplicate")


KINDS = (reset, stall, lose_upwards, lose_downwards, slow, truncate, duplicate)


def of_agent(kind: Callable[[FaultProxy, random.Random], Awaitable[None]]) -> Fault:
    """Makes a fault of the link between the far agent and the flow."""
    return lambda stage, dice: kind(stage.agent_proxy, dice)


def of_clients(kind: Callable[[FaultProxy, random.Random], Awaitable[None]]) -> Fault:
    """Makes a fault of the link between some clients and the flow."""
    return lambda stage, dice: kind(stage.client_proxy, dice)
