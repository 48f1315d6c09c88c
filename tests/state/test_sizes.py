"""Rough sizes: near what encoding makes of a value, and never far below it."""

from __future__ import annotations

import pytest
from flowrpc.state import Change, Remove, Set, Splice, Value
from flowrpc.state.sizes import change_size, parts, rough_size
from flowrpc.wire.changes import encode_changes

TEXT = "x" * 100_000
VALUES: list[Value] = [
    None,
    True,
    7,
    -(2**63),
    10**1000,
    1.5,
    "",
    TEXT,
    "ü" * 10_000,
    "𝄞" * 10_000,
    [],
    [1, 2.0, None] * 1000,
    {f"key {n}": [n, {"inside": "y" * n}] for n in range(100)},
]


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_a_size_is_near_the_encoded_one(value: Value) -> None:
    (encoded,) = encode_changes([Set(("var",), value)])
    size = change_size(Set(("var",), value))
    assert encoded.ByteSize() * 0.9 <= size <= 50 + 16 * encoded.ByteSize()


def test_changes_are_as_large_as_what_they_bring() -> None:
    assert change_size(Splice(("items",), 0, 9, [TEXT])) > rough_size(TEXT)
    assert change_size(Remove(("items", TEXT))) > rough_size(TEXT)


def test_parts_keep_the_order_and_stay_below_the_limit() -> None:
    changes: list[Change] = [Set((f"v{n}",), TEXT[: n * 1000]) for n in range(50)]
    cut = list(parts(changes, 200_000))
    assert [change for part in cut for change in part] == changes
    assert all(sum(map(change_size, part)) <= 200_000 for part in cut)
    assert len(cut) < 15, "no smaller than they have to be"


def test_what_cannot_be_cut_is_a_part_of_its_own() -> None:
    large, small = Set(("large",), TEXT), Set(("small",), 1)
    assert list(parts([small, large, small], 1000)) == [(small,), (large,), (small,)]
    assert list(parts([], 1000)) == []
