"""The bounds of what waits for the engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from flowrpc.errors import CallError
from flowrpc.flow_service import inbox as module
from flowrpc.flow_service import work_servicer
from flowrpc.flow_service.calls_waiting import WaitingCalls
from flowrpc.flow_service.events import AgentExited, AgentSpoke, CommandCalled, ResendWanted, StopRequested
from flowrpc.flow_service.inbox import Inbox
from flowrpc.flow_service.logs import LogHub
from flowrpc.flow_service.refusals import Refusals
from flowrpc.flow_service.work_servicer import WorkServicer
from flowrpc.protocol.messages import Beat, Hello
from flowrpc.wire.attach import encode_agent_message


def command(call_id: int, size_bytes: int = 0) -> CommandCalled:
    return CommandCalled(call_id=call_id, command="c", arguments={}, size_bytes=size_bytes)


def frame(size_bytes: int = 0) -> AgentSpoke:
    return AgentSpoke(session=1, message=Beat(number=1), size_bytes=size_bytes)


def drain(inbox: Inbox) -> None:
    for event in inbox.take():
        assert event is not None
        inbox.done(event)


def test_requests_beyond_the_bound_are_refused_though_their_callers_gave_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_REQUESTS", 5)
    inbox = Inbox()
    waiting = WaitingCalls(inbox.put, inbox.check_room)

    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(waiting.ask(command), timeout=0.001)

    async def flood() -> None:
        for _ in range(5):
            await give_up()
        with pytest.raises(CallError, match="5 requests of 0 bytes wait already") as refused:
            await waiting.ask(command)
        assert refused.value.reason == "OVERLOADED"
        drain(inbox)
        await give_up()

    asyncio.run(flood())


def test_requests_are_bounded_in_bytes_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_REQUEST_BYTES", 1000)
    inbox = Inbox()
    inbox.put(command(1, 999))
    inbox.check_room()
    inbox.put(command(2, 1))
    with pytest.raises(CallError):
        inbox.check_room()
    drain(inbox)
    inbox.check_room()


def test_a_stop_is_never_refused() -> None:
    inbox = Inbox()
    inbox.put(StopRequested())
    inbox.put(None)
    assert inbox.take() == [StopRequested(), None]


def test_frames_are_read_again_when_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FRAME_BYTES", 2000)
    inbox = Inbox()
    inbox.put(frame(1000))
    assert not inbox.is_full_of_frames()
    inbox.put(frame(1000))
    assert inbox.is_full_of_frames()
    assert not inbox.has_made_room()
    drain(inbox)
    assert inbox.has_made_room()
    assert not inbox.has_made_room(), "it is told once"
    assert not inbox.is_full_of_frames()


def test_what_is_given_back_comes_first_and_counts_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_REQUESTS", 2)
    inbox = Inbox()
    inbox.put(command(1))
    inbox.put(command(2))
    taken = inbox.take()
    for event in taken:
        assert event is not None
        inbox.done(event)
    inbox.put(AgentExited(boot_id="b"))
    inbox.put_first([command(1), command(2), ResendWanted(session=1)])
    with pytest.raises(CallError):
        inbox.check_room()
    assert inbox.take() == [command(1), command(2), ResendWanted(session=1), AgentExited(boot_id="b")]


async def rest() -> None:
    """Lets what can go on do so."""
    for _ in range(10):
        await asyncio.sleep(0)


def test_a_stream_is_not_read_while_too_many_frames_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FRAME_BYTES", 10 * module.FRAME_BYTES)
    inbox = Inbox()
    servicer = WorkServicer(inbox.put, LogHub(), Refusals(), inbox.is_full_of_frames)
    read = 0

    async def requests() -> AsyncIterator[Any]:
        nonlocal read
        yield encode_agent_message(Hello(agent_id="a", boot_id="b", works=("*",)))
        for number in range(1000):
            read += 1
            yield encode_agent_message(Beat(number=number))

    async def talk() -> None:
        async for _ in servicer.Attach(requests(), None):
            pass

    async def serve() -> None:
        stream = asyncio.create_task(talk())
        last = -1
        while last != read or read == 0:
            last = read
            await rest()
        assert 5 < read < 15
        while read < 1000:
            drain(inbox)
            if inbox.has_made_room():
                servicer.read_on()
            await rest()
        stream.cancel()
        await asyncio.wait([stream])

    asyncio.run(serve())


def test_an_agent_that_does_not_read_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work_servicer, "MAX_UNSENT", 3)
    stream = work_servicer._Stream()
    for number in range(3):
        stream.send(Beat(number=number))
    assert stream.out.qsize() == 3
    stream.send(Beat(number=3))

    error = stream.out.get_nowait()
    assert isinstance(error, CallError)
    assert error.reason == "OVERLOADED"
    assert stream.out.empty()
