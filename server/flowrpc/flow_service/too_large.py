"""What is too large to be sent to an agent, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from flowrpc.flow_service.events import FrameRefused
from flowrpc.protocol.messages import StartRun
from flowrpc.state.changes import format_path
from flowrpc.state.records import Failure, FailureReason
from flowrpc.state.sizes import change_size, rough_size

_NAMED = 3
"""How many of the largest parts are named."""


def failure_of(refused: FrameRefused) -> Failure:
    """Says why a run cannot begin or go on."""
    message = refused.message
    if isinstance(message, StartRun):
        what = f"cannot begin: its vars and arguments are {_count(refused.size_bytes)} together"
        return _failure(FailureReason.NOT_BUILT, refused, what, _parts_of_start(message))
    what = f"cannot go on: what the flow changed in its vars is {_count(refused.size_bytes)}"
    parts = ((format_path(change.path), change_size(change)) for change in message.changes)
    return _failure(FailureReason.BROKEN_RULE, refused, what, parts)


def _failure(
    reason: FailureReason, refused: FrameRefused, what: str, parts: Iterable[tuple[str, int]]
) -> Failure:
    largest = sorted(parts, key=lambda part: part[1], reverse=True)[:_NAMED]
    named = ", ".join(f"{name} about {_count(size)}" for name, size in largest)
    message = (
        f"{refused.message.work}.run {what}, and an agent takes at most {_count(refused.limit_bytes)} at once "
        f"({named}); hand over what is large as a file (Path, Drive or Payload), or keep less in vars"
    )
    return Failure(reason=reason, message=message)


def _parts_of_start(start: StartRun) -> Iterable[tuple[str, int]]:
    yield from _sizes("", start.vars)
    yield from _sizes("argument ", {str(place): value for place, value in enumerate(start.args, 1)})
    yield from _sizes("argument ", start.kwargs)


def _sizes(prefix: str, values: Mapping[str, object]) -> Iterable[tuple[str, int]]:
    return ((prefix + name, rough_size(value)) for name, value in values.items())


def _count(size: int) -> str:
    return f"{size:,} bytes"
