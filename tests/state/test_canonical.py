"""The encoding that hashes are made of."""

from __future__ import annotations

from typing import Any

import pytest
from flowrpc.state import Value, same
from flowrpc.state.canonical import canonical_bytes
from hypothesis import given

from tests.state.owner_double import deterministic, values


@deterministic
@given(values, values)
def test_equal_bytes_mean_the_same_value(a: Value, b: Value) -> None:
    assert (canonical_bytes(a, ordered=True) == canonical_bytes(b, ordered=True)) is same(a, b)


def test_the_order_of_keys_counts_if_asked_for() -> None:
    one: Value = {"a": 1, "b": [2]}
    other: Value = {"b": [2], "a": 1}
    assert canonical_bytes(one) == canonical_bytes(other)
    assert canonical_bytes(one, ordered=True) != canonical_bytes(other, ordered=True)


def test_what_is_no_value_is_our_own_bug() -> None:
    wrong: Any = b"x"
    with pytest.raises(TypeError, match="is no value of state"):
        canonical_bytes([wrong])
