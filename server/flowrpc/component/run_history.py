"""What became of the runs of a work, as its attributes tell it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from flowrpc.component.component import Component
from flowrpc.component.work_status import WorkStatus, statuses_of
from flowrpc.state.records import FailureReason, Run, Tally


class RunHistory(Component):
    """Is the part of a work that says what became of its runs: the ledger's or, outside of an app, its own."""

    _stopped_at: float = 0.0  # a var of the framework, while it was never set
    _inline_runs: list[Run]

    @property
    def status(self) -> WorkStatus:
        """What the work is doing: the status of its newest run."""
        statuses = self.statuses
        if not statuses:
            return WorkStatus(stage="not_started", timestamp=0.0, count=0)
        return replace(statuses[-1], message=self._pending_reason()) if self.is_pending else statuses[-1]

    def _pending_reason(self) -> str:
        """Tells why the oldest run that waits does so; runs behind it wait for that one."""
        return next((run.pending_reason for run in self._recent() if run.pending_reason), "")

    @property
    def statuses(self) -> list[WorkStatus]:
        """What the newest run went through, oldest first."""
        run = self._latest()
        statuses = statuses_of(run) if run else []
        if run is not None and self._stopped_at:
            statuses.append(WorkStatus(stage="stopped", timestamp=self._stopped_at, count=run.attempt))
        return statuses

    @property
    def has_started(self) -> bool:
        """Whether a run, or the process, was ever asked for."""
        return self._latest() is not None

    @property
    def has_stopped(self) -> bool:
        """Whether the work was stopped, or its newest run cancelled, and nothing was asked for since."""
        return bool(self._stopped_at) or self._is("stopped")

    @property
    def has_succeeded(self) -> bool:
        """Whether the newest run succeeded; it stays so when the work is stopped after it."""
        return self._is("succeeded")

    @property
    def has_failed(self) -> bool:
        """Whether the newest run failed."""
        return self._is("failed")

    @property
    def has_timeout(self) -> bool:
        """Whether the newest run failed because it took too long."""
        run = self._latest()
        return run is not None and run.failure is not None and run.failure.reason is FailureReason.TIMED_OUT

    @property
    def is_running(self) -> bool:
        """Whether the newest run is executed."""
        return self._is("running")

    @property
    def is_pending(self) -> bool:
        """Whether the newest run, or the start of the process, waits for an agent."""
        return self._is("pending")

    @property
    def num_successes(self) -> int:
        """How many runs succeeded, from the first one on."""
        return self._tally().succeeded

    @property
    def num_timeouts(self) -> int:
        """How many attempts took too long, from the first run on."""
        return self._tally().timeouts

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

    def _is(self, stage: str) -> bool:
        run = self._latest()
        return run is not None and run.stage == stage
