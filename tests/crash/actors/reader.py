"""Readers and cancellers: clients that look at the state, and one that ends runs."""

from __future__ import annotations

import asyncio
import random
import time
from datetime import timedelta

from flowrpc.state.records import RunStatus

from tests.crash.actors.calls import Calls, RefusedError, UnknownError
from tests.crash.history import Recorder, state_digest

COMPONENTS = ["root.bank", "root.counters", "root.board", "root.ledger"]


async def read(
    name: str, calls: Calls, recorder: Recorder, dice: random.Random, stopping: asyncio.Event
) -> None:
    """Reads a component now and then, and writes down what it saw."""
    while not stopping.is_set():
        component = dice.choices(COMPONENTS, [10, 10, 10, 1])[0]
        invoked = time.monotonic()
        try:
            seen = await calls.state(component)
        except (UnknownError, RefusedError):
            await asyncio.sleep(0.05)
            continue
        recorder.add(
            "sight",
            actor=name,
            invoked=invoked,
            component=component,
            revision=seen.revision,
            digest=state_digest(seen.components),
        )
        await asyncio.sleep(0.02)


async def cancel(calls: Calls, dice: random.Random, stopping: asyncio.Event) -> None:
    """Cancels a run of the slow work now and then."""
    while not stopping.is_set():
        await asyncio.sleep(0.2 + dice.random())
        try:
            for run in await calls.runs("root.slow", RunStatus.RUNNING):
                await calls.cancel(run.run_id, timedelta(seconds=dice.choice([0.0, 0.2])))
        except (UnknownError, RefusedError):
            continue
