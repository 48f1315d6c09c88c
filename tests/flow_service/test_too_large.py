"""Frames that are too large for an agent: they are cut, or their run ends and says why."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from flowrpc import LightningFlow, LightningWork, Retry
from flowrpc.flow_service import under_way, work_servicer
from flowrpc.flow_service.effects import Send
from flowrpc.flow_service.events import Event, FrameRefused
from flowrpc.flow_service.logs import LogHub
from flowrpc.flow_service.refusals import Refusals
from flowrpc.flow_service.work_servicer import WorkServicer
from flowrpc.protocol.messages import Ack, Fence, FlowMessage, HeldAttempt, Hello, StartRun, VarsChanged
from flowrpc.state import Set, apply
from flowrpc.state.records import FailureReason, RunStatus
from flowrpc.wire.attach import decode_flow_message, encode_agent_message, encode_flow_message
from flowrpc.wire.sizes import size_of

from tests.flow_service.driver import Driver, FakeAgent

TEXT = "x" * 1000


class Job(LightningWork):
    def __init__(self) -> None:
        super().__init__(parallel=True, raise_exception=False, retry=Retry(attempts=5))
        self.a = self.b = self.c = ""
        self.items: list[Any] = []

    def run(self, number: int = 0) -> None:
        raise AssertionError("a flow never executes a work")


class Root(LightningFlow):
    def __init__(self) -> None:
        self.job = Job()

    def run(self) -> None:
        self.job.run()

    def fill(self) -> None:
        self.job.a = self.job.b = self.job.c = TEXT

    def again(self) -> None:
        self.job.run(1)

    def configure_commands(self) -> Any:
        return [{"fill": self.fill, "again": self.again}]


def refuse(driver: Driver, message: StartRun | VarsChanged, session: int = 1) -> None:
    """Tells the core what its shell tells of a frame that it does not send."""
    driver.submit(
        FrameRefused(session=session, message=message, size_bytes=70_000_000, limit_bytes=67_000_000)
    )


def begun() -> tuple[Driver, FakeAgent, StartRun]:
    driver = Driver(Root)
    agent = FakeAgent(driver, agent_id="far").attach()
    driver.settle()
    return driver, agent, agent.take_start()


# What the core decides


def test_a_run_that_is_too_large_to_begin_fails_and_says_what_is() -> None:
    driver = Driver(Root)
    agent = FakeAgent(driver, agent_id="far").attach()
    driver.call("fill")
    (start,) = agent.heard(StartRun)
    refuse(driver, start)
    (run,) = driver.runs()
    assert (run.status, run.attempt) == (RunStatus.FAILED, 1), "another attempt would be refused as well"
    assert run.failure is not None
    assert run.failure.reason is FailureReason.NOT_BUILT
    for words in ("root.job.run", "70,000,000", "67,000,000", "a about", "Path, Drive or Payload"):
        assert words in run.failure.message
    assert agent.heard(StartRun) == []
    driver.call("again")
    assert agent.take_start().args == (1,), "the next run is asked for"


def test_a_run_whose_changes_are_too_large_fails_and_ends_at_its_agent() -> None:
    driver, agent, start = begun()
    driver.call("fill")
    (told,) = agent.heard(VarsChanged)
    refuse(driver, told)
    (run,) = driver.runs()
    assert run.status is RunStatus.FAILED
    assert run.failure is not None
    assert run.failure.reason is FailureReason.BROKEN_RULE
    assert "what the flow changed in its vars is 70,000,000 bytes" in run.failure.message
    assert agent.heard(Fence) == [Fence(run_id=start.run_id, attempt=1)]


def test_what_was_refused_for_another_stream_or_attempt_ends_nothing() -> None:
    driver, agent, start = begun()
    driver.call("fill")
    (told,) = agent.heard(VarsChanged)
    refuse(driver, told, session=7)
    agent.finish(start)
    refuse(driver, told)
    driver.call("again")
    agent.take_start()
    refuse(driver, start)
    assert [run.status for run in driver.runs()] == [RunStatus.SUCCEEDED, RunStatus.RUNNING]


def test_many_changes_come_in_parts_with_numbers_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(under_way, "PART_BYTES", 1500)
    driver, agent, start = begun()
    driver.call("fill")
    told = agent.heard(VarsChanged)
    assert [[change.path[0] for change in part.changes] for part in told] == [["a"], ["b"], ["c"]]
    numbers = [part.number for part in told]
    assert numbers == sorted(set(numbers))
    agent.change(start, Set(("b",), "mine"), base=numbers[1])
    agent.detach()
    FakeAgent(driver, session=2, agent_id="far").attach(
        HeldAttempt(run_id=start.run_id, attempt=1, last_seq=1)
    )
    missed = driver.sent[2]
    vars_: dict[str, Any] = {}
    for message in missed:
        if isinstance(message, VarsChanged):
            for change in message.changes:
                apply(vars_, change)
    assert vars_ == {"c": TEXT}, "it is known to have the first two parts"


# What the shell refuses


START = StartRun(run_id="r", attempt=1, work="root.job", recipe=None, vars={"a": TEXT}, vars_number=0)
CHANGED = VarsChanged(work="root.job", number=1, changes=(Set(("a",), TEXT),))


def serve(*messages: FlowMessage) -> tuple[list[Event], list[FlowMessage | None]]:
    """Sends frames over a stream; returns what the engine was told and what the agent gets."""
    told: list[Event] = []
    servicer = WorkServicer(told.append, LogHub(), Refusals())

    async def requests() -> AsyncIterator[Any]:
        yield encode_agent_message(Hello(agent_id="a", boot_id="b", works=("*",)))
        for message in messages:
            servicer.send(Send(1, message))
        servicer.close_all()
        await asyncio.Event().wait()

    async def talk() -> list[FlowMessage | None]:
        return [decode_flow_message(frame) async for frame in servicer.Attach(requests(), None)]

    return told, asyncio.run(talk())


def test_a_frame_that_is_too_large_is_not_sent_and_the_stream_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(work_servicer, "MAX_TO_AGENT_BYTES", 1000)
    ack = Ack(run_id="r", attempt=1, seq=1)
    told, got = serve(START, CHANGED, ack)
    assert got == [ack]
    refused = [event for event in told if isinstance(event, FrameRefused)]
    assert [event.message for event in refused] == [START, CHANGED]
    assert all(event.size_bytes > event.limit_bytes == 1000 for event in refused)


def test_a_frame_of_just_the_limit_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    size = size_of(encode_flow_message(START))
    monkeypatch.setattr(work_servicer, "MAX_TO_AGENT_BYTES", size)
    told, got = serve(START)
    assert not any(isinstance(event, FrameRefused) for event in told)
    assert got == [START]
