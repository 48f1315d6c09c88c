"""Values as JSON: every one of them reads back as it was."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flowrpc.errors import InvalidValueError
from flowrpc.state import Extension, Value, same
from flowrpc.state.exact_json import SAFE_INT, from_json, parse, to_json
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.strategies import values

marks = st.sampled_from(["$flowrpc", "$$flowrpc", "$$$flowrpc", "flowrpc", "$flowrpc ", "value", "$"])
marked = st.recursive(
    values,
    lambda inner: st.dictionaries(marks, inner, max_size=3) | st.lists(inner, max_size=2),
    max_leaves=5,
)


def again(value: Value) -> Value:
    text = json.dumps(to_json(value), indent=2, ensure_ascii=False)
    return from_json(parse(text, "test"), "root.x")


@given(values | marked)
def test_every_value_reads_back_as_it_was(value: Value) -> None:
    assert same(again(value), value)


@pytest.mark.parametrize(
    "value",
    [
        0,
        -0.0,
        0.0,
        1,
        1.0,
        True,
        2**63,
        -(10**3999),
        5e-324,
        1.7976931348623157e308,
        0.1,
        "\x00\n\u2028😀",
        [],
        {},
    ],
)
def test_values_that_others_lose_are_kept(value: Value) -> None:
    assert same(again(value), value)


def test_an_extension_is_written_with_its_type() -> None:
    value = Extension("kind", {"$flowrpc": [1]})

    assert to_json(value) == {"$flowrpc": "kind", "value": {"$$flowrpc": [1]}}
    assert same(again(value), value)


def test_a_dict_that_looks_like_an_extension_stays_a_dict() -> None:
    value: Value = {"$flowrpc": "path", "value": 1}

    assert to_json(value) == {"$$flowrpc": "path", "value": 1}
    assert same(again(value), value)


@pytest.mark.parametrize(
    ("plain", "place"),
    [
        ({"a": [float("nan")]}, r"root.x\['a'\]\[0\]: nan"),
        ([1, {"$flowrpc": "path"}], r"root.x\[1\]: a value of a named type is"),
        ({"b": {"$flowrpc": 1, "value": 1}}, r"root.x\['b'\]: a value of a named type is"),
        ({"b": {"$flowrpc": "path", "value": 1, "c": 2}}, r"root.x\['b'\]: a value of a named type is"),
        ({"$flowrpc": "int"}, "root.x: a large int is"),
        ({"$flowrpc": "int", "value": 7}, "root.x: a large int is"),
        ({"$flowrpc": "int", "value": "7.0"}, "root.x: a large int is"),
        ({"$flowrpc": "int", "value": "9" * 5_000}, "root.x: a large int is"),
        ({"$flowrpc": "int", "value": "7", "more": 1}, "root.x: a large int is"),
        ({"$flowrpc": "No Name", "value": 1}, "root.x: 'No Name' is no name of a type"),
        ({"$flowrpc": "path", "value": [float("inf")]}, r"root.x\[0\]: inf"),
        ("x" * 3_000_000, "root.x: the value is larger than"),
        (10**4000, "root.x: the int has more than 4000 digits"),
        ("\ud800", "root.x: the text has a lone surrogate"),
    ],
)
def test_what_is_no_value_is_refused_with_its_place(plain: Any, place: str) -> None:
    with pytest.raises(InvalidValueError, match=place):
        from_json(plain, "root.x")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "file.json: is no JSON that can be read"),
        ("", "file.json: is no JSON that can be read"),
        ('{"a": 1, "b": {"c": 1, "c": 2}}', "the key 'c' is there twice"),
        ("9" * 5000, "file.json: is no JSON that can be read"),
        ("[" * 100_000, "file.json: is no JSON that can be read"),
    ],
)
def test_what_is_no_json_is_refused(text: str, problem: str) -> None:
    with pytest.raises(InvalidValueError, match=problem):
        parse(text, "file.json")


@given(values | marked)
def test_a_reader_with_doubles_only_reads_safe_ints_as_they_are(value: Value) -> None:
    """JavaScript's `JSON.parse` makes a double of every number."""
    text = json.dumps(to_json(value, safe_ints=True), allow_nan=False)

    assert json.loads(text, parse_int=float) == json.loads(text)
    assert same(from_json(parse(text, "test"), "root.x"), value)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (SAFE_INT, SAFE_INT),
        (-SAFE_INT, -SAFE_INT),
        (SAFE_INT + 1, {"$flowrpc": "int", "value": "9007199254740992"}),
        (-(10**30), {"$flowrpc": "int", "value": "-1" + "0" * 30}),
        (True, True),
        (1e300, 1e300),
        (({"a": 2**60},), [{"a": {"$flowrpc": "int", "value": str(2**60)}}]),
        ({"$flowrpc": 1}, {"$$flowrpc": 1}),
        (Extension("t", 2**60), {"$flowrpc": "t", "value": {"$flowrpc": "int", "value": str(2**60)}}),
    ],
)
def test_ints_that_readers_would_change_are_written_as_text(value: Any, written: Any) -> None:
    assert to_json(value, safe_ints=True) == written
