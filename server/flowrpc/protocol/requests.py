"""What clients ask of a flow service, as plain facts. `flow_service.proto` tells what each means."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from flowrpc.state.changes import Change
from flowrpc.state.records import RunStatus
from flowrpc.state.values import Value


@dataclass(frozen=True, slots=True, kw_only=True)
class CallCommand:
    """Calls a command."""

    command: str
    arguments: dict[str, Value] = field(default_factory=dict)
    request_id: str = ""
    """A UUIDv7, the same on each retry; empty: a retry may run the command twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamCommand:
    """Calls a command that streams."""

    command: str
    arguments: dict[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateState:
    """Changes vars of one component, whole or not at all."""

    component: str
    changes: tuple[Change, ...]
    expected_revision: int | None = None
    """Refuse if the component changed after it."""
    request_id: str = ""
    """A UUIDv7, the same on each retry; empty: a retry may apply twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GetState:
    """Reads the state of a component."""

    component: str = "root"
    exclude_children: bool = False
    with_state_hash: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchState:
    """Follows the state of a component and of what is below it."""

    component: str = "root"
    after_revision: int | None = None
    """Continue after it; None: begin with a snapshot."""
    journal_id: str = ""
    """The journal that `after_revision` is of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPage:
    """Asks for one page of a list."""

    page_size: int = 100
    page_token: str = ""
    """`next_page_token` of the previous page; empty for the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRuns:
    """Asks for one page of the runs, newest first."""

    work: str = ""
    """Only runs of this work; empty: of all."""
    statuses: frozenset[RunStatus] = frozenset()
    """Only runs in one of these; empty: in any."""
    page_size: int = 100
    page_token: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelRun:
    """Cancels a run that has not ended."""

    run_id: str
    grace: timedelta = timedelta(seconds=5)
    """How long the work's process may take to end by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrainAgent:
    """Drains an agent."""

    agent_id: str
    grace: timedelta | None = None
    """How long it may take to finish; None: as long as it takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamLogs:
    """Reads log records, the kept ones first."""

    component: str = ""
    """Only records of this component and what is below it; empty: all, the service's own too."""
    minimum_level: int = 0
    """As in Python's `logging`; 0: all."""
    tail: int = 100
    """Begin with at most this many kept records."""
    follow: bool = False
    """Go on with new records until the app ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StopApp:
    """Stops the app in order."""

    message: str = ""
