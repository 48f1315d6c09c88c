"""What a session asks its shell to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from flowrpc.protocol.messages import AgentMessage, RunnerRequest
from flowrpc.wire.attach import PackedDelta


@dataclass(frozen=True, slots=True)
class Send:
    """Send a message to the flow, after those before it."""

    message: AgentMessage | PackedDelta


@dataclass(frozen=True, slots=True)
class Spawn:
    """Start the runner of a work; what is told to it next waits until it reads."""

    work: str


@dataclass(frozen=True, slots=True)
class Tell:
    """Send a request to the runner of a work."""

    work: str
    request: RunnerRequest


@dataclass(frozen=True, slots=True)
class End:
    """End the runner of a work in order, by force if that takes too long; its exit is told to the session."""

    work: str


@dataclass(frozen=True, slots=True)
class Kill:
    """Kill the runner of a work, with every process that it started; its exit is told to the session."""

    work: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Read no more from the runner of a work: too much of it waits for the flow."""

    work: str


@dataclass(frozen=True, slots=True)
class Resume:
    """Read from the runner of a work again."""

    work: str


@dataclass(frozen=True, slots=True)
class Redial:
    """Break the connection and dial again."""

    reason: str


@dataclass(frozen=True, slots=True)
class Leave:
    """Say bye and end: nothing is held any more, and nothing more will come."""

    reason: str


Effect: TypeAlias = Send | Spawn | Tell | End | Kill | Pause | Resume | Redial | Leave
"""What a session asks its shell to do."""
