"""Bugs of what clients are answered and shown."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from tests.crash.bugs.patching import put


def retry_with_a_new_id() -> None:
    """Is a bug of the client: the commanders of the campaign make it."""


def other_answer_to_a_repeat() -> None:
    from flowrpc.flow_service.requests import Requests
    from flowrpc.protocol.answers import CommandOutcome

    first_answer = Requests._first_answer

    def other(requests: Requests, *args: Any) -> Any:
        answer = first_answer(requests, *args)
        return replace(answer, result=None) if isinstance(answer, CommandOutcome) else answer

    put(Requests, "_first_answer", other)


def stale_reads() -> None:
    from flowrpc.flow_service.publisher import Publisher

    state = Publisher.state
    kept: dict[Any, tuple[float, Any]] = {}

    def stale(publisher: Publisher, request: Any) -> Any:
        at, answer = kept.get(request, (0.0, None))
        if time.monotonic() - at > 0.3:
            answer = state(publisher, request)
            kept[request] = time.monotonic(), answer
        return answer

    put(Publisher, "state", stale)


def watch_begins_late() -> None:
    """Loses the first revision after a snapshot."""
    from flowrpc.flow_service.publisher import Published, Publisher

    watch = Publisher.watch

    async def late(publisher: Publisher, request: Any) -> Any:
        after_snapshot = False
        async for update in watch(publisher, request):
            if after_snapshot and isinstance(update, Published):
                after_snapshot = False
                continue
            after_snapshot = isinstance(update, list)
            yield update

    put(Publisher, "watch", late)


def resume_one_off() -> None:
    from flowrpc.flow_service.publisher import Publisher

    resume_point = Publisher._resume_point

    def off(publisher: Publisher, request: Any) -> int | None:
        after = resume_point(publisher, request)
        return after if after is None or after == publisher.replica.revision else after + 1

    put(Publisher, "_resume_point", off)
