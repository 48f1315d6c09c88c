"""Converters of what travels as text in a notation of its own, or as a number of seconds."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path, PosixPath, PurePath, PurePosixPath
from typing import Any
from uuid import UUID

from flowrpc.component.conversion.converter import Converter, converting, must_be
from flowrpc.state import Value

_DURATION = re.compile(
    r"(?P<sign>[+-]?)P(?=.)(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?=.)(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:[.,]\d{1,6})?)S)?)?",
    re.ASCII,
)


def _read(kind: type, says: str, read: Callable[[Any], Any], *more: type) -> Converter:
    """Makes the converter of a notation; what `read` refuses, or finds too large, is refused."""

    def convert(value: Value) -> Any:
        try:
            return read(value)
        except (ValueError, OverflowError, InvalidOperation):
            raise must_be(says, value) from None

    return converting(kind.__name__, {str, *more}, convert, says)


def _datetime(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _timedelta(value: float | str) -> timedelta:
    if not isinstance(value, str):
        return timedelta(seconds=value)
    found = _DURATION.fullmatch(value)
    if found is None:
        raise ValueError(value)
    sign, *numbers = (part or "0" for part in found.groups())
    weeks, days, hours, minutes = map(int, numbers[:4])
    seconds, _, fraction = numbers[4].replace(",", ".").partition(".")
    length = timedelta(
        weeks=weeks,
        days=days,
        hours=hours,
        minutes=minutes,
        seconds=int(seconds),
        microseconds=int(fraction.ljust(6, "0")),
    )
    return -length if sign == "-" else length


def _decimal(value: int | str) -> Decimal:
    number = Decimal(value)
    if not number.is_finite():
        raise ValueError(value)
    return number


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(text) from error


NOTATIONS: dict[Any, Converter] = {
    datetime: _read(datetime, "datetime as ISO 8601 text such as '2026-03-01T12:00:00Z'", _datetime),
    date: _read(date, "date as ISO 8601 text such as '2026-03-01'", date.fromisoformat),
    time: _read(time, "time as ISO 8601 text such as '12:30:00'", time.fromisoformat),
    timedelta: _read(
        timedelta, "timedelta as seconds or ISO 8601 text such as 'PT1H30M'", _timedelta, int, float
    ),
    UUID: _read(UUID, "UUID as text", UUID),
    # A double has already lost what a Decimal is chosen for.
    Decimal: _read(Decimal, "Decimal as text such as '1.50'", _decimal, int),
    bytes: _read(bytes, "bytes as base64 text", _bytes),
    **{kind: _read(kind, "a path as text", kind) for kind in (Path, PosixPath, PurePath, PurePosixPath)},
}
"""The converters by annotation."""


def _duration(length: timedelta) -> float:
    return length.total_seconds()


def _moment(moment: datetime) -> str:
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).isoformat()


def _digits(number: Decimal) -> Value | Decimal:
    return str(number) if number.is_finite() else number


WRITERS: tuple[tuple[type, Callable[[Any], Any]], ...] = (
    (datetime, _moment),
    (date, date.isoformat),
    (time, time.isoformat),
    (timedelta, _duration),
    (UUID, str),
    (Decimal, _digits),
    (bytes, lambda value: base64.b64encode(value).decode()),
    (PurePath, str),
)
"""The other way: how objects are written, by type; a datetime is a date, too, and comes first."""
