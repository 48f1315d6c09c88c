"""A log record is never refused for its text or level."""

from __future__ import annotations

from typing import Any

import pytest
from flowrpc.protocol.messages import LogRecord, LogSource
from flowrpc.v1 import log_pb2
from flowrpc.wire import logs

from tests.wire import strategies as some


def sent(**fields: Any) -> log_pb2.LogRecord:
    return logs.encode_log_record(LogRecord(**{"time": some.moment(), "message": "", **fields}))


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("x" * 65_536, "x" * 65_536),
        ("x" * 65_537, "x" * 65_533 + "…"),
        ("é" * 40_000, "é" * 32_766 + "…"),
        ("a\ud800b", "a?b"),
    ],
)
def test_text_is_cut_and_made_utf8(text: str, kept: str) -> None:
    assert sent(message=text).message == kept


def test_text_of_a_foreign_agent_is_cut_too() -> None:
    assert len(logs.decode_log_record(log_pb2.LogRecord(message="x" * 70_000)).message) == 65_534


@pytest.mark.parametrize(("level", "number"), [(0, 10), (5, 10), (25, 20), (50, 50), (99, 50)])
def test_levels_in_between_are_rounded_down(level: int, number: int) -> None:
    assert sent(level=level).level == number


def test_what_is_not_known_is_information_from_logging() -> None:
    record = logs.decode_log_record(log_pb2.LogRecord(level=7, source=9))  # type: ignore[arg-type]
    assert (record.level, record.source) == (20, LogSource.LOGGING)
