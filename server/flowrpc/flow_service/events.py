"""What happens to a flow service from outside, as the core is told it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flowrpc.protocol.messages import AgentMessage, Hello, StartRun, VarsChanged
from flowrpc.protocol.stored_answer import StoredAnswer
from flowrpc.state import Change, Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request that wants an answer."""

    call_id: int
    """Names the waiting call to the shell."""
    size_bytes: int = 0
    """How large it was as it came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing(Request):
    """A request that changes things once, however often it is sent."""

    request_id: str = ""
    digest: bytes = b""
    """SHA-256 of the request without its id."""
    earlier: StoredAnswer | None = None
    """The durable first answer to the request id, if there is one."""
    deadline: float | None = None
    """Monotonic time after which nobody waits for the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandCalled(Writing):
    """A client calls a command."""

    command: str
    arguments: dict[str, Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamOpened(Request):
    """A client calls a command that streams; the answer is None, and items follow."""

    stream: int
    """Names the stream to the shell."""
    command: str
    arguments: dict[str, Value]
    wanted: int = 1
    """How many items there is room for."""
    deadline: float | None = None
    """Monotonic time after which nobody waits for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamWanted:
    """There is room for more items of a stream."""

    stream: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamClosed:
    """Nobody reads a stream any more."""

    stream: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteCalled(Request):
    """An HTTP request calls a route that a method of a flow answers."""

    verb: str
    path: str
    """As it was configured, parameters unfilled."""
    arguments: dict[str, Any]
    """What the method takes, made and checked."""
    encode: Callable[[Any], Any]
    """Makes of the result what is sent; what it raises undoes the call. The result may hold live state."""
    deadline: float
    """Monotonic time after which nobody waits for the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateRequested(Writing):
    """A client changes vars from outside."""

    component: str
    changes: tuple[Change, ...]
    expected_revision: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelRequested(Request):
    """A client cancels a run."""

    run_id: str
    grace: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandsListed(Request):
    """A client asks what commands there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRequested(Request):
    """A client asks for the source of a command's client part."""

    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorksListed(Request):
    """A client asks what works there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentsListed(Request):
    """A client asks what agents are attached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrainRequested(Request):
    """A client drains an agent."""

    agent_id: str
    grace: timedelta | None
    """How long the agent may take to finish; None: as long as it takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRequested:
    """Somebody stops the app in order. A `call_id` of 0 wants no answer."""

    message: str = ""
    call_id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentAttached:
    """An agent opened a stream and said hello."""

    session: int
    hello: Hello


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSpoke:
    """An agent said something else."""

    session: int
    message: AgentMessage
    size_bytes: int = 0
    """How large it was as it came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentDetached:
    """An agent's stream ended."""

    session: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentExited:
    """An agent's process was seen to end: what it held is dead."""

    boot_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameRefused:
    """A frame is too large for an agent: it was not sent, and would be refused again."""

    session: int
    message: StartRun | VarsChanged
    size_bytes: int
    limit_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ResendWanted:
    """Deltas of an agent were passed over: it is to send again what was not applied."""

    session: int


Event = (
    CommandCalled
    | StreamOpened
    | StreamWanted
    | StreamClosed
    | RouteCalled
    | UpdateRequested
    | CancelRequested
    | CommandsListed
    | SourceRequested
    | WorksListed
    | AgentsListed
    | DrainRequested
    | StopRequested
    | AgentAttached
    | AgentSpoke
    | AgentDetached
    | AgentExited
    | FrameRefused
    | ResendWanted
)
