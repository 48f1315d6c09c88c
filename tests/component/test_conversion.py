"""Conversion: plain values into the objects that annotations ask for."""

from __future__ import annotations

import dataclasses
import enum
import io
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import (
    Annotated,
    Any,
    Literal,
    Optional,
)
from uuid import UUID

import flowrpc
import pytest
from flowrpc import LightningFlow
from flowrpc.component.conversion import Misfit, Unusable, converter_of
from flowrpc.state import Value

from tests.component.converted import (
    Anything,
    Colour,
    Item,
    Level,
    Model,
    Names,
    Node,
    Options,
    Order,
    Point,
    Right,
    Strict,
    moment,
)


def take(annotation: Any, value: Value) -> Any:
    """Converts an argument called `a`; raises Misfit with the whole text."""
    try:
        return converter_of(annotation).take(value)
    except Misfit as misfit:
        raise ValueError(misfit.text("a")) from None


class TypeAliasType:
    """Looks like what `type Numbers = list[float]` makes since Python 3.12."""

    __value__ = list[float]


@pytest.mark.parametrize(
    ("annotation", "value", "made"),
    [
        (Any, [1, "a"], [1, "a"]),
        (object, None, None),
        (None, None, None),
        (float, 2, 2.0),
        (tuple, [1, "a"], (1, "a")),
        (tuple[int, ...], [1, 2], (1, 2)),
        (tuple[int, str], [1, "a"], (1, "a")),
        (tuple[()], [], ()),
        (list[float], [1, 2.5], [1.0, 2.5]),
        (list[Any], [1, "a"], [1, "a"]),
        (Sequence[int], [1], [1]),
        (Iterable[date], ["2026-03-01"], [date(2026, 3, 1)]),
        (Mapping[str, Level], {"a": 2}, {"a": Level.HIGH}),
        (typing.List[int], [1], [1]),  # noqa: UP006
        (Sequence, [1], [1]),
        (dict[str, float], {"a": 1}, {"a": 1.0}),
        (dict[str, Any], {"a": [1]}, {"a": [1]}),
        (Optional[float], None, None),  # noqa: UP045
        (float | int, 1, 1),
        (float | None, 1, 1.0),
        (list[int] | dict[str, float], {"a": 1}, {"a": 1.0}),
        (datetime | str, "2026-03-01T12:00:00Z", moment(2026, 3, 1, 12)),
        (datetime | str, "soon", "soon"),
        (str | datetime, "2026-03-01T12:00:00Z", "2026-03-01T12:00:00Z"),
        (int | Any, "x", "x"),
        (Literal["a", 1, None], 1, 1),
        (Literal[Colour.RED], "red", Colour.RED),
        (Colour, "red", Colour.RED),
        (Colour, "DEEP_BLUE", Colour.DEEP_BLUE),
        (Colour, 6, Colour.SIXTH),
        (Colour, [1, 2], Colour.PAIR),
        (Colour, "OPAQUE", Colour.OPAQUE),
        (Level, 2, Level.HIGH),
        (Level, "LOW", Level.LOW),
        (Right, 3, Right.READ | Right.CALL),
        (Right, "CALL", Right.CALL),
        (Item, {"name": "n", "price": 2}, Item("n", 2.0)),
        (Order, {"items": [{"name": "n"}]}, Order([Item("n")])),
        (Node, {"value": 1, "children": [{"value": 2}]}, Node(1, [Node(2)])),
        (Options, {"depth": 1}, {"depth": 1}),
        (Strict, {"depth": 1}, {"depth": 1}),
        (Point, [1, 2], Point(1, 2.0)),
        (Point, [1], Point(1)),
        (Point, {"y": 2, "x": 1}, Point(1, 2.0)),
        (Names, ["a"], ["a"]),
        (TypeAliasType(), [1], [1.0]),
        (Annotated[Annotated[float, "m"], "s"], 1, 1.0),
        (datetime, "2026-03-01T12:00:00", moment(2026, 3, 1, 12)),
        (
            datetime,
            "2026-03-01T12:00:00+02:00",
            datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=2))),
        ),
        (date, "2026-03-01", date(2026, 3, 1)),
        (time, "12:30", time(12, 30)),
        (timedelta, 90, timedelta(seconds=90)),
        (timedelta, 0.25, timedelta(milliseconds=250)),
        (timedelta, "P1W2DT3H4M5.5S", timedelta(days=9, hours=3, minutes=4, seconds=5.5)),
        (timedelta, "-PT0,25S", timedelta(milliseconds=-250)),
        (UUID, "0190163d-8694-739b-aea5-966c26f8ad91", UUID("0190163d-8694-739b-aea5-966c26f8ad91")),
        (Decimal, "1.50", Decimal("1.50")),
        (Decimal, 3, Decimal(3)),
        (Path, "a/b", Path("a/b")),
        (bytes, "AP8=", b"\x00\xff"),
    ],
)
def test_values_become_what_annotations_ask_for(annotation: Any, value: Value, made: Any) -> None:
    found = take(annotation, value)

    assert found == made
    assert type(found) is type(made)


