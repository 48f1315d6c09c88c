"""Bugs of what clients are answered and shown."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.crash.bugs.patching import put, strike


def retry_with_a_new_id() -> None:
    """Is a bug of the client: the commanders of the campaign make it."""


def other_answer_to_a_repeat() -> None:
    from flowrpc.flow_service.requests import Requests
    from flowrpc.protocol.answers import CommandOutcome

    first_answer = Requests.first_answer

    def other(requests: Requests, *args: Any) -> Any:
        answer = first_answer(requests, *args)
        return replace(answer, result=None) if isinstance(answer, CommandOutcome) else answer

    put(Requests, "first_answer", other)


def stale_reads() -> None:
    """Answers some reads with what the one before was answered."""
    from flowrpc.flow_service.publisher import Publisher

    state_bytes = Publisher.state_bytes
    kept: dict[Any, tuple[int, int, bytes]] = {}
    enough = 100
    """Revisions, of which some have been answered to clients when the read begins."""

    def stale(publisher: Publisher, request: Any) -> bytes:
        reads, revision, answer = kept.get(request, (0, 0, b""))
        newest = publisher.replica.revision
        if reads % 10 == 0:
            revision, answer = newest, state_bytes(publisher, request)
        elif newest >= revision + enough:
            strike()
        kept[request] = reads + 1, revision, answer
        return answer

    put(Publisher, "state_bytes", stale)


def watch_begins_late() -> None:
    """Loses the first revision after a snapshot."""
    from flowrpc.flow_service.watching import Watch

    cut = Watch._cut

    def late(watch: Watch, reason: Any) -> Any:
        made = cut(watch, reason)
        watch._count += 1
        return made

    put(Watch, "_cut", late)


def resume_one_off() -> None:
    from flowrpc.flow_service.publisher import Publisher

    follow = Publisher.follow

    def off(publisher: Publisher, request: Any) -> Any:
        after = request.after_revision
        if after is not None and after < publisher.replica.revision:
            strike()
            request = replace(request, after_revision=after + 1)
        return follow(publisher, request)

    put(Publisher, "follow", off)
