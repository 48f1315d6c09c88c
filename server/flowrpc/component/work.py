"""LightningWork: a long-running job with its own state, in its own process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from flowrpc.component.calls import gated
from flowrpc.component.component import Component
from flowrpc.component.retry import Retry
from flowrpc.errors import AttributeRuleError, TreeError
from flowrpc.state import SCALARS, Value, track
from flowrpc.state.records import ComponentKind, FailureReason, Run, RunStatus, Tally
from flowrpc.storage.binding import renamed, taken_in

ORPHAN_GRACE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkStatus:
    """What a work was doing at a time.

    `stage` is one of not_started, pending, running, succeeded, failed, stopped.
    """

    stage: str
    timestamp: float
    """Seconds since the epoch, on the flow service's clock; 0 if nothing happened yet."""
    reason: str = ""
    message: str = ""
    count: int = 1
    """Number of the attempt."""


_STAGES = {
    RunStatus.PENDING: "pending",
    RunStatus.RUNNING: "running",
    RunStatus.SUCCEEDED: "succeeded",
    RunStatus.FAILED: "failed",
    RunStatus.CANCELLED: "stopped",
}


class LightningWork(Component):
    """Is a long-running job. Override `run`; a flow calls it, and it is executed in a process of its own.

    Args:
        parallel: Whether a call returns at once; otherwise the flow's pass waits until the run has ended.
        cache_calls: Whether equal arguments run once only; otherwise a run that has ended may start again.
        raise_exception: Whether a failed run raises in the flow, and ends the app if the flow does not catch it.
        orphan_grace: How long a run goes on while its process cannot reach the flow.
        retry: How often a run that failed is tried again; None: never. An attempt begins with the vars that the run
            began with.
        timeout: How long an attempt may take; None: as long as it likes. One that takes longer is cancelled, and has
            failed with the reason `timed_out`.
    """

    KIND = ComponentKind.WORK

    _parallel: bool
    _cache_calls: bool
    _raise_exception: bool
    _orphan_grace: timedelta
    _retry: Retry | None
    _timeout: timedelta | None
    _executing: bool
    _run_id: str
    _attempt: int
    _cancelled: bool
    _inline_results: dict[str, Any]
    _inline_runs: list[Run]

    def __init__(
        self,
        *,
        parallel: bool = False,
        cache_calls: bool = True,
        raise_exception: bool = True,
        orphan_grace: timedelta = ORPHAN_GRACE,
        retry: Retry | None = None,
        timeout: timedelta | None = None,
    ) -> None:
        self.__dict__.update(
            _parallel=parallel,
            _cache_calls=cache_calls,
            _raise_exception=raise_exception,
            _orphan_grace=orphan_grace,
            _retry=retry,
            _timeout=timeout,
        )

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Makes calls of `run` go through the flow's ledger."""
        super().__init_subclass__(**kwargs)
        run = cls.run  # its own, or that of a class that is mixed in
        if run is not LightningWork.run and not getattr(run, "__flowrpc_gated__", False):
            cls.run = gated(run)  # type: ignore[method-assign]

    def run(self, *args: Any, **kwargs: Any) -> None:
        """Does the job. Override it; it returns nothing, its results are the state it sets."""
        raise NotImplementedError

    def _set_up(self) -> None:
        super()._set_up()
        self.__dict__.update(
            _executing=False, _run_id="", _attempt=0, _cancelled=False, _inline_results={}, _inline_runs=[]
        )
        LightningWork.__init__(self)  # the defaults, for a subclass that forgets super().__init__()
        if type(self).run is LightningWork.run:
            name = type(self).__name__
            raise TypeError(f"The work `{name}` is missing the `run()` method: define it in the class")

    def _as_child(self, name: str, value: Any) -> None:
        components = (
            value
            if isinstance(value, list | tuple)
            else value.values()
            if isinstance(value, dict)
            else [value]
        )
        for component in components:
            if isinstance(component, Component):
                raise TreeError(
                    f"{self.name}.{name}: a LightningWork isn't allowed to take any children, such as "
                    f"{type(component).__name__}; put both into a flow"
                )

    def _assign(self, name: str, value: Any) -> None:
        if name == "run":
            raise AttributeRuleError(
                f"{self.name}.run: a work's run is a method of its class and cannot be assigned"
            )
        super()._assign(name, value)

    def _take_in(self, name: str, value: Any) -> Value:
        plain = super()._take_in(name, value)
        return plain if type(plain) in SCALARS else taken_in(plain, self.name, executing=self._executing)

    def _rename(self, name: str) -> None:
        before = self.name
        super()._rename(name)
        for var in self._var_names:
            value = self.__dict__[var]
            new = value if type(value) in SCALARS else renamed(value, before, name)
            if new is not value:
                self.__dict__[var] = track(new, self, var)

    @property
    def parallel(self) -> bool:
        """Whether a call returns at once."""
        return self._parallel

    @property
    def cache_calls(self) -> bool:
        """Whether equal arguments run once only."""
        return self._cache_calls

    @property
    def raise_exception(self) -> bool:
        """Whether a failed run raises in the flow."""
        return self._raise_exception

    @property
    def idempotency_key(self) -> str:
        """Text that is the same in all attempts of a run and in no other run; empty outside of one.

        Hand it to other systems with what must happen once only: an attempt may be made again.
        """
        return self._run_id

    @property
    def attempt(self) -> int:
        """Number of the attempt that is executed here, from 1; 0 outside of one."""
        return self._attempt

    @property
    def cancelled(self) -> bool:
        """Whether the attempt that is executed here was told to end; `Cancelled` is raised in `run` as well."""
        return self._cancelled

    @property
    def state(self) -> dict[str, Any]:
        """The vars and what became of the calls: `{"vars", "calls", "changes"}`."""
        return {"vars": self._plain_vars(), "calls": calls_of(self._recent()), "changes": {}}

    @property
    def state_vars(self) -> dict[str, Any]:
        """Like `state`, with the vars alone: `{"vars"}`."""
        return {"vars": self._plain_vars()}

    @property
    def state_with_changes(self) -> dict[str, Any]:
        """Like `state`, with `changes`: the vars that the flow's pass or command under way has changed so far."""
        return {**self.state, "changes": self._changes()}

    def set_state(self, state: dict[str, Any]) -> None:
        """Sets the vars of a state that `state` gave; calls are the ledger's and stay.

        Raises:
            AttributeRuleError: The work has no such var.
        """
        self._set_vars(state.get("vars", {}))

    @property
    def status(self) -> WorkStatus:
        """What the work is doing: the status of its newest run."""
        run = self._latest()
        return statuses_of(run)[-1] if run else WorkStatus(stage="not_started", timestamp=0.0, count=0)

    @property
    def statuses(self) -> list[WorkStatus]:
        """What the newest run went through, oldest first."""
        run = self._latest()
        return statuses_of(run) if run else []

    @property
    def has_started(self) -> bool:
        """Whether a run was ever asked for."""
        return self._latest() is not None

    @property
    def has_stopped(self) -> bool:
        """Whether the work was stopped after its newest run began."""
        return self._is(RunStatus.CANCELLED)

    @property
    def has_succeeded(self) -> bool:
        """Whether the newest run succeeded."""
        return self._is(RunStatus.SUCCEEDED)

    @property
    def has_failed(self) -> bool:
        """Whether the newest run failed."""
        return self._is(RunStatus.FAILED)

    @property
    def has_timeout(self) -> bool:
        """Whether the newest run failed because it took too long."""
        run = self._latest()
        return run is not None and run.failure is not None and run.failure.reason is FailureReason.TIMED_OUT

    @property
    def is_running(self) -> bool:
        """Whether the newest run is executed."""
        return self._is(RunStatus.RUNNING)

    @property
    def is_pending(self) -> bool:
        """Whether the newest run waits for an agent."""
        return self._is(RunStatus.PENDING)

    @property
    def num_successes(self) -> int:
        """How many runs succeeded, from the first one on."""
        return self._tally().succeeded

    @property
    def num_timeouts(self) -> int:
        """How many attempts took too long, from the first run on."""
        return self._tally().timeouts

    def stop(self) -> None:
        """Cancels the runs and ends the process; a later call of `run` starts again.

        Raises:
            RuntimeError: The work is in no app.
        """
        if self._context is None:
            raise RuntimeError(f"Only the `LightningFlow` can request this work ({self.name!r}) to stop.")
        self._context.stop(self)

    def _tally(self) -> Tally:
        if self._context is None:
            return Tally(succeeded=len(self._inline_runs))
        tally: Tally = self._context.tally(self)
        return tally

    def _recent(self) -> Sequence[Run]:
        return self._inline_runs if self._context is None else self._context.recent(self)

    def _latest(self) -> Run | None:
        if self._context is None:
            return self._inline_runs[-1] if self._inline_runs else None
        latest: Run | None = self._context.latest(self)
        return latest

    def _is(self, status: RunStatus) -> bool:
        run = self._latest()
        return run is not None and run.status is status


