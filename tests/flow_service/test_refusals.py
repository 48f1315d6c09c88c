"""What is refused or dropped is counted by reason: of frames, records and watches. Calls: tests/end_to_end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flowrpc.flow_service import logs, work_servicer
from flowrpc.flow_service.effects import Send
from flowrpc.flow_service.logs import LogHub, OwnLane
from flowrpc.flow_service.refusals import Refusals
from flowrpc.flow_service.work_servicer import WorkServicer
from flowrpc.protocol.messages import (
    Ack,
    Beat,
    Fence,
    FlowMessage,
    HeldVerdict,
    Hello,
    LogRecord,
    Nack,
    NackReason,
    StartRun,
    Verdict,
    Welcome,
    WorkDelta,
)
from flowrpc.protocol.requests import StreamLogs
from flowrpc.state import Set
from flowrpc.wire.attach import encode_agent_message

WELCOME = Welcome(
    lease=timedelta(seconds=5),
    beat_interval=timedelta(seconds=1),
    epoch=1,
    verdicts=tuple(HeldVerdict(run_id="r", attempt=1, verdict=verdict) for verdict in Verdict),
)


@pytest.mark.parametrize(
    ("message", "counted"),
    [
        (Nack(run_id="r", attempt=1, seq=3, reason=NackReason.GAP), {"DELTA_GAP": 1}),
        (Nack(run_id="r", attempt=1, seq=3, reason=NackReason.CONFLICT, var="v"), {"DELTA_CONFLICT": 1}),
        (Nack(run_id="r", attempt=1, seq=3, reason=NackReason.INVALID, var="v"), {"DELTA_INVALID": 1}),
        (Fence(run_id="r", attempt=1), {"ATTEMPT_FENCED": 1}),
        (WELCOME, {"ATTEMPT_FENCED": 2}),
        (Ack(run_id="r", attempt=1, seq=3), {}),
    ],
    ids=["gap", "conflict", "invalid", "fence", "verdicts", "acknowledged"],
)
def test_what_an_agent_is_refused_is_counted(message: FlowMessage, counted: dict[str, int]) -> None:
    refusals = Refusals()
    WorkServicer(lambda event: None, LogHub(), refusals).send(Send(1, message))

    assert refusals.counts() == counted


def test_frames_that_cannot_be_read_or_sent_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work_servicer, "MAX_TO_AGENT_BYTES", 100)
    refusals = Refusals()
    servicer = WorkServicer(lambda event: None, LogHub(), refusals)
    broken = encode_agent_message(WorkDelta(run_id="r", attempt=1, seq=1, base=0, changes=(Set(("v",), 1),)))
    broken.delta.changes[0].ClearField("var")

    async def requests() -> AsyncIterator[Any]:
        yield encode_agent_message(Hello(agent_id="a", boot_id="b", works=("*",)))
        start = StartRun(
            run_id="r", attempt=1, work="root.w", recipe=None, vars={"v": "x" * 200}, vars_number=0
        )
        servicer.send(Send(1, start))
        yield broken

    async def talk() -> None:
        async for _ in servicer.Attach(requests(), None):
            pass

    asyncio.run(talk())

    assert refusals.counts() == {"FRAME_BROKEN": 1, "FRAME_TOO_LARGE": 1}


class Refused(Exception):
    """What a call of gRPC that is aborted raises."""


class Context:
    async def abort(self, *status: object) -> None:
        raise Refused


@pytest.mark.parametrize(
    ("hello", "reason"),
    [
        (Hello(agent_id="", boot_id="b", works=("*",)), "INVALID_HELLO"),
        (Beat(number=1), "INVALID_HELLO"),
        (None, "AGENT_SILENT"),
    ],
    ids=["without a name", "something else", "nothing"],
)
def test_an_agent_that_says_no_usable_hello_is_refused(
    monkeypatch: pytest.MonkeyPatch, hello: Any, reason: str
) -> None:
    """One that says nothing may be slow, and is to dial again."""
    monkeypatch.setattr(work_servicer, "HELLO_SECONDS", 0.05 if hello is None else 60.0)
    refusals = Refusals()
    servicer = WorkServicer(lambda event: None, LogHub(), refusals)

    async def requests() -> AsyncIterator[Any]:
        if hello is not None:
            yield encode_agent_message(hello)
        await asyncio.Event().wait()

    async def talk() -> None:
        async for _ in servicer.Attach(requests(), Context()):
            pass

    with pytest.raises(Refused):
        asyncio.run(talk())

    assert refusals.counts() == {reason: 1}


def record(number: int) -> LogRecord:
    return LogRecord(time=datetime(2026, 1, 1, tzinfo=UTC), message=str(number), component="root", level=20)


def test_records_that_a_reader_loses_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "READER_RECORDS", 3)
    refusals = Refusals()
    hub = LogHub(refusals=refusals)

    async def scenario() -> None:
        reader = hub.read(StreamLogs(follow=True))
        first = asyncio.ensure_future(anext(reader))
        await asyncio.sleep(0)
        hub.add([record(0)])
        await first
        hub.add(record(number) for number in range(1, 10))

    asyncio.run(scenario())

    assert refusals.counts() == {"LOG_RECORDS_DROPPED": 6}


def test_records_that_come_too_fast_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "OWN_RECORDS", 3)
    refusals = Refusals()
    flushes: list[Any] = []
    lane = OwnLane(LogHub(refusals=refusals), flushes.append)

    for number in range(10):
        lane.submit(record(number))
    flushes[0]()

    assert refusals.counts() == {"LOG_RECORDS_DROPPED": 7}
