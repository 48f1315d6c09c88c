"""Log records ⇄ messages."""

from __future__ import annotations

from flowrpc.protocol.messages import LogRecord, LogSource
from flowrpc.v1 import log_pb2
from flowrpc.wire.enums import LOG_LEVELS, LOG_SOURCES, members
from flowrpc.wire.times import decode_time, fill_time

MAX_TEXT_BYTES = 64 * 1024
"""How long the text of a record is at most, in UTF-8; a longer one is cut and ends in `…`."""

_SOURCES = members(LOG_SOURCES)
_INFO = 20


def encode_log_record(record: LogRecord) -> log_pb2.LogRecord:
    """Makes a message of a log record."""
    message = log_pb2.LogRecord()
    fill_log_record(message, record)
    return message


def fill_log_record(message: log_pb2.LogRecord, record: LogRecord) -> None:
    """Writes a log record; text that UTF-8 cannot carry is replaced, because a log is never refused."""
    fill_time(message.time, record.time)
    message.component = record.component
    message.run_id = record.run_id
    message.level = encode_level(record.level)
    message.logger = _carried(record.logger)
    message.message = _carried(record.message)
    message.source = LOG_SOURCES[record.source]


def decode_log_record(message: log_pb2.LogRecord) -> LogRecord:
    """Makes a log record; a level or source that is not known is taken for information from `logging`.

    Raises:
        InvalidValueError: Its time is no date.
    """
    return LogRecord(
        time=decode_time(message.time, "LogRecord.time"),
        message=_carried(message.message),
        level=message.level if message.level in LOG_LEVELS else _INFO,
        component=message.component,
        run_id=message.run_id,
        logger=message.logger,
        source=_SOURCES.get(message.source, LogSource.LOGGING),
    )


def encode_level(level: int) -> log_pb2.LogLevel.ValueType:
    """Rounds a level of `logging` down to one that has a name, from DEBUG to CRITICAL."""
    return LOG_LEVELS[min(max(level // 10 * 10, 10), 50)]


def _carried(text: str) -> str:
    """Cuts a text to what a record may hold, and replaces what UTF-8 cannot carry."""
    if text.isascii() and len(text) <= MAX_TEXT_BYTES:
        return text
    data = text[:MAX_TEXT_BYTES].encode("utf-8", "replace")
    if len(data) <= MAX_TEXT_BYTES and len(text) <= MAX_TEXT_BYTES:
        return data.decode()
    return data[: MAX_TEXT_BYTES - len("…".encode())].decode("utf-8", "ignore") + "…"
