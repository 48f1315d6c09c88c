"""Models of pydantic as arguments, results and defaults of commands: real ones."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from flowrpc.component.conversion import converter_of, plain
from flowrpc.component.conversion.converter import Misfit
from flowrpc.state import copy_value
from pydantic import BaseModel, Field


class Item(BaseModel):
    name: str
    price: float = Field(gt=0)


class Order(BaseModel):
    items: list[Item]
    at: datetime | None = None
    note: str = "none"


def converted(annotation: Any, value: Any) -> Any:
    return converter_of(annotation).take(copy_value(value, "a"))


def test_a_dict_becomes_a_model_and_goes_back() -> None:
    order = converted(Order, {"items": [{"name": "pen", "price": 2}], "at": "2026-03-01T12:00:00Z"})
    assert isinstance(order, Order)
    assert isinstance(order.items[0], Item)
    assert copy_value(plain(order), "result") == {
        "items": [{"name": "pen", "price": 2.0}],
        "at": "2026-03-01T12:00:00Z",
        "note": "none",
    }


def test_models_nest_in_containers() -> None:
    items = converted(list[Item], [{"name": "pen", "price": 1.5}])
    assert items == [Item(name="pen", price=1.5)]
    assert plain({"all": items}) == {"all": [{"name": "pen", "price": 1.5}]}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"items": [{"name": "pen", "price": -1}]}, "a.items[0].price is refused by Order"),
        ({"items": [{"name": "pen", "price": "x"}]}, "a.items[0].price is refused by Order"),
        ({}, "a.items is refused by Order: Field required"),
        ("text", "'a' is refused by Order: Input should be a valid dictionary"),
    ],
)
def test_what_a_model_refuses_is_named(value: Any, message: str) -> None:
    with pytest.raises(Misfit) as caught:
        converted(Order, value)
    assert message in caught.value.text("a")
