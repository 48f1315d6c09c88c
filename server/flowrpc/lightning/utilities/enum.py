"""The words for what works and apps are doing."""

from __future__ import annotations

import time
from enum import StrEnum
from typing import Any

from flowrpc.state.records import AppStage

__all__ = [
    "AppStage",
    "CacheCallsKeys",
    "WorkFailureReasons",
    "WorkStageStatus",
    "WorkStopReasons",
    "make_status",
]


class WorkStageStatus(StrEnum):
    """What a work is doing, as `work.status.stage` says it."""

    NOT_STARTED = "not_started"
    STARTED = "started"
    STOPPED = "stopped"
    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class WorkFailureReasons(StrEnum):
    """Why a run failed, as `work.status.reason` says it; flowrpc knows some more (exited, signalled, out_of_memory)."""

    TIMEOUT = "timed_out"
    USER_EXCEPTION = "exception"
    INVALID_RETURN_VALUE = "broken_rule"


class WorkStopReasons(StrEnum):
    """Why a work was stopped, as `work.status.reason` says it."""

    SIGTERM_SIGNAL_HANDLER = "cancelled"
    PENDING = "pending"


class CacheCallsKeys:
    """The key under which a work's `calls` have the newest one."""

    LATEST_CALL_HASH = "latest_call_hash"


def make_status(stage: str, message: str | None = None, reason: str | None = None) -> dict[str, Any]:
    """Makes a status of now, as the `calls` in a work's state have them."""
    given = {"message": message, "reason": reason}
    return {"stage": str(stage), "timestamp": time.time()} | {
        key: text for key, text in given.items() if text
    }
