"""Results are the inverse of arguments, for every annotation."""

from __future__ import annotations

import dataclasses
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from types import GenericAlias
from typing import (
    Any,
    Literal,
    Optional,
)
from uuid import UUID

from flowrpc.component.conversion import Misfit, converter_of, plain
from flowrpc.state import copy_value, same
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.component.converted import (
    Colour,
    Point,
    Right,
)

_SCALARS: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (bool, st.booleans()),
    (int, st.integers(-(10**30), 10**30)),
    (float, st.floats(allow_nan=False, allow_infinity=False)),
    (str, st.text(max_size=8)),
    (Colour, st.sampled_from(Colour)),
    (Right, st.sampled_from([Right.READ, Right.CALL, Right.READ | Right.CALL, Right(0)])),
    (Literal["a", 1, True], st.sampled_from(["a", 1, True])),
    (datetime, st.datetimes(timezones=st.just(UTC))),
    (date, st.dates()),
    (time, st.times()),
    (timedelta, st.timedeltas(timedelta(days=-36_500), timedelta(days=36_500))),
    (UUID, st.uuids()),
    (Decimal, st.decimals(allow_nan=False, allow_infinity=False)),
    (bytes, st.binary(max_size=8)),
    (Path, st.sampled_from([Path("a"), Path("/a/b.c"), Path("..")])),
    (Point, st.builds(Point, st.integers(-5, 5), st.floats(-1, 1))),
]

Typed = tuple[Any, st.SearchStrategy[Any]]


def _list(part: Typed) -> Typed:
    return GenericAlias(list, (part[0],)), st.lists(part[1], max_size=3)


def _dict(part: Typed) -> Typed:
    return GenericAlias(dict, (str, part[0])), st.dictionaries(st.text(max_size=3), part[1], max_size=3)


def _tuple(part: Typed) -> Typed:
    return GenericAlias(tuple, (part[0], ...)), st.lists(part[1], max_size=3).map(tuple)


def _optional(part: Typed) -> Typed:
    return Optional[part[0]], st.none() | part[1]  # noqa: UP045


def _pair(parts: tuple[Typed, Typed]) -> Typed:
    first, second = parts
    return GenericAlias(tuple, (first[0], second[0])), st.tuples(first[1], second[1])


def _record(parts: tuple[Typed, Typed]) -> Typed:
    record = dataclasses.make_dataclass("Record", [("first", parts[0][0]), ("second", parts[1][0])])
    return record, st.builds(record, parts[0][1], parts[1][1])


def _larger(parts: st.SearchStrategy[Typed]) -> st.SearchStrategy[Typed]:
    one = st.sampled_from([_list, _dict, _tuple, _optional])
    two = st.sampled_from([_pair, _record])
    return st.builds(lambda make, part: make(part), one, parts) | st.builds(
        lambda make, *both: make(both), two, parts, parts
    )


_ANNOTATED = st.recursive(st.sampled_from(_SCALARS), _larger, max_leaves=6)


@settings(derandomize=True, max_examples=300, deadline=None)
@given(_ANNOTATED, st.data())
def test_results_are_the_inverse_of_arguments(annotated: Typed, data: st.DataObject) -> None:
    annotation, values = annotated
    value = data.draw(values)

    sent = copy_value(plain(value), "value")
    made = converter_of(annotation).take(sent)

    assert made == value
    assert type(made) is type(value)
    assert same(copy_value(plain(made), "made"), sent)


@settings(derandomize=True, max_examples=300, deadline=None)
@given(_ANNOTATED, st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=4), st.lists))
def test_any_value_is_taken_or_refused_with_words(annotated: Typed, value: Any) -> None:
    """Nothing but a misfit leaves a converter: it would end the engine."""
    converter = converter_of(annotated[0])
    with suppress(Misfit):
        converter.take(value)