@pytest.mark.parametrize(
    ("annotation", "value", "problem"),
    [
        (int, True, "'a' must be int, not True"),
        (int, 1.0, "'a' must be int, not 1.0"),
        (bool, 1, "'a' must be bool, not 1"),
        (str, None, "'a' must be str, not None"),
        (str, ["x"] * 1000, "'a' must be str, not ['x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', ...]"),
        (int, "x" * 1000, f"'a' must be int, not '{'x' * 56}..."),
        (float, "1", "'a' must be float, not '1'"),
        (float, 10**400, "'a' must be float, and this int is too large for one"),
        (list[int], "ab", "'a' must be list[int], not 'ab'"),
        (list[dict[str, int]], [{}, {"k": "x"}], "a[1]['k'] must be int, not 'x'"),
        (tuple[int, str], [1], "'a' must be tuple[int, str], 2 long, not [1]"),
        (tuple[int, str], [1, 2], "a[1] must be str, not 2"),
        (int | str, [], "'a' must be int | str, not []"),
        (list[int] | None, ["x"], "'a' must be list[int] | None, not ['x']: a[0] must be int, not 'x'"),
        (Literal["red", "green"], "gren", "'a' must be 'red' or 'green', not 'gren'; did you mean 'green'?"),
        (Literal[1, 2, 3], True, "'a' must be 1, 2 or 3, not True"),
        (Colour, "REDD", "not 'REDD'; did you mean 'RED'?"),
        (Colour, [1, 3], "'a' must be 'red', 'blue', 6, [1, 2] or 'OPAQUE', not [1, 3]"),
        (Level, 3, "'a' must be 1 or 2, not 3"),
        (Level, 1.0, "'a' must be 1 or 2, not 1.0"),
        (Right, 8, "'a' must be Right, the sum of its values or one of READ, CALL, not 8"),
        (Right, "CAL", "not 'CAL'; did you mean 'CALL'?"),
        (Item, ["n"], "'a' must be Item, not ['n']"),
        (Item, {}, "'a' lacks the field 'name'"),
        (
            Item,
            {"name": "n", "prise": 1},
            "'a' has a field 'prise' that is not known; did you mean 'price'?; known are name, price",
        ),
        (
            Order,
            {"items": [], "total": 1.0},
            "'a' has a field 'total' that is not known; known are items, placed",
        ),
        (Order, {"items": []}, "'a' is refused by Order: an order needs an item"),
        (
            Order,
            {"items": [{"name": "n"}, {"name": "n"}, {"name": "n", "price": "x"}]},
            "a.items[2].price must be float, not 'x'",
        ),
        (Node, {"value": 1, "children": [{"value": "x"}]}, "a.children[0].value must be int, not 'x'"),
        (Options, {}, "'a' lacks the field 'depth'"),
        (Strict, {"depth": 1, "wide": 0}, "a.wide must be bool, not 0"),
        (Point, [1, 2, 3], "'a' has 3 items; it has x, y"),
        (Point, "p", "'a' must be Point as list or dict, not 'p'"),
        (Point, {"x": None}, "a.x must be int, not None"),
        (
            datetime,
            "soon",
            "'a' must be datetime as ISO 8601 text such as '2026-03-01T12:00:00Z', not 'soon'",
        ),
        (datetime, 5, "ISO 8601"),
        (date, "2026-02-30", "'a' must be date as ISO 8601 text"),
        (time, "25:00", "'a' must be time as ISO 8601 text"),
        (timedelta, "P1Y", "'a' must be timedelta as seconds or ISO 8601 text"),
        (timedelta, "P", "'a' must be timedelta as seconds or ISO 8601 text"),
        (timedelta, "PT", "'a' must be timedelta as seconds or ISO 8601 text"),
        (timedelta, 10**400, "'a' must be timedelta as seconds or ISO 8601 text"),
        (timedelta, True, "'a' must be timedelta as seconds or ISO 8601 text"),
        (UUID, "5", "'a' must be UUID as text, not '5'"),
        (Decimal, 1.5, "'a' must be Decimal as text such as '1.50', not 1.5"),
        (Decimal, "NaN", "'a' must be Decimal as text such as '1.50', not 'NaN'"),
        (Path, 5, "'a' must be a path as text, not 5"),
        (bytes, "not base64", "'a' must be bytes as base64 text, not 'not base64'"),
        (bytes, "AP 8=", "'a' must be bytes as base64 text, not 'AP 8='"),
        (bytes, "é", "'a' must be bytes as base64 text, not 'é'"),
        (Model, "wrong", "a.items[2].price is refused by Model: Input should be a valid number (and 1 more)"),
        (Model, "odd", "'a' is refused by Model: odd"),
    ],
)
def test_what_does_not_fit_is_named_with_its_place(annotation: Any, value: Value, problem: str) -> None:
    with pytest.raises(ValueError, match="a") as caught:
        take(annotation, value)

    assert problem in str(caught.value)