def statuses_of(run: Run) -> list[WorkStatus]:
    """Tells what a run went through, oldest first."""
    steps: list[tuple[str, datetime | None]] = [("pending", run.requested_at), ("running", run.started_at)]
    statuses = [
        WorkStatus(stage=stage, timestamp=_seconds(time), count=run.attempt)
        for stage, time in steps
        if time is not None
    ]
    if run.status.terminal:
        failure = run.failure
        statuses.append(
            WorkStatus(
                stage=_STAGES[run.status],
                timestamp=_seconds(run.ended_at),
                reason=failure.reason.value if failure else "",
                message=(failure.traceback or failure.message) if failure else "",
                count=run.attempt,
            )
        )
    return statuses or [WorkStatus(stage=_STAGES[run.status], timestamp=0.0, count=run.attempt)]


def calls_of(runs: Sequence[Run]) -> dict[str, Value]:
    """Writes runs as the `calls` of a work's state: statuses by call key, and the newest key."""
    calls: dict[str, Value] = {}
    if runs:
        calls["latest_call_hash"] = runs[-1].call_key
    for run in runs:
        statuses: list[Value] = [
            {
                "stage": s.stage,
                "timestamp": s.timestamp,
                "reason": s.reason,
                "message": s.message,
                "count": s.count,
            }
            for s in statuses_of(run)
        ]
        ended: dict[str, Value] = {"ret": None} if run.status is RunStatus.SUCCEEDED else {}
        calls[run.call_key] = {"statuses": statuses, **ended}
    return calls


def _seconds(time: datetime | None) -> float:
    return time.astimezone(UTC).timestamp() if time is not None else 0.0
