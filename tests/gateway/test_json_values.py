"""Values as JSON that says the same to every reader."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flowrpc.errors import CallError
from flowrpc.gateway.json_values import SAFE, json_value, read_json_value
from flowrpc.state import same
from hypothesis import given

from tests.wire.strategies import values


@given(values)
def test_every_value_comes_back_as_it_was(value: Any) -> None:
    text = json.dumps(json_value(value), allow_nan=False)

    assert same(read_json_value(json.loads(text), "value"), value)


@given(values)
def test_a_reader_with_doubles_only_reads_the_same(value: Any) -> None:
    """JavaScript's `JSON.parse` makes a double of every number."""
    text = json.dumps(json_value(value), allow_nan=False)

    exact = json.loads(text)
    assert json.loads(text, parse_int=float) == exact


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (SAFE, SAFE),
        (-SAFE, -SAFE),
        (SAFE + 1, {"$flowrpc": "int", "value": "9007199254740992"}),
        (-(10**30), {"$flowrpc": "int", "value": "-" + "1" + "0" * 30}),
        (True, True),
        (1e300, 1e300),
        ([{"a": 2**60}], [{"a": {"$flowrpc": "int", "value": str(2**60)}}]),
        ({"$flowrpc": 1}, {"$flowrpc": "dict", "value": {"$flowrpc": 1}}),
    ],
)
def test_what_is_written(value: Any, written: Any) -> None:
    assert json_value(value) == written


@pytest.mark.parametrize(
    "written",
    [
        {"$flowrpc": "int"},
        {"$flowrpc": "int", "value": 7},
        {"$flowrpc": "int", "value": "7.0"},
        {"$flowrpc": "int", "value": "9" * 5_000},
        {"$flowrpc": "int", "value": "7", "more": 1},
        {"$flowrpc": "dict", "value": []},
        {"$flowrpc": "Path", "value": "x"},
    ],
)
def test_what_has_the_reserved_key_is_refused_with_its_place(written: Any) -> None:
    with pytest.raises(CallError, match=r'^order\.items\[0\]: the key "\$flowrpc" is reserved'):
        read_json_value({"items": [written]}, "order")
