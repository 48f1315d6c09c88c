"""What the core wants done. The shell does it when the revision it waits on is durable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flowrpc.component.frontend import Frontend
from flowrpc.errors import CallError
from flowrpc.flow_service.routes import Route
from flowrpc.protocol.answers import (
    AgentInfo,
    CommandInfo,
    CommandItem,
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


@dataclass(frozen=True, slots=True)
class RouteOutcome:
    """How a route ended: what is sent, or what user code raised."""

    content: Any = None
    raised: BaseException | None = None
    ended: bool = False
    """Whether the method ended the app, so that there is no content."""


Answer = (
    CommandOutcome
    | RouteOutcome
    | UpdateOutcome
    | tuple[CommandInfo, ...]
    | tuple[AgentInfo, ...]
    | CommandSource
    | WorkList
    | int
    | None
)
"""What a request is answered: an outcome, the commands, the agents, a command's source, the works, the revision; None:
it was done."""


@dataclass(frozen=True, slots=True)
class Reply:
    """Answers a request."""

    call_id: int
    answer: Answer | CallError


@dataclass(frozen=True, slots=True)
class StreamItem:
    """Sends an item of a stream, or what the command raised."""

    stream: int
    item: CommandItem


@dataclass(frozen=True, slots=True)
class StreamEnded:
    """Ends a stream after what was sent, with an error if it is not the command that ended it."""

    stream: int
    error: CallError | None = None


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
class RoutesChanged:
    """Tells what routes there are now."""

    routes: tuple[Route, ...]


@dataclass(frozen=True, slots=True)
class FrontendsChanged:
    """Tells what frontends there are now, by the name of their flow."""

    frontends: dict[str, Frontend]


@dataclass(frozen=True, slots=True)
class Exit:
    """Ends the service; the app has ended."""

    status: AppStatus


@dataclass(frozen=True, slots=True)
class ReadyChanged:
    """Tells probes that the app became ready, or is no longer."""

    unready: tuple[str, ...]
    """Names of flows that are not ready, the first ones; empty when the app is ready."""


@dataclass(frozen=True, slots=True)
class ReadOnlyChanged:
    """Tells that nothing can be saved any more, or that it can again."""

    reason: str
    """Why nothing can be saved; empty when it can."""


@dataclass(frozen=True, slots=True)
class RoomMade:
    """Tells that frames of agents may be read again."""


Effect = (
    Reply
    | StreamItem
    | StreamEnded
    | Send
    | CloseSession
    | RoutesChanged
    | FrontendsChanged
    | Exit
    | ReadyChanged
    | ReadOnlyChanged
    | RoomMade
)
