"""What the core wants done. The shell does it when the revision it waits on is durable."""

from __future__ import annotations

from dataclasses import dataclass

from flowrpc.errors import CallError
from flowrpc.protocol.answers import (
    AgentInfo,
    CommandInfo,
    CommandOutcome,
    CommandSource,
    UpdateOutcome,
    WorkInfo,
)
from flowrpc.protocol.messages import FlowMessage
from flowrpc.state.records import AppStatus


@dataclass(frozen=True, slots=True)
class WorkList:
    """The works of the app at one revision."""

    works: tuple[WorkInfo, ...]
    revision: int


Answer = (
    CommandOutcome
    | UpdateOutcome
    | tuple[CommandInfo, ...]
    | tuple[AgentInfo, ...]
    | CommandSource
    | WorkList
    | int
)
"""What a request is answered: an outcome, the commands, the agents, a command's source, the works, the revision."""


@dataclass(frozen=True, slots=True)
class Reply:
    """Answers a request."""

    call_id: int
    answer: Answer | CallError


@dataclass(frozen=True, slots=True)
class Send:
    """Says something to an agent."""

    session: int
    message: FlowMessage


@dataclass(frozen=True, slots=True)
class CloseSession:
    """Ends an agent's stream, with an error if it did something wrong."""

    session: int
    error: CallError | None = None


@dataclass(frozen=True, slots=True)
class Exit:
    """Ends the service; the app has ended."""

    status: AppStatus


@dataclass(frozen=True, slots=True)
class ReadyChanged:
    """Tells probes that the app became ready, or is no longer."""

    unready: tuple[str, ...]
    """Names of flows that are not ready, the first ones; empty when the app is ready."""


Effect = Reply | Send | CloseSession | Exit | ReadyChanged
