"""What a process counts of itself: tasks, code that waits, what its registries hold, and objects that should be gone.

Everything here runs in the process that is counted, in its event loop. The names of counts say where they are from:

    tasks of NAME           asyncio tasks that have not ended, by the name of their coroutine
    coroutines of NAME      coroutines and asynchronous generators of flowrpc that have not ended; so calls and streams
                            under way are `FlowServicer.WatchState`, `WorkServicer.Attach` and so on
    registered NAME         what the process itself takes for open: watches, sessions, streams, calls, attempts
    objects of NAME         instances that are alive after a collection of garbage
"""

from __future__ import annotations

import asyncio
import gc
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import AsyncGeneratorType, CodeType, CoroutineType
from typing import Any

import flowrpc

SOURCES = str(Path(flowrpc.__file__).parent)

KINDS = "tasks", "coroutines", "registered", "objects"
"""What the names of counts begin with."""

Counts = dict[str, int]
Found = Mapping[type, list[Any]]
"""Instances by their class."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kinds:
    """What is counted in one kind of process."""

    transient: tuple[type, ...]
    """Classes whose instances come and go with what clients, agents and runs do."""
    owners: tuple[type, ...]
    """Classes of what holds the registries."""
    registered: Callable[[Found], Counts]
    """Reads the registries of the owners."""


def count(kinds: Kinds) -> Counts:
    """Counts this process; call it in its event loop."""
    gc.collect()
    found: dict[type, list[Any]] = {kind: [] for kind in (*kinds.transient, *kinds.owners)}
    named: Counter[str] = Counter()
    for thing in gc.get_objects():
        kind = type(thing)
        if kind in found:
            found[kind].append(thing)
        elif (kind is CoroutineType and _is_ours(thing.cr_code)) or (
            kind is AsyncGeneratorType and _is_ours(thing.ag_code)
        ):
            named[f"coroutines of {thing.__qualname__}"] += 1
    for task in asyncio.all_tasks():
        named[f"tasks of {getattr(task.get_coro(), '__qualname__', '?')}"] += 1
    for kind in kinds.transient:
        named[f"objects of {kind.__module__.rpartition('.')[2]}.{kind.__name__}"] += len(found[kind])
    assert all(found[owner] for owner in kinds.owners), "what holds the registries is there"
    named.update({f"registered {name}": amount for name, amount in kinds.registered(found).items()})
    return dict(named)


def _is_ours(code: CodeType) -> bool:
    return code.co_filename.startswith(SOURCES)


def flow_kinds() -> Kinds:
    """Tells what a flow service has."""
    from flowrpc.flow_service import streams, work_servicer
    from flowrpc.flow_service.attempts import Attempt
    from flowrpc.flow_service.calls_waiting import WaitingCalls
    from flowrpc.flow_service.feed import Feed
    from flowrpc.flow_service.logs import LogHub, _Reader
    from flowrpc.flow_service.parts import Parts
    from flowrpc.flow_service.publisher import Publisher
    from flowrpc.flow_service.sessions import Session, Sessions
    from flowrpc.flow_service.stream_readers import StreamReader, StreamReaders
    from flowrpc.flow_service.under_way import AttemptsUnderWay
    from flowrpc.flow_service.watching import Watch
    from flowrpc.flow_service.work_servicer import WorkServicer

    def registered(found: Found) -> Counts:
        feeds = [feed for publisher in found[Publisher] for feed in publisher._feeds.values()]
        return {
            "feeds": len(feeds),
            "watches": sum(len(feed.watches) for feed in feeds),
            "log readers": sum(len(hub._readers) + len(hub._waiting) for hub in found[LogHub]),
            "stream readers": sum(len(readers._readers) for readers in found[StreamReaders]),
            "streams of the engine": sum(len(s._open) + len(s._unclosed) for s in found[streams.Streams]),
            "calls": sum(len(waiting._futures) for waiting in found[WaitingCalls]),
            "agent streams": sum(len(servicer._streams) for servicer in found[WorkServicer]),
            "sessions": sum(len(sessions._open) for sessions in found[Sessions]),
            "attempts": sum(len(attempts._attempts) for attempts in found[AttemptsUnderWay]),
        }

    return Kinds(
        transient=(
            *(Feed, Watch, Parts, StreamReader, _Reader, Session, Attempt),
            *(streams._Stream, work_servicer._Stream),
        ),
        owners=(
            *(Publisher, LogHub, StreamReaders, streams.Streams, WaitingCalls),
            *(WorkServicer, Sessions, AttemptsUnderWay),
        ),
        registered=registered,
    )


def agent_kinds() -> Kinds:
    """Tells what an agent has."""
    from flowrpc.work_service.agent import Agent
    from flowrpc.work_service.held import Attempt, Runner
    from flowrpc.work_service.launcher import Launch
    from flowrpc.work_service.roster import Roster
    from flowrpc.work_service.runner_process import RunnerProcess
    from grpc.aio._call import StreamStreamCall
    from grpc.aio._channel import Channel

    def registered(found: Found) -> Counts:
        return {
            "streams": sum(agent._call is not None for agent in found[Agent]),
            "sessions": sum(agent._session.attached for agent in found[Agent]),
            "attempts": sum(len(roster.attempts) for roster in found[Roster]),
        }

    return Kinds(
        transient=(Attempt, Runner, Launch, RunnerProcess, Channel, StreamStreamCall),
        owners=(Agent, Roster),
        registered=registered,
    )


def newest_session() -> int:
    """Returns the number of the newest stream of an agent that is open in this flow service; 0 if none is."""
    from flowrpc.flow_service.work_servicer import WorkServicer

    servicers = [thing for thing in gc.get_objects() if type(thing) is WorkServicer]
    return max((number for servicer in servicers for number in servicer._streams), default=0)


QUIET: Mapping[str, Mapping[str, int]] = {
    "flow": {
        "objects of watching.Watch": 0,
        "objects of parts.Parts": 0,
        "objects of stream_readers.StreamReader": 0,
        "objects of logs._Reader": 0,
        "objects of sessions.Session": 1,
        "objects of attempts.Attempt": 0,
        "objects of streams._Stream": 0,
        "objects of work_servicer._Stream": 1,
        "registered feeds": 0,
        "registered watches": 0,
        "registered log readers": 0,
        "registered stream readers": 0,
        "registered streams of the engine": 0,
        "registered calls": 0,
        "registered agent streams": 1,
        "registered sessions": 1,
        "registered attempts": 0,
    },
    "agent": {
        "objects of held.Attempt": 0,
        "objects of _channel.Channel": 1,
        "objects of _call.StreamStreamCall": 1,
        "registered streams": 1,
        "registered sessions": 1,
        "registered attempts": 0,
    },
}
"""What a process counts, by its name, when clients and runs are gone and the agent is there."""


def unquiet(counts: Mapping[str, Counts]) -> list[str]:
    """Tells what keeps processes from being quiet."""
    return [
        f"{process}: {name} {counts[process][name]}, not {amount}"
        for process, wanted in QUIET.items()
        for name, amount in wanted.items()
        if counts[process][name] != amount
    ]


def grown(before: Mapping[str, Counts], after: Mapping[str, Counts]) -> dict[str, int]:
    """Tells by how much each count grew, those that did: by `PROCESS: NAME`."""
    return {
        f"{process}: {name}": amount - before[process].get(name, 0)
        for process, counts in after.items()
        for name, amount in counts.items()
        if amount > before[process].get(name, 0)
    }
