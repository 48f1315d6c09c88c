"""Enums ⇄ the enums of the contract, as tables; a test checks that both directions are complete.

`members` turns a table round. A number that is missing there was sent by a newer version, or is the zero that
nobody sends; each reader decides what that means, as the enum's comment in the contract says.
"""

from __future__ import annotations

from enum import Enum
from typing import TypeVar

from flowrpc.errors import InvalidValueError
from flowrpc.protocol.answers import SnapshotReason, WatchEndReason, WorkStage
from flowrpc.protocol.messages import LogSource, NackReason, Verdict
from flowrpc.state.records import AppStage, ComponentKind, FailureReason, RunStatus
from flowrpc.v1 import app_pb2, flow_service_pb2, log_pb2, run_pb2, state_pb2, work_service_pb2

_Member = TypeVar("_Member", bound=Enum)
_Number = TypeVar("_Number", bound=int)


def members(table: dict[_Member, _Number]) -> dict[int, _Member]:
    """Turns a table round."""
    return {number: member for member, number in table.items()}


def decode_member(table: dict[int, _Member], number: int, place: str) -> _Member:
    """Looks a number up.

    Raises:
        InvalidValueError: It is not in the table.
    """
    member = table.get(number)
    if member is None:
        raise InvalidValueError(place, f"{number} is not known here; send one of {sorted(table)}")
    return member


COMPONENT_KINDS = {
    ComponentKind.FLOW: state_pb2.COMPONENT_KIND_FLOW,
    ComponentKind.WORK: state_pb2.COMPONENT_KIND_WORK,
    ComponentKind.LIST: state_pb2.COMPONENT_KIND_LIST,
    ComponentKind.DICT: state_pb2.COMPONENT_KIND_DICT,
}
"""`ComponentKind`; an unknown one is refused."""

RUN_STATUSES = {
    RunStatus.PENDING: run_pb2.RUN_STATUS_PENDING,
    RunStatus.RUNNING: run_pb2.RUN_STATUS_RUNNING,
    RunStatus.SUCCEEDED: run_pb2.RUN_STATUS_SUCCEEDED,
    RunStatus.FAILED: run_pb2.RUN_STATUS_FAILED,
    RunStatus.CANCELLED: run_pb2.RUN_STATUS_CANCELLED,
}
"""`RunStatus`; an unknown one is refused."""

FAILURE_REASONS = {
    FailureReason.EXCEPTION: run_pb2.FAILURE_REASON_EXCEPTION,
    FailureReason.EXITED: run_pb2.FAILURE_REASON_EXITED,
    FailureReason.SIGNALLED: run_pb2.FAILURE_REASON_SIGNALLED,
    FailureReason.OUT_OF_MEMORY: run_pb2.FAILURE_REASON_OUT_OF_MEMORY,
    FailureReason.NOT_BUILT: run_pb2.FAILURE_REASON_NOT_BUILT,
    FailureReason.CANCELLED: run_pb2.FAILURE_REASON_CANCELLED,
    FailureReason.BROKEN_RULE: run_pb2.FAILURE_REASON_BROKEN_RULE,
    FailureReason.TIMED_OUT: run_pb2.FAILURE_REASON_TIMED_OUT,
}
"""`FailureReason`; an unknown one is an exception."""

APP_STAGES = {
    AppStage.RUNNING: app_pb2.APP_STAGE_RUNNING,
    AppStage.STOPPED: app_pb2.APP_STAGE_STOPPED,
    AppStage.FAILED: app_pb2.APP_STAGE_FAILED,
}
"""`AppStage`; an unknown one is refused."""

WORK_STAGES = {
    WorkStage.NOT_STARTED: flow_service_pb2.WORK_STAGE_NOT_STARTED,
    WorkStage.PENDING: flow_service_pb2.WORK_STAGE_PENDING,
    WorkStage.RUNNING: flow_service_pb2.WORK_STAGE_RUNNING,
    WorkStage.SUCCEEDED: flow_service_pb2.WORK_STAGE_SUCCEEDED,
    WorkStage.FAILED: flow_service_pb2.WORK_STAGE_FAILED,
    WorkStage.STOPPED: flow_service_pb2.WORK_STAGE_STOPPED,
    WorkStage.STARTED: flow_service_pb2.WORK_STAGE_STARTED,
}
"""`WorkStage`; an unknown one is refused."""

SNAPSHOT_REASONS = {
    SnapshotReason.ASKED: flow_service_pb2.SNAPSHOT_REASON_ASKED,
    SnapshotReason.OTHER_JOURNAL: flow_service_pb2.SNAPSHOT_REASON_OTHER_JOURNAL,
    SnapshotReason.AHEAD: flow_service_pb2.SNAPSHOT_REASON_AHEAD,
    SnapshotReason.TOO_OLD: flow_service_pb2.SNAPSHOT_REASON_TOO_OLD,
    SnapshotReason.TOO_SLOW: flow_service_pb2.SNAPSHOT_REASON_TOO_SLOW,
}
"""`SnapshotReason`; an unknown one is none."""

WATCH_END_REASONS = {
    WatchEndReason.APP_ENDED: flow_service_pb2.WATCH_END_REASON_APP_ENDED,
    WatchEndReason.SERVICE_STOPPING: flow_service_pb2.WATCH_END_REASON_SERVICE_STOPPING,
}
"""`WatchEndReason`; an unknown one is none."""

VERDICTS = {
    Verdict.CONTINUE: work_service_pb2.VERDICT_CONTINUE,
    Verdict.FENCED: work_service_pb2.VERDICT_FENCED,
    Verdict.UNKNOWN: work_service_pb2.VERDICT_UNKNOWN,
}
"""`Verdict`; an unknown one fences the attempt."""

NACK_REASONS = {
    NackReason.GAP: work_service_pb2.NACK_REASON_GAP,
    NackReason.CONFLICT: work_service_pb2.NACK_REASON_CONFLICT,
    NackReason.INVALID: work_service_pb2.NACK_REASON_INVALID,
}
"""`NackReason`; an unknown one is refused."""

LOG_SOURCES = {
    LogSource.LOGGING: log_pb2.LOG_SOURCE_LOGGING,
    LogSource.STDOUT: log_pb2.LOG_SOURCE_STDOUT,
    LogSource.STDERR: log_pb2.LOG_SOURCE_STDERR,
}
"""`LogSource`; an unknown one is taken for `logging`."""

LOG_LEVELS = {
    10: log_pb2.LOG_LEVEL_DEBUG,
    20: log_pb2.LOG_LEVEL_INFO,
    30: log_pb2.LOG_LEVEL_WARNING,
    40: log_pb2.LOG_LEVEL_ERROR,
    50: log_pb2.LOG_LEVEL_CRITICAL,
}
"""The levels of `logging`; others travel as the next lower one."""
