"""What can be state, and what is said about what cannot."""

from __future__ import annotations

import collections
import datetime
import decimal
import enum
import math
import pathlib
import uuid
from typing import Any

import pytest
from flowrpc.errors import InvalidValueError
from flowrpc.state import (
    MAX_BIG_INT_DIGITS,
    MAX_DEPTH,
    MAX_VALUE_BYTES,
    Value,
    canonical_key,
    copy_value,
    is_plain_scalar,
    same,
    track,
)
from hypothesis import given

from tests.state.owner_double import deterministic, values


class Text(str):
    def __str__(self) -> str:
        return "not the value"


class Number(float):
    pass


class Level(enum.IntEnum):
    LOW = 1


class Colour(enum.StrEnum):
    RED = "red"


class Plain(enum.Enum):
    ONE = 1


class Pair(collections.namedtuple("Pair", ["first", "second"])):
    pass


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def array_double() -> object:
    return type("ndarray", (), {"__module__": "numpy"})()


SURROGATE = "a\ud800"
GIANT = 10**MAX_BIG_INT_DIGITS

REFUSED: list[tuple[object, str, str]] = [
    (math.nan, "", "nan is no number that JSON can hold; use None or a string"),
    (-math.inf, "", "-inf is no number"),
    (Number("inf"), "", "use None or a string"),
    ([1, {"a": math.inf}], "[1]['a']", "inf is no number"),
    ({1: 2}, "[1]", "int keys turn into text in JSON; write str(key)"),
    ({True: 2}, "[True]", "bool keys turn into text in JSON; write str(key)"),
    ({"k": {1.5: 2}}, "['k'][1.5]", "float keys turn into text in JSON; write str(key)"),
    ({None: 2}, "[None]", "keys must be str, not NoneType"),
    ({(1, 2): 3}, "[(1, 2)]", "keys must be str, not tuple"),
    (SURROGATE, "", "lone surrogate at index 1"),
    ({SURROGATE: 1}, "['a\\ud800']", "lone surrogate at index 1"),
    (GIANT, "", "the int has more than 4000 digits"),
    (-GIANT, "", "the int has more than 4000 digits"),
    (b"x", "", "bytes is not a type that state can hold; write value.decode()"),
    ({1, 2}, "", "write sorted(value)"),
    (range(3), "", "write list(value)"),
    (iter([1]), "", "write list(value)"),
    (datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC), "", "write value.isoformat()"),
    (datetime.timedelta(1), "", "write value.total_seconds()"),
    (decimal.Decimal(1), "", "decimal.Decimal is not a type that state can hold; write str(value)"),
    (uuid.uuid4(), "", "write str(value)"),
    (pathlib.PurePath("a"), "", "write str(value)"),
    (1j, "", "write [value.real, value.imag]"),
    (collections.ChainMap(), "", "write dict(value)"),
    (Plain.ONE, "", "write value.value"),
    (len, "", "call it, or keep it in an attribute whose name begins with `_`"),
    (array_double(), "", "numpy.ndarray is not a type that state can hold; write value.tolist()"),
    ([[object()]], "[0][0]", "object is not a type that state can hold; write None, a bool, int"),
    (nested(MAX_DEPTH + 1), "[0]" * MAX_DEPTH, f"containers nest deeper than {MAX_DEPTH}"),
    ("x" * MAX_VALUE_BYTES, "", "the value is larger than 2097152 bytes"),
    ("\u00e9" * (MAX_VALUE_BYTES // 2), "", "the value is larger than 2097152 bytes"),
    (["x" * 1_000_000] * 3, "[2]", "the value is larger"),
    ([0] * (MAX_VALUE_BYTES // 8), f"[{MAX_VALUE_BYTES // 8 - 1}]", "the value is larger"),
    ([GIANT - 1] * 2000, "[525]", "the value is larger"),
]


@pytest.mark.parametrize(("value", "place", "problem"), REFUSED, ids=map(str, range(len(REFUSED))))
def test_a_value_that_cannot_be_state_is_refused(value: object, place: str, problem: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        copy_value(value, "root.config")
    assert caught.value.place == f"root.config{place}"
    assert problem in caught.value.problem


def test_a_list_in_itself_is_named_where_it_begins_again() -> None:
    table: dict[str, Any] = {"rows": []}
    table["rows"].append(table)
    with pytest.raises(InvalidValueError) as caught:
        copy_value(table, "root.table")
    assert str(caught.value) == "root.table['rows'][0]: contains itself; write a copy"


def test_one_list_in_two_places_is_fine() -> None:
    row = [1]
    copy = copy_value([row, row], "root.rows")
    assert copy == [[1], [1]]


@pytest.mark.parametrize(
    ("value", "copy"),
    [
        (Text("a"), "a"),
        (Number(1.5), 1.5),
        (Level.LOW, 1),
        (Colour.RED, "red"),
        ({Colour.RED: Level.LOW}, {"red": 1}),
        ((1, (2,)), [1, [2]]),
        (Pair(1, 2), [1, 2]),
        (collections.OrderedDict(a=1), {"a": 1}),
        (track([{"a": [1]}], None, "x"), [{"a": [1]}]),
        (GIANT - 1, GIANT - 1),
        (2**63, 2**63),
        ("\u00e9" * 2000, "\u00e9" * 2000),
        ("x" * 2000, "x" * 2000),
    ],
    ids=lambda part: f"{part!r:.40}",
)
def test_what_derives_from_a_plain_type_becomes_it(value: object, copy: Value) -> None:
    result = copy_value(value, "root.x")
    assert same(result, copy)
    assert type(result) is type(copy)


def test_the_deepest_value_is_accepted_and_depth_counts_what_is_around() -> None:
    assert copy_value(nested(MAX_DEPTH), "x") == nested(MAX_DEPTH)
    assert copy_value(nested(2), "x", depth=MAX_DEPTH - 2) == [[1]]
    with pytest.raises(InvalidValueError, match="nest deeper"):
        copy_value(nested(2), "x", depth=MAX_DEPTH - 1)


@deterministic
@given(values)
def test_a_copy_is_the_same_and_shares_nothing(value: Value) -> None:
    copy = copy_value(value, "x")
    assert same(copy, value)
    assert copy is not value or not isinstance(value, list | dict)


@pytest.mark.parametrize("value", [None, True, 0, 2**63 - 1, -(2**63), 1.5, -0.0, "", "x" * 1024])
def test_plain_scalars_are_known_at_once(value: object) -> None:
    assert is_plain_scalar(value)


@pytest.mark.parametrize(
    "value",
    [2**63, math.nan, math.inf, -math.inf, "x" * 1025, "\u00e9", [], {}, (), Text("a"), Level.LOW, b""],
)
def test_what_needs_a_look_is_no_plain_scalar(value: object) -> None:
    assert not is_plain_scalar(value)


DIFFERENT: list[Value] = [
    None,
    True,
    False,
    0,
    1,
    0.0,
    -0.0,
    1.0,
    "",
    "1",
    "\u00e9",
    10**30,
    [],
    [1],
    [True],
    [[1]],
    [1, 2],
    ["12"],
    {},
    {"a": 1},
    {"a": 1.0},
    {"b": 1},
    {"a": 1, "b": 2},
    ["a", 1],
]


@pytest.mark.parametrize("a", range(len(DIFFERENT)))
@pytest.mark.parametrize("b", range(len(DIFFERENT)))
def test_same_and_the_call_key_tell_values_apart(a: int, b: int) -> None:
    copy = copy_value(DIFFERENT[b], "x")
    assert same(DIFFERENT[a], copy) is (a == b)
    assert (canonical_key([DIFFERENT[a]], {}) == canonical_key([copy], {})) is (a == b)


def test_the_order_of_keys_is_a_difference_but_not_in_a_call() -> None:
    one: dict[str, Value] = {"a": 1, "b": 2}
    other: dict[str, Value] = {"b": 2, "a": 1}
    assert not same(one, other)
    assert canonical_key([one], {}) == canonical_key([other], {})
    assert canonical_key([], one) == canonical_key([], other)


def test_same_does_not_compare_what_is_no_value() -> None:
    assert not same(object(), object())


def test_the_call_key_tells_names_from_positions() -> None:
    keys = {
        canonical_key([], {}),
        canonical_key([{"a": 1}], {}),
        canonical_key([], {"a": 1}),
        canonical_key([1], {}),
        canonical_key([[1]], {}),
        canonical_key([[], {}], {}),
    }
    assert len(keys) == 6


def test_the_call_key_never_changes() -> None:
    """The journal holds call keys, so another version must make the same ones."""
    assert canonical_key([], {}) == "2c3039078bcddeea4f48e321f751ebcd59d780ed5b33748a83368e298c33c4e1"
    assert (
        canonical_key([1, "a", None, 1.5], {"k": [True, {}]})
        == "c2c362c09df0cfe6222ca4bdd2579e31179954a1f783abce99152ffd7bf21319"
    )
