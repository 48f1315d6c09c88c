"""A ghost: an agent that says what it may not say any more, of runs that another one executes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any, cast

import grpc
from flowrpc.protocol.messages import Finished, Hello, WorkDelta
from flowrpc.state.changes import Splice
from flowrpc.state.records import Run, RunStatus
from flowrpc.v1.work_service_pb2_grpc import WorkServiceStub
from flowrpc.wire.attach import encode_agent_message
from grpc import aio

from tests.crash.actors.calls import Calls, RefusedError, UnknownError
from tests.crash.stage import Stage

_WORKS = ("root.near", "root.far", "root.greedy", "root.flaky")
_DELTAS = 600
_SECONDS = 1.0


async def late_frames(
    stage: Stage, dice: random.Random, *, deltas: int = _DELTAS, seconds: float = _SECONDS
) -> None:
    """Sends deltas and ends of attempts that this agent never had: the flow has to refuse all of them.

    Args:
        stage: Where.
        dice: Is not needed: it says all it can.
        deltas: How many of each attempt. If they are more than a run makes, then one of them is the next that the flow
            waits for, however far the run is.
        seconds: How long the flow may take to answer.
    """
    calls = Calls(stage.address, stage.token())
    try:
        runs = [run for work in _WORKS for run in await calls.runs(work, RunStatus.RUNNING)]
        await _haunt(stage, runs, deltas, seconds)
    except (UnknownError, RefusedError, grpc.RpcError):
        pass  # the flow is away
    finally:
        await calls.close()


async def _haunt(stage: Stage, runs: list[Run], deltas: int, seconds: float) -> None:
    token = (stage.data_dir / "tokens" / "work").read_text().strip()
    async with aio.insecure_channel(stage.address) as channel:
        stub: Any = cast("Any", WorkServiceStub)(channel)
        call = stub.Attach(_frames(runs, deltas), metadata=(("authorization", f"Bearer {token}"),))
        try:
            async with asyncio.timeout(seconds):
                async for _ in call:
                    pass
        except TimeoutError:
            pass
        finally:
            call.cancel()


async def _frames(runs: list[Run], deltas: int) -> AsyncIterator[Any]:
    yield encode_agent_message(Hello(agent_id="ghost", boot_id="ghost", works=("root.nothing",)))
    for run in runs:
        for attempt in range(max(run.attempt - 1, 1), run.attempt + 1):
            for seq in range(1, deltas):
                change = Splice(("items",), 0, 0, [[-1, attempt, seq]])
                delta = WorkDelta(run_id=run.run_id, attempt=attempt, seq=seq, changes=(change,))
                yield encode_agent_message(delta)
            yield encode_agent_message(Finished(run_id=run.run_id, attempt=attempt, seq=deltas))
    await asyncio.sleep(60.0)
