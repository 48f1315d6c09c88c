"""Instants and spans of time ⇄ `google.protobuf.Timestamp` and `Duration`, to the microsecond."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from flowrpc.errors import InvalidValueError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def fill_time(message: Timestamp, time: datetime) -> None:
    """Writes an aware instant into an empty message, which is present even for 1970."""
    since = time - _EPOCH
    message.SetInParent()
    message.seconds = since.days * 86_400 + since.seconds
    message.nanos = since.microseconds * 1000


def decode_time(message: Timestamp, place: str) -> datetime:
    """Makes an instant in UTC.

    Raises:
        InvalidValueError: It is before the year 1 or after 9999.
    """
    try:
        return _EPOCH + timedelta(seconds=message.seconds, microseconds=message.nanos // 1000)
    except OverflowError:
        problem = f"{message.seconds} seconds since 1970 is outside the years 1 to 9999"
        raise InvalidValueError(place, f"{problem}; send seconds, not a smaller unit") from None


def fill_span(message: Duration, span: timedelta) -> None:
    """Writes a span of time into an empty message, which is present even for zero."""
    message.SetInParent()
    message.FromTimedelta(span)


def decode_span(message: Duration, place: str) -> timedelta:
    """Makes a span of time.

    Raises:
        InvalidValueError: It is longer than a timedelta can be.
    """
    try:
        return timedelta(seconds=message.seconds, microseconds=message.nanos // 1000)
    except OverflowError:
        raise InvalidValueError(place, f"{message.seconds} seconds is too long; send less") from None
