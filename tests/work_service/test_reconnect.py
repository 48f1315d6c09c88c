"""After which ends of its stream an agent dials again: all of them, once it was attached."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from flowrpc.errors import CallError
from flowrpc.protocol.messages import Beat
from flowrpc.work_service.backoff import FIRST_SECONDS, LONGEST_SECONDS, Backoff
from grpc import StatusCode

from tests.work_service.conftest import agent_process, on_a_loop, start_agent
from tests.work_service.flow_double import flow_double

FINAL_AT_FIRST = [StatusCode.UNAUTHENTICATED, StatusCode.PERMISSION_DENIED, StatusCode.UNIMPLEMENTED]
TRANSIENT = [code for code in StatusCode if code not in (StatusCode.OK, *FINAL_AT_FIRST)]
"""All others, those that flows never send to agents among them: what stands between may."""

NOT_USABLE = CallError("INVALID_HELLO", "a Hello names agent_id, boot_id and at least one work")
"""What a flow says to a hello that it cannot use."""
PASSING = [
    CallError("AGENT_SILENT", "no Hello within 10 s"),
    CallError("AGENT_REPLACED", "another agent of the same name attached"),
]
"""What else a flow says to agents."""

Refusal: TypeAlias = StatusCode | CallError


@pytest.mark.parametrize("status", [None, *TRANSIENT, *FINAL_AT_FIRST, NOT_USABLE, *PASSING], ids=str)
@on_a_loop
async def test_an_agent_that_was_attached_dials_again_and_goes_on(
    app_file: Path, status: Refusal | None
) -> None:
    """Tokens may be replaced, and an older flow may run for a while: nothing is final any more."""
    async with flow_double() as flow, agent_process(flow, app_file) as process:
        flow.start("root.behave", "await_flag", vars=_behave(), orphan_grace=timedelta(minutes=1))
        await flow.until(lambda: "begun" in str(flow.changes()) or None)
        flow.refusal = status
        flow.hang_up()
        if status is not None:
            await flow.until(lambda: flow.refused >= 3 or None)
        flow.refusal = None
        await flow.until(lambda: len(flow.hellos) == 2 or None)
        assert [held.run_id for held in flow.hellos[1].held] == ["run"]
        assert process.returncode is None


@pytest.mark.parametrize("status", [*TRANSIENT, *PASSING], ids=str)
@on_a_loop
async def test_an_agent_that_was_never_attached_waits_for_what_may_pass(
    app_file: Path, status: Refusal
) -> None:
    async with flow_double() as flow:
        flow.refusal = status
        process = await start_agent(flow.address, app_file)
        try:
            await flow.until(lambda: flow.refused >= 2 or None)
            flow.refusal = None
            await flow.until(lambda: flow.hellos or None)
            assert process.returncode is None
        finally:
            process.kill()
            await process.communicate()


@pytest.mark.parametrize("status", [*FINAL_AT_FIRST, NOT_USABLE], ids=str)
@on_a_loop
async def test_an_agent_that_was_never_attached_gives_up_when_it_is_refused(
    app_file: Path, status: Refusal
) -> None:
    async with flow_double() as flow:
        flow.refusal = status
        process = await start_agent(flow.address, app_file)
        async with asyncio.timeout(60):
            _, errors = await process.communicate()
        assert process.returncode == 3
        assert b"cannot serve" in errors


@on_a_loop
async def test_a_flow_that_answers_no_more_is_left_alone_until_it_does(app_file: Path) -> None:
    """It was frozen: beats go unanswered, and the attempt is not given up meanwhile."""
    async with flow_double() as flow, agent_process(flow, app_file):
        await flow.until(lambda: flow.of(Beat) or None)
        flow.deaf = True
        await asyncio.wait_for(flow.detached.wait(), 60)
        flow.deaf = False
        await flow.until(lambda: len(flow.hellos) == 2 or None)


def test_delays_grow_to_a_bound_with_jitter_and_begin_small_again() -> None:
    backoff = Backoff()
    delays = [backoff.delay() for _ in range(30)]
    assert 0.75 * FIRST_SECONDS <= delays[0] <= 1.25 * FIRST_SECONDS
    assert all(0.75 * LONGEST_SECONDS <= delay <= 1.25 * LONGEST_SECONDS for delay in delays[15:])
    assert len(set(delays[15:])) > 10, "agents that lost one flow must not come back all at once"
    backoff.reset()
    assert backoff.delay() <= 1.25 * FIRST_SECONDS


def _behave() -> dict[str, Any]:
    return {"pid": 0, "seen": None, "items": [], "done": False}
