"""Leaks to plant in a process that runs: what a soak has to tell, and is shown to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.crash.bugs.patching import put


@dataclass(slots=True)
class Planted:
    """What is planted, and how to undo it."""

    undo: ExitStack = field(default_factory=ExitStack)

    def put(self, owner: Any, name: str, new: Any) -> None:
        """Puts something in the place of an attribute until it is mended."""
        self.undo.callback(put, owner, name, put(owner, name, new))

    def then(self, mend: Callable[..., object], *args: Any) -> None:
        """Notes how to end one thing that was leaked."""
        self.undo.callback(mend, *args)

    def mend(self) -> None:
        """Ends the leak and all that was leaked."""
        self.undo.close()

    def start_task(self) -> None:
        """Starts a task that never ends."""
        self.then(asyncio.get_running_loop().create_task(never_ends()).cancel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """A leak to plant."""

    process: str
    """Which kind of process leaks: `flow` or `agent`."""
    plant: Callable[[], Planted]
    grows: Mapping[str, int]
    """The counts that tell it, and by how much at least after two rounds of visits."""
    alone: bool = True
    """Whether no other count grows."""


async def never_ends() -> None:
    """Waits for what does not come."""
    await asyncio.Event().wait()


async def go_on(beats: AsyncIterator[bytes], queue: asyncio.Queue[bytes]) -> None:
    """Takes everything, whoever wants it."""
    async for beat in beats:
        queue.put_nowait(beat)


def a_task_for_each_watch() -> Planted:
    from flowrpc.flow_service.publisher import Publisher

    follow, planted = Publisher.follow, Planted()

    def leaking(publisher: Any, request: Any) -> Any:
        planted.start_task()
        return follow(publisher, request)

    planted.put(Publisher, "follow", leaking)
    return planted


def a_watch_that_stays_registered() -> Planted:
    from flowrpc.flow_service.publisher import Publisher

    leave, planted = Publisher.leave, Planted()
    planted.put(Publisher, "leave", lambda publisher, watch: planted.then(leave, publisher, watch))
    return planted


def a_watch_that_is_referred_to() -> Planted:
    """The watch has left the registry; something else holds it."""
    from flowrpc.flow_service.publisher import Publisher

    leave, planted = Publisher.leave, Planted()
    held: list[Any] = []
    planted.then(held.clear)

    def leaking(publisher: Any, watch: Any) -> None:
        held.append(watch)
        leave(publisher, watch)

    planted.put(Publisher, "leave", leaking)
    return planted


def a_stream_reader_that_stays() -> Planted:
    from flowrpc.flow_service.stream_readers import StreamReaders

    open_one, planted = StreamReaders.open, Planted()

    @asynccontextmanager
    async def leaking(readers: Any, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        async with open_one(readers, *args, **kwargs) as reader:
            try:
                yield reader
            finally:
                number = -reader._number  # the real one is taken away
                readers._readers[number] = reader
                planted.then(readers._readers.pop, number)

    planted.put(StreamReaders, "open", leaking)
    return planted


def a_command_that_is_never_closed() -> Planted:
    from flowrpc.flow_service.streams import Streams

    close, planted = Streams.close, Planted()
    planted.put(Streams, "close", lambda streams, number, now: planted.then(close, streams, number, now))
    return planted


def an_event_stream_that_goes_on() -> Planted:
    """Server-sent events whose reader has left, and whose watch waits for the next revision all the same."""
    from flowrpc.gateway import watch_api

    with_beats, planted = watch_api.with_beats, Planted()

    async def leaking(events: Any) -> AsyncIterator[bytes]:
        beats: asyncio.Queue[bytes] = asyncio.Queue()
        planted.then(asyncio.create_task(go_on(with_beats(events), beats)).cancel)
        while True:
            yield await beats.get()

    planted.put(watch_api, "with_beats", leaking)
    return planted


def frames_of_a_session_that_stay() -> Planted:
    from flowrpc.flow_service import work_servicer

    stream, planted = work_servicer._Stream, Planted()
    held: list[Any] = []
    planted.then(held.clear)
    begin = stream.__init__

    def leaking(one: Any) -> None:
        held.append(one)
        begin(one)

    planted.put(stream, "__init__", leaking)
    return planted


def a_task_for_each_time_an_agent_dials() -> Planted:
    from flowrpc.work_service.agent import Agent

    detach, planted = Agent._detach, Planted()

    def leaking(agent: Any) -> None:
        planted.start_task()
        detach(agent)

    planted.put(Agent, "_detach", leaking)
    return planted


def a_channel_that_is_kept() -> Planted:
    from flowrpc.work_service import agent
    from flowrpc.work_service.channel import open_channel

    planted = Planted()
    held: list[Any] = []
    planted.then(held.clear)

    def leaking(*args: Any) -> Any:
        held.append(open_channel(*args))
        return held[-1]

    planted.put(agent, "open_channel", leaking)
    return planted


def _leak(process: str, plant: Callable[[], Planted], *, alone: bool = True, **grows: int) -> Leak:
    named = {f"{process}: {_NAMES[name]}": amount for name, amount in grows.items()}
    return Leak(process=process, plant=plant, grows=named, alone=alone)


_NAMES = {
    "never_ends": "tasks of never_ends",
    "go_on": "tasks of go_on",
    "watch": "objects of watching.Watch",
    "feed": "objects of feed.Feed",
    "feeds": "registered feeds",
    "watches": "registered watches",
    "reader": "objects of stream_readers.StreamReader",
    "readers": "registered stream readers",
    "stream": "objects of streams._Stream",
    "streams": "registered streams of the engine",
    "frames": "objects of work_servicer._Stream",
    "channel": "objects of _channel.Channel",
}
LEAKS = {
    leak.plant.__name__: leak
    for leak in (
        _leak("flow", a_task_for_each_watch, never_ends=8),
        _leak("flow", a_watch_that_stays_registered, watch=8, feed=2, feeds=2, watches=8),
        _leak("flow", a_watch_that_is_referred_to, watch=8, feed=2),
        _leak("flow", a_stream_reader_that_stays, reader=6, readers=6),
        _leak("flow", a_command_that_is_never_closed, stream=6, streams=6),
        _leak("flow", an_event_stream_that_goes_on, alone=False, go_on=4, watch=4, watches=4),
        _leak("flow", frames_of_a_session_that_stay, frames=1),
        _leak("agent", a_task_for_each_time_an_agent_dials, never_ends=2),
        _leak("agent", a_channel_that_is_kept, channel=1),
    )
}
"""By their names."""
