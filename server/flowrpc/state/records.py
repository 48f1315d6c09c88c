"""The facts that revisions are made of: components, deltas, runs, failures, the app's status."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from flowrpc.state.changes import Change
from flowrpc.state.values import Value


class ComponentKind(enum.Enum):
    """What a component is."""

    FLOW = "flow"
    WORK = "work"
    LIST = "list"
    DICT = "dict"


class RunStatus(enum.Enum):
    """Where a run is; every run ends in exactly one of the terminal ones."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def terminal(self) -> bool:
        """Whether the run has ended."""
        return self in (RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED)


class FailureReason(enum.Enum):
    """What ended an execution of user code."""

    EXCEPTION = "exception"
    EXITED = "exited"
    SIGNALLED = "signalled"
    OUT_OF_MEMORY = "out_of_memory"
    NOT_BUILT = "not_built"
    CANCELLED = "cancelled"
    BROKEN_RULE = "broken_rule"
    TIMED_OUT = "timed_out"


class AppStage(enum.Enum):
    """Where an app is in its life."""

    RUNNING = "running"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An error of user code, told as data."""

    reason: FailureReason
    message: str
    """One readable text; never empty."""
    type: str = ""
    """The exception's class as `module.qualname`; empty unless there was an exception."""
    traceback: str = ""
    exit_code: int = 0
    signal: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AppStatus:
    """The status of an app."""

    stage: AppStage
    message: str = ""
    """What the app said when it ended; empty if it said nothing."""
    failure: Failure | None = None

    @property
    def exit_code(self) -> int:
        """The exit code of `flowctl run` when the app ends like this: 0 or 1."""
        return 1 if self.stage is AppStage.FAILED else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How to build a component again: its class and its constructor's arguments."""

    type: str
    """The class as `module:qualified.name`."""
    args: tuple[Value, ...] = ()
    kwargs: dict[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentRecord:
    """One component at one revision, without its children."""

    name: str
    kind: ComponentKind
    type: str
    """The class as `module:qualified.name`."""
    vars: dict[str, Value]
    """The state attributes in order; names that begin with `_` belong to the framework."""
    recipe: Recipe | None = None
    """Absent if the constructor of the component around it builds it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """Changes of one component that belong together: attached, then changed, then detached."""

    component: str
    attached: ComponentRecord | None = None
    changes: tuple[Change, ...] = ()
    detached: bool = False
    """Whether the component was taken out of the tree, with everything below it."""


_START_STAGES = {
    RunStatus.PENDING: "pending",
    RunStatus.RUNNING: "pending",
    RunStatus.SUCCEEDED: "started",
    RunStatus.CANCELLED: "stopped",
}
START_CALL = "start"
"""The call key of what `work.start()` asks for: the process, and no call of `run`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One execution of a work's `run` with one set of arguments; attempts are its tries."""

    run_id: str
    work: str
    call_key: str
    """SHA-256 of the arguments' canonical encoding, in hex; `START_CALL` if only the process is started."""
    args: tuple[Value, ...] = ()
    kwargs: dict[str, Value] = field(default_factory=dict)
    status: RunStatus = RunStatus.PENDING
    attempt: int = 0
    """Number of the current attempt, from 1; 0 while none was started."""
    failure: Failure | None = None
    requested_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    agent_id: str = ""
    """The agent that holds the current attempt; empty while none does."""
    pending_reason: str = ""
    """Why it waits, if it needs what the attached agents do not have, or not now; else empty."""

    @property
    def prepares(self) -> bool:
        """Whether it starts the process and calls no `run`."""
        return self.call_key == START_CALL

    @property
    def stage(self) -> str:
        """What its work is doing, if it is the newest: pending, running, succeeded, failed, stopped or started."""
        if self.prepares and self.status is not RunStatus.FAILED:
            return _START_STAGES[self.status]
        return "stopped" if self.status is RunStatus.CANCELLED else self.status.value


@dataclass(frozen=True, slots=True)
class Tally:
    """How runs of a work ended."""

    succeeded: int = 0
    failed: int = 0
    timeouts: int = 0
    """Attempts that took too long, those that were made again included."""

    def plus(self, other: Tally) -> Tally:
        """Adds two."""
        return Tally(
            self.succeeded + other.succeeded, self.failed + other.failed, self.timeouts + other.timeouts
        )

    def minus(self, other: Tally) -> Tally:
        """Takes one from the other."""
        return Tally(
            self.succeeded - other.succeeded, self.failed - other.failed, self.timeouts - other.timeouts
        )


NO_RUNS = Tally()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """A run as the store keeps it: what clients see, and what only the flow service needs."""

    run: Run
    ordinal: int
    """Order of the request among all runs of the app, from 1."""
    begin_vars: dict[str, Value] = field(default_factory=dict)
    """Vars that the current attempt has changed, as they were when the run began."""
    applied_seq: int = 0
    """Newest sequence number of the current attempt that was applied."""
    consumed: bool = False
    """Whether a pass went past the call that asked for this run, so that the next call asks for a new one."""
    failure_met: bool = False
    """Whether the flow was told of the failure."""
    boot_id: str = ""
    """The process of the agent that got the current attempt."""
    timeouts: int = 0
    """How many of its attempts took too long."""
    forgotten: Tally = NO_RUNS
    """How the runs of the work ended that were forgotten before this one was asked for."""
    flow_changes: dict[str, int] = field(default_factory=dict)
    """Vars that the flow changed while the current attempt runs, with the number of the newest change."""
    cancel_grace: timedelta | None = None
    """How long user code may take to end, if somebody cancelled the run and it has not ended."""

    @property
    def tally(self) -> Tally:
        """What it adds to the tally of its work."""
        if self.run.prepares:
            return NO_RUNS
        status = self.run.status
        return Tally(int(status is RunStatus.SUCCEEDED), int(status is RunStatus.FAILED), self.timeouts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One durable commit: every change since the previous one, folded."""

    number: int
    """From 1, without gaps."""
    time: datetime
    deltas: tuple[Delta, ...] = ()
    runs: tuple[Run, ...] = ()
    """Runs that are new or changed, each whole."""
    forgotten_runs: tuple[str, ...] = ()
    """Ids of runs that are no longer kept."""
    app: AppStatus | None = None
    """The app's status, if it changed."""
