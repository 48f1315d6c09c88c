"""What travels over `WorkService.Attach`, as plain facts. `work_service.proto` tells what each means."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from flowrpc.protocol.resources import NOTHING, Resources
from flowrpc.state.changes import Change
from flowrpc.state.records import Failure, Recipe
from flowrpc.state.values import Value


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldAttempt:
    """An attempt that an agent holds when it says hello."""

    run_id: str
    attempt: int
    last_seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """The first message of an agent: who it is and what it holds."""

    agent_id: str
    boot_id: str
    works: tuple[str, ...]
    host: str = ""
    pid: int = 0
    held: tuple[HeldAttempt, ...] = ()
    version: str = ""
    capacity: int = 0
    """How many attempts it executes at a time; 0: no limit."""
    internal_ip: str = ""
    public_ip: str = ""
    resources: Resources = NOTHING
    """What works may take of its machine, altogether."""
    labels: dict[str, str] = field(default_factory=dict)
    draining: bool = False
    """Whether it was told to drain, and takes no more attempts."""
    idle_works: tuple[str, ...] = ()
    """The works whose process it has with nothing to do."""


class Verdict(enum.Enum):
    """What becomes of an attempt that an agent holds."""

    CONTINUE = "continue"
    FENCED = "fenced"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldVerdict:
    """The verdict on one held attempt."""

    run_id: str
    attempt: int
    verdict: Verdict
    applied_seq: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Welcome:
    """The flow's answer to hello."""

    lease: timedelta
    beat_interval: timedelta
    epoch: int
    verdicts: tuple[HeldVerdict, ...] = ()
    journal_id: str = ""
    storage_url: str = ""
    """Where works keep files; empty: nowhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """A sign of life, or the answer to one."""

    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRun:
    """Asks for an attempt of a run."""

    run_id: str
    attempt: int
    work: str
    recipe: Recipe | None
    vars: dict[str, Value]
    vars_number: int = 0
    args: tuple[Value, ...] = ()
    kwargs: dict[str, Value] = field(default_factory=dict)
    orphan_grace: timedelta = timedelta(minutes=10)
    prepare: bool = False
    """Whether to build the work only."""
    requirements: tuple[str, ...] = ()
    """What has to be installed where the work is executed, each as PEP 508 has it."""
    recipe_component: str = ""
    """Full name of the component that the recipe builds, if it is one around the work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """Where a work serves."""

    work: str
    port: int = 0
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The agent took an attempt."""

    run_id: str
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """The agent cannot execute an attempt."""

    run_id: str
    attempt: int
    failure: Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkDelta:
    """What a work changed, in the order it did."""

    run_id: str
    attempt: int
    seq: int
    changes: tuple[Change, ...]
    base: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """An attempt ended; without a failure it succeeded."""

    run_id: str
    attempt: int
    seq: int
    failure: Failure | None = None


class LogSource(enum.Enum):
    """Where a log record came from."""

    LOGGING = "logging"
    STDOUT = "stdout"
    STDERR = "stderr"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRecord:
    """One log record."""

    time: datetime
    message: str
    level: int = 20
    """As in Python's `logging`: 10, 20, 30, 40 or 50."""
    component: str = ""
    run_id: str = ""
    logger: str = ""
    source: LogSource = LogSource.LOGGING


@dataclass(frozen=True, slots=True, kw_only=True)
class LogBatch:
    """Log records, and how many were dropped before them."""

    records: tuple[LogRecord, ...]
    dropped: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bye:
    """The agent leaves in order and holds nothing any more."""

    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ack:
    """Deltas up to `seq` are durable."""

    run_id: str
    attempt: int
    seq: int


class NackReason(enum.Enum):
    """Why a delta was not applied."""

    GAP = "gap"
    CONFLICT = "conflict"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Nack:
    """A delta was not applied, or not wholly."""

    run_id: str
    attempt: int
    seq: int
    reason: NackReason
    var: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelAttempt:
    """Ends an attempt; user code is killed after the grace."""

    run_id: str
    attempt: int
    grace: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    """An attempt is no longer wanted."""

    run_id: str
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VarsChanged:
    """The flow changed vars of a work that has a runner at the agent."""

    work: str
    number: int
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRunner:
    """Ends the process of a work."""

    work: str
    grace: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class EndRunner:
    """Ends a runner in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drain:
    """No more runs will come."""

    grace: timedelta | None = None
    """How long the agent may take to finish; None: as long as it takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draining:
    """The agent was told to drain."""


AgentMessage = Hello | Beat | Accepted | Rejected | WorkDelta | Finished | LogBatch | Bye | Serving | Draining
"""What an agent says."""

FlowMessage = (
    Welcome | Beat | StartRun | Ack | Nack | CancelAttempt | Fence | VarsChanged | StopRunner | Drain
)
"""What a flow says."""

RunnerRequest = StartRun | CancelAttempt | VarsChanged | Ack | Nack | EndRunner
"""What an agent says to a runner."""

RunnerResponse = WorkDelta | Finished | LogBatch | Serving
"""What a runner says to its agent."""
