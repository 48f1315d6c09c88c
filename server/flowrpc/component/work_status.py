"""What a work is doing: its status, and what became of its runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from flowrpc.state import Value
from flowrpc.state.records import Run, RunStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkStatus:
    """What a work was doing at a time.

    `stage` is one of not_started, started, pending, running, succeeded, failed, stopped.
    """

    stage: str
    timestamp: float
    """Seconds since the epoch, on the flow service's clock; 0 if nothing happened yet."""
    reason: str = ""
    message: str = ""
    """What it failed with; while it is pending, why it waits if no attached agent can take it."""
    count: int = 1
    """Number of the attempt."""


def statuses_of(run: Run) -> list[WorkStatus]:
    """Tells what a run went through, oldest first; one that starts the process only is never running."""
    steps: list[tuple[str, datetime | None]] = [("pending", run.requested_at)]
    if not run.prepares:
        steps.append(("running", run.started_at))
    statuses = [
        WorkStatus(stage=stage, timestamp=_seconds(time), message=run.pending_reason, count=run.attempt)
        for stage, time in steps
        if time is not None
    ]
    if run.status.terminal:
        failure = run.failure
        statuses.append(
            WorkStatus(
                stage=run.stage,
                timestamp=_seconds(run.ended_at),
                reason=failure.reason.value if failure else "",
                message=(failure.traceback or failure.message) if failure else "",
                count=run.attempt,
            )
        )
    return statuses or [WorkStatus(stage=run.stage, timestamp=0.0, count=run.attempt)]


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