def test_a_choice_of_many_is_not_listed_whole() -> None:
    with pytest.raises(ValueError, match=r"0, 1, 2, 3, 4, 5, 6, 7, 8, 9 or one of 5 more"):
        take(Literal[tuple(range(15))], 99)


@dataclass
class Caller:
    notify: Callable[[], None]


@dataclass
class Box(typing.Generic[Anything]):
    inside: Anything


class Missing:
    inside: Elsewhere  # type: ignore[name-defined]  # noqa: F821


class Empty(enum.Enum):
    pass


MissingData = dataclasses.make_dataclass("MissingData", [("inside", "Elsewhere")])


@pytest.mark.parametrize(
    ("annotation", "problem"),
    [
        (set[int], "set[int], which no argument can be made into; write list[...]"),
        (frozenset, "frozenset, which no argument can be made into; write list[...]"),
        (Iterator[int], "write list[...]"),
        (Callable[[], None], "take the name of one as str"),
        (io.TextIOWrapper, "take a Path, or the content as str or bytes"),
        (typing.IO[str], "take a Path, or the content as str or bytes"),
        (complex, "write tuple[float, float]"),
        (type[int], "take the name of one as str, or an Enum"),
        (LightningFlow, "LightningFlow, which no argument can be made into; components do not travel"),
        (Missing, "Missing, which no argument can be made into; make it a dataclass, or take a dict"),
        (dict[int, str], "keys travel as text: write dict[str, str]"),
        (list[dict[int, str]], "keys travel as text: write dict[str, str]"),
        (Anything, "write the type itself"),
        (Box[int], "write a dataclass without type parameters"),
        (Caller, "Callable[[], None] (in Caller.notify), which no argument can be made into"),
        (Empty, "it has no members to choose from"),
        (MissingData, "'Elsewhere' is not known there"),
        (5, "5, which no argument can be made into"),
        ([int], "[int], which no argument can be made into; write list[int]"),
        (type("ndarray", (), {"__module__": "numpy"}), "write list[float]"),
    ],
)
def test_annotations_that_no_value_can_become_are_refused(annotation: Any, problem: str) -> None:
    with pytest.raises(Unusable) as caught:
        converter_of(annotation)

    assert problem in str(caught.value)


def test_references_to_files_are_no_annotations() -> None:
    with pytest.raises(Unusable, match=r"Path, which no argument can be made into; references .* write Any"):
        converter_of(flowrpc.Path)
