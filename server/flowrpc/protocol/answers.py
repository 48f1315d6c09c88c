"""What a flow service answers to its clients, as plain facts. `flow_service.proto` tells what each means."""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from flowrpc.protocol.resources import NOTHING, Resources
from flowrpc.state.records import AppStatus, ComponentRecord, Failure, Revision, Run
from flowrpc.state.values import Value


@dataclass(frozen=True, slots=True, kw_only=True)
class AppInfo:
    """What app this is and how it is."""

    name: str
    journal_id: str
    life: int
    revision: int
    status: AppStatus
    root_type: str
    started_at: datetime
    version: str
    pid: int
    ready: bool = False
    """Whether the app is served and its root is ready."""
    unready: tuple[str, ...] = ()
    """Names of flows that are not ready, the first ones."""
    http_address: str = ""
    """Where its pages and routes are: `http://127.0.0.1:43211`; empty if it serves no HTTP."""
    read_only: str = ""
    """Why nothing can be saved; empty when it can."""
    state_hash: str = ""
    """The hash of the whole state, if it was asked for."""
    refused: Mapping[str, int] = field(default_factory=dict)
    """How often something was refused or dropped since this life began, by reason."""


class SnapshotReason(enum.Enum):
    """Why a watch sends a snapshot."""

    ASKED = "asked"
    OTHER_JOURNAL = "other_journal"
    AHEAD = "ahead"
    TOO_OLD = "too_old"
    TOO_SLOW = "too_slow"


class WatchEndReason(enum.Enum):
    """Why a watch ends."""

    APP_ENDED = "app_ended"
    SERVICE_STOPPING = "service_stopping"


@dataclass(frozen=True, slots=True, kw_only=True)
class StateSnapshot:
    """The state of a component and what is below it, at one revision."""

    journal_id: str
    revision: int
    components: tuple[ComponentRecord, ...]
    runs: tuple[Run, ...]
    app: AppStatus | None = None
    """The app's status; only in a watch."""
    first: bool = True
    last: bool = True
    """A watch sends large snapshots in parts; the parts' components add up."""
    reason: SnapshotReason | None = None
    """Why a watch sends it; in its first part."""
    state_hash: str = ""
    """The hash of all components; in the last part of a watch, and where it was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bookmark:
    """How far a watch is that has nothing else to tell."""

    journal_id: str
    revision: int
    state_hash: str = ""
    """The hash of what is watched, at that revision; empty if it is not told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchEnd:
    """Why a watch ends."""

    revision: int
    message: str
    app: AppStatus | None = None
    reason: WatchEndReason | None = None


WatchUpdate = StateSnapshot | Revision | Bookmark | WatchEnd
"""What a watch sends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterInfo:
    """A parameter of a command."""

    name: str
    annotation: str
    required: bool
    default: Value = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientPartInfo:
    """The client part of a command: code of the app that clients may run."""

    class_name: str
    help: str
    parameters: tuple[ParameterInfo, ...]
    source_sha256: str
    """As the service tells it; a client makes its own of the bytes that it runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandInfo:
    """A command of the app."""

    name: str
    flow: str
    help: str
    parameters: tuple[ParameterInfo, ...]
    client_part: ClientPartInfo | None = None
    streams: bool = False
    """Whether it is called as a stream of items."""
    item_annotation: str = ""
    """The annotation of these items; empty if there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandSource:
    """The source of a command's client part: the module that defines the class."""

    command: str
    class_name: str
    file_name: str
    source: bytes

    @property
    def sha256(self) -> str:
        """The digest of the source, made of its bytes, in hexadecimal digits."""
        return hashlib.sha256(self.source).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandOutcome:
    """How a command ended: what it returned, or what it raised."""

    result: Value = None
    failure: Failure | None = None
    revision: int = 0
    replayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandItem:
    """What a command that streams sends: an item, or, as the last one, what it raised."""

    value: Value = None
    failure: Failure | None = None
    revision: int = 0
    """The revision that holds what it did or read up to here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateOutcome:
    """The revision that holds an update of the state."""

    revision: int
    replayed: bool = False


class WorkStage(enum.Enum):
    """What a work is doing."""

    NOT_STARTED = "not_started"
    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    STOPPED = "stopped"
    STARTED = "started"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkInfo:
    """A work of the app."""

    name: str
    type: str
    stage: WorkStage
    parallel: bool
    cache_calls: bool
    raise_exception: bool
    latest_run: Run | None
    succeeded_count: int
    failed_count: int
    timed_out_count: int = 0
    """Attempts that took too long."""
    display_name: str = ""
    url: str = ""
    """Where it serves; empty while it does not."""
    internal_ip: str = ""
    public_ip: str = ""
    pending_reason: str = ""
    """Why its oldest unfinished run waits, if it needs what no attached agent has now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentInfo:
    """An agent that is attached."""

    agent_id: str
    host: str = ""
    pid: int = 0
    version: str = ""
    works: tuple[str, ...] = ()
    capacity: int = 0
    attempt_count: int = 0
    """How many attempts it executes now."""
    resources: Resources = NOTHING
    taken: Resources = NOTHING
    """What running works asked for."""
    labels: dict[str, str] = field(default_factory=dict)
    draining: bool = False
    """Whether it finishes what it has and gets nothing more."""
