"""The tables of enums are complete in both directions."""

from __future__ import annotations

import enum
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from flowrpc.protocol.answers import SnapshotReason, WatchEndReason, WorkStage
from flowrpc.protocol.messages import LogSource, NackReason, Verdict
from flowrpc.state.records import AppStage, ComponentKind, FailureReason, RunStatus
from flowrpc.v1 import (
    app_pb2,
    error_reason_pb2,
    flow_service_pb2,
    log_pb2,
    run_pb2,
    state_pb2,
    work_service_pb2,
)
from flowrpc.wire import enums
from flowrpc.wire.errors import STATUS_CODES

PROTO = Path(__file__).parents[2] / "protos/flowrpc/v1/error_reason.proto"
TABLES: dict[type[enum.Enum], tuple[Any, dict[Any, Any]]] = {
    ComponentKind: (state_pb2.ComponentKind, enums.COMPONENT_KINDS),
    RunStatus: (run_pb2.RunStatus, enums.RUN_STATUSES),
    FailureReason: (run_pb2.FailureReason, enums.FAILURE_REASONS),
    AppStage: (app_pb2.AppStage, enums.APP_STAGES),
    WorkStage: (flow_service_pb2.WorkStage, enums.WORK_STAGES),
    SnapshotReason: (flow_service_pb2.SnapshotReason, enums.SNAPSHOT_REASONS),
    WatchEndReason: (flow_service_pb2.WatchEndReason, enums.WATCH_END_REASONS),
    Verdict: (work_service_pb2.Verdict, enums.VERDICTS),
    NackReason: (work_service_pb2.NackReason, enums.NACK_REASONS),
    LogSource: (log_pb2.LogSource, enums.LOG_SOURCES),
}


@pytest.mark.parametrize("plain", TABLES)
def test_every_member_has_the_number_of_its_name(plain: type[enum.Enum]) -> None:
    sent, table = TABLES[plain]
    prefix = next(name for name, number in sent.items() if number == 0).removesuffix("UNSPECIFIED")
    assert {prefix + member.name: number for member, number in table.items()} == {
        name: number for name, number in sent.items() if number != 0
    }
    assert set(table) == set(plain)
    assert enums.members(table) == {number: member for member, number in table.items()}


def test_every_level_has_its_number() -> None:
    assert {level: number for level, number in enums.LOG_LEVELS.items() if level != number} == {}
    assert set(enums.LOG_LEVELS.values()) == set(log_pb2.LogLevel.values()) - {0}


def test_every_reason_has_a_status_code() -> None:
    names = {name.removeprefix("ERROR_REASON_") for name in error_reason_pb2.ErrorReason.keys()}  # noqa: SIM118
    assert set(STATUS_CODES) == names - {"UNSPECIFIED"}


def test_every_reason_has_the_status_code_that_its_comment_names() -> None:
    comments = _comments()
    assert {reason: code.name for reason, code in STATUS_CODES.items()} == comments


def _comments() -> dict[str, str]:
    """Reads the code at the begin of each value's comment in the contract."""
    lines = PROTO.read_text().splitlines()
    return {
        value.split()[0].removeprefix("ERROR_REASON_"): comment.split()[1].removesuffix(":")
        for comment, value in pairwise(lines)
        if value.startswith("  ERROR_REASON_") and not value.endswith("= 0;")
    }
