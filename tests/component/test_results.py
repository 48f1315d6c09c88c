"""Results: objects that methods return become plain values."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import (
    Any,
)

import pytest
from flowrpc.component.conversion import plain
from flowrpc.errors import InvalidValueError
from flowrpc.state import TrackedList, Value, copy_value, same

from tests.component.converted import (
    Colour,
    Item,
    Level,
    Model,
    Node,
    Order,
    Point,
    Right,
    moment,
)


@pytest.mark.parametrize(
    ("result", "value"),
    [
        (None, None),
        ([1, "a", None], [1, "a", None]),
        ((1, (2, Level.LOW)), [1, [2, 1]]),
        ({"a": {"b": Colour.RED}}, {"a": {"b": "red"}}),
        (Colour.PAIR, [1, 2]),
        (Colour.OPAQUE, "OPAQUE"),
        (Right.READ | Right.CALL, 3),
        (Point(1, 2.5), [1, 2.5]),
        (
            Order([Item("n")], moment(2026, 3, 1)),
            {"items": [{"name": "n", "price": 1.0}], "placed": "2026-03-01T00:00:00+00:00", "total": 1.0},
        ),
        (datetime(2026, 3, 1, 12), "2026-03-01T12:00:00+00:00"),  # noqa: DTZ001
        ([timedelta(seconds=90)], [90.0]),
        ({"a": b"\x00\xff"}, {"a": "AP8="}),
        ([Path("a/b"), Decimal("1.50")], ["a/b", "1.50"]),
        (Model(1), {"content": 1, "mode": "json"}),
    ],
)
def test_objects_become_plain_values(result: Any, value: Value) -> None:
    assert same(copy_value(plain(result), "result"), value)


@pytest.mark.parametrize(
    ("result", "problem"),
    [
        ({"a": [object()]}, r"result\['a'\]\[0\]: object is not a type"),
        ([Item(name={1})], r"result\[0\]\['name'\]: set .* write sorted"),  # type: ignore[arg-type]
        (Decimal("NaN"), "result: decimal.Decimal is not"),
        (Item, "result: type is not"),
        ({1: Level.LOW}, "int keys turn into text"),
    ],
)
def test_what_is_no_value_is_refused_at_its_place(result: Any, problem: str) -> None:
    with pytest.raises(InvalidValueError, match=problem):
        copy_value(plain(result), "result")


def test_what_contains_itself_is_refused_for_that() -> None:
    loop: list[Any] = [[1], {}]
    loop[1]["again"] = loop

    with pytest.raises(InvalidValueError, match="contains itself"):
        copy_value(plain(loop), "result")


def test_objects_that_contain_themselves_are_too_deep() -> None:
    node = Node(1)
    node.children.append(node)

    with pytest.raises(InvalidValueError, match="nest deeper than 30"):
        copy_value(plain(node), "result")


def test_what_is_plain_is_not_copied() -> None:
    result = [{"a": [1, 2]}, TrackedList]

    assert plain(result) is result
