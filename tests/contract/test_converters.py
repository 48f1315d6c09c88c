"""Messages and plain values: there and back, and what is said of what does not fit."""

from __future__ import annotations

from typing import Any

import pytest
from flowrpc.contract.descriptors import file_descriptor
from flowrpc.contract.pool import ContractPool
from flowrpc.contract.reading import Readers, Unreadable
from flowrpc.contract.writing import Unwritable, Writers
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contract.offering import Shop, contract_of, numbered

CONTRACT, MESSAGES, LOCK = numbered(contract_of(Shop()))
POOL = ContractPool(file_descriptor(CONTRACT, MESSAGES, LOCK))
READERS, WRITERS = Readers(CONTRACT, LOCK), Writers(CONTRACT, LOCK)


def there_and_back(name: str, value: Any) -> Any:
    """Writes a value into a message, sends that, and reads it."""
    message = POOL.message_class(name)()
    WRITERS.of_message(name)(message, value)
    return READERS.of_message(name)(POOL.message_class(name).FromString(message.SerializeToString()))


ints = st.integers(-(2**63), 2**63 - 1)
texts = st.text()
items: st.SearchStrategy[dict[str, Any]] = st.deferred(
    lambda: st.fixed_dictionaries(
        {"sku": texts},
        optional={
            "price": st.floats(allow_nan=False, allow_infinity=False),
            "tags": st.lists(texts, min_size=1),
            "parent": items,
        },
    )
)
anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
orders: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"items": st.lists(items, max_size=3), "by": st.dictionaries(texts, st.lists(ints), max_size=3)},
    optional={
        "chosen": st.lists(ints),
        "tags": st.lists(texts),
        "target": ints | texts | items,
        "pair": st.tuples(ints, texts).map(list),
        "anything": anything,
        "wait": st.integers(-(10**9), 10**9).map(float),
        "grid": st.lists(st.lists(ints), min_size=1),
        "data": st.just("AAE="),
        "mode": st.sampled_from(["fast", "slow"]),
        "at": st.tuples(ints, ints).map(list),
        "options": st.fixed_dictionaries({}, optional={"fast": st.booleans(), "depth": ints}),
        "rest": st.dictionaries(texts, st.floats(allow_nan=False, allow_infinity=False), min_size=1),
    },
)


@settings(deadline=None)
@given(orders)
def test_a_request_comes_back_as_it_was(order: dict[str, Any]) -> None:
    assert there_and_back("OrderItemsRequest", order) == order


def test_absence_is_not_zero() -> None:
    assert there_and_back("AddRequest", {"name": "", "times": 0}) == {"name": "", "times": 0}
    assert there_and_back("AddRequest", {"name": "x"}) == {"name": "x"}


def test_none_is_left_out() -> None:
    order: dict[str, Any] = {"items": [], "by": {}, "chosen": None, "data": None, "options": None}
    assert there_and_back("OrderItemsRequest", order) == {"items": [], "by": {}}


def test_2_to_the_53_plus_1_is_exact() -> None:
    assert there_and_back("AddRequest", {"name": "x", "times": 2**53 + 1})["times"] == 2**53 + 1


def test_times_are_those_of_utc() -> None:
    state = there_and_back("ShopState", {"when": "2026-01-01T00:00:00+02:00"})
    assert state == {"when": "2025-12-31T22:00:00Z"}
    assert there_and_back("ShopState", {"when": "1970-01-01T00:00:00Z"}) == {"when": "1970-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("name", "value", "path", "problem"),
    [
        ("AddRequest", {"name": 3}, ".name", "is no text but 3"),
        ("AddRequest", {"name": "x", "times": True}, ".times", "is no int but True"),
        ("AddRequest", {"name": "x", "times": 2**63}, ".times", "beyond 64 bits; annotate it with Any"),
        ("AddRequest", {"name": "x", "color": "blue"}, ".color", "is 'blue', which Color does not have"),
        ("OrderItemsRequest", {"items": [{"tags": ["x", 2]}]}, ".items[0].tags[1]", "is no text but 2"),
        ("OrderItemsRequest", {"by": {"k": [1.5]}}, ".by['k'][0]", "is no int but 1.5"),
        ("OrderItemsRequest", {"target": 1.5}, ".target", "is 1.5, which is none of int, text, item"),
        ("OrderItemsRequest", {"data": "?"}, ".data", "is no base64 text but '?'"),
        ("OrderItemsRequest", {"items": {}}, ".items", "is no list but {}"),
        ("OrderItemsRequest", {"by": []}, ".by", "is no dict but []"),
        ("OrderItemsRequest", {"items": [3]}, ".items[0]", "is no Item but 3"),
        ("ShopState", {"when": "soon"}, ".when", "is no time as ISO 8601 text but 'soon'"),
    ],
)
def test_a_value_that_does_not_fit_is_named(name: str, value: Any, path: str, problem: str) -> None:
    with pytest.raises(Unwritable) as caught:
        there_and_back(name, value)
    assert (caught.value.path, problem in caught.value.problem) == (path, True), caught.value.problem


@pytest.mark.parametrize(
    ("name", "given", "path", "problem"),
    [
        ("AddRequest", {}, "name", "is missing"),
        ("AddRequest", {"name": "x", "color": 0}, "color", "is not set; choose a Color"),
        ("AddRequest", {"name": "x", "color": 9}, "color", "is 9, which Color does not have"),
        ("OrderItemsRequest", {"items": [{"price": 1}]}, "items[0].sku", "is missing"),
        ("OrderItemsRequest", {"target": {}}, "target", "has nothing set; set one of int, text, item"),
    ],
)
def test_a_message_that_does_not_fit_is_named(name: str, given: Any, path: str, problem: str) -> None:
    message = POOL.message_class(name)(**given)
    with pytest.raises(Unreadable) as caught:
        READERS.of_message(name)(message)
    assert caught.value.problems == ((path, problem),)


def test_a_field_of_a_newer_contract_is_refused() -> None:
    message = POOL.message_class("AddRequest").FromString(b"\x0a\x01x\xa0\x06\x01")
    with pytest.raises(Unreadable, match=r"has a field 100 that this contract does not have"):
        READERS.of_message("AddRequest")(message)
