"""The ends of attempts, and what becomes of their runs: ended, tried again, or waiting for another attempt."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from flowrpc.flow_service.attempts import Attempt, take_back
from flowrpc.flow_service.instant import Instant
from flowrpc.flow_service.ledger import Ledger
from flowrpc.flow_service.under_way import AttemptsUnderWay
from flowrpc.flow_service.work_processes import WorkProcesses
from flowrpc.state.records import Failure, FailureReason, RunRecord, RunStatus

logger = logging.getLogger(__name__)

NOTHING_DONE: dict[str, Any] = {"begin_vars": {}, "flow_changes": {}, "cancel_grace": None, "applied_seq": 0}
"""What is recorded of an attempt that has not begun."""
_FINAL = (FailureReason.CANCELLED, FailureReason.BROKEN_RULE, FailureReason.NOT_BUILT)
"""Failures that another attempt would only repeat, or that somebody wanted."""


class AttemptEnds:
    """Ends attempts.

    Args:
        ledger: The runs.
        under_way: The attempts.
        processes: The processes of the works.
        on_failed: Is told the id of each run that fails.
    """

    def __init__(
        self,
        ledger: Ledger,
        under_way: AttemptsUnderWay,
        processes: WorkProcesses,
        on_failed: Callable[[str], None],
    ) -> None:
        self._ledger = ledger
        self._under_way = under_way
        self._processes = processes
        self._on_failed = on_failed
        self._pausing: dict[str, float] = {}
        """By run: the monotonic time before which it is not tried again."""

    def is_pausing(self, run_id: str) -> bool:
        """Tells whether a run waits before it is tried again."""
        return run_id in self._pausing

    def pauses(self) -> Iterable[float]:
        """Returns the monotonic times at which `tick` has something to do."""
        return self._pausing.values()

    def tick(self, now: Instant) -> bool:
        """Ends the pauses that were long enough; tells whether there were any."""
        over = [run_id for run_id, time in self._pausing.items() if time <= now.monotonic]
        for run_id in over:
            del self._pausing[run_id]
        return bool(over)

    def end(self, attempt: Attempt, failure: Failure | None, now: Instant, seq: int) -> None:
        """Ends an attempt as its agent says, and its run unless it is tried again.

        Args:
            attempt: The attempt.
            failure: Why it did not succeed; None: it did.
            now: When.
            seq: The sequence number of the frame that says so; 0: it has none.
        """
        self._under_way.remove(attempt.run_id)
        self._processes.idle(attempt.work, now)
        record = self._ledger.record(attempt.run_id)
        if record is None or record.run.status.terminal:
            return
        if attempt.timed_out and failure is not None and failure.reason is FailureReason.CANCELLED:
            message = f"the attempt took longer than the work's timeout, {attempt.work._timeout}"
            failure = Failure(reason=FailureReason.TIMED_OUT, message=message)
            record = replace(record, timeouts=record.timeouts + 1)
        if failure is not None and _is_tried_again(attempt, failure):
            self._try_later(attempt, record, failure, now)
        elif failure is not None and _ended_with_others(attempt, failure):
            self._wait_again(attempt, record)
        else:
            self._end_run(attempt, record, failure, now, seq)

    def lose(self, attempt: Attempt, why: str, now: Instant, level: int = logging.WARNING) -> None:
        """Takes an attempt for dead: its run waits for another one, unless it was to be cancelled."""
        cancelled = attempt.cancel_grace is not None
        fate = "was to be cancelled" if cancelled else "will be made again"
        facts = (attempt.number, attempt.run_id, attempt.work.name, fate)
        logger.log(level, "attempt %d of run %s of %s is lost and %s: %s", *facts, why)
        self._under_way.remove(attempt.run_id)
        self._processes.silence(attempt.work.name)
        record = self._ledger.record(attempt.run_id)
        if record is None or record.run.status.terminal:
            return
        if cancelled:
            self.cancel(record, f"and lost: {why}", now)
        else:
            self._wait_again(attempt, record)

    def cancel(self, record: RunRecord, when: str, now: Instant) -> None:
        """Ends a run that nobody executes, because somebody wants that."""
        self._pausing.pop(record.run.run_id, None)
        failure = Failure(reason=FailureReason.CANCELLED, message=f"cancelled {when}")
        self._ledger.end(record, RunStatus.CANCELLED, now.wall, failure)

    def _end_run(
        self, attempt: Attempt, record: RunRecord, failure: Failure | None, now: Instant, seq: int
    ) -> None:
        status = _status_after(failure)
        run = replace(record.run, started_at=record.run.started_at or now.wall)
        self._ledger.end(replace(record, run=run), status, now.wall, failure, applied_seq=seq)
        if failure is not None and status is RunStatus.FAILED:
            text = failure.traceback.rstrip() or failure.message
            facts = {"component": attempt.work.name, "run_id": attempt.run_id}
            logger.error("run %s of %s failed: %s", attempt.run_id, attempt.work.name, text, extra=facts)
            self._on_failed(attempt.run_id)

    def _try_later(self, attempt: Attempt, record: RunRecord, failure: Failure, now: Instant) -> None:
        """Makes a run that failed wait for another attempt, which begins with the vars that this one began with."""
        assert attempt.work._retry is not None, "otherwise it is not tried again"
        pause = attempt.work._retry.pause_after(attempt.number)
        logger.warning(
            "attempt %d of run %s failed: %s; trying again in %s",
            *(attempt.number, attempt.run_id, failure.message, pause),
        )
        self._pausing[attempt.run_id] = now.monotonic + pause.total_seconds()
        self._wait_again(attempt, record)

    def _wait_again(self, attempt: Attempt, record: RunRecord) -> None:
        take_back(attempt)
        run = replace(record.run, status=RunStatus.PENDING, agent_id="", started_at=None)
        self._ledger.put(replace(record, run=run, boot_id="", **NOTHING_DONE))


def _status_after(failure: Failure | None) -> RunStatus:
    if failure is None:
        return RunStatus.SUCCEEDED
    return RunStatus.CANCELLED if failure.reason is FailureReason.CANCELLED else RunStatus.FAILED


def _ended_with_others(attempt: Attempt, failure: Failure) -> bool:
    """Tells whether a run was cancelled though nobody wanted it to end: its app was stopped, or its agent."""
    return (
        failure.reason is FailureReason.CANCELLED and attempt.cancel_grace is None and not attempt.timed_out
    )


def _is_tried_again(attempt: Attempt, failure: Failure) -> bool:
    retry = attempt.work._retry
    if retry is None or attempt.cancel_grace is not None:
        return False
    return attempt.number < retry.attempts and failure.reason not in _FINAL
