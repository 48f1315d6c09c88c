"""Typed commands over a core: arguments become objects, results plain values, and refusals name what is wrong."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from flowrpc import LightningFlow
from flowrpc.errors import CallError, ComponentError
from flowrpc.flow_service.catalogue import Catalogue
from flowrpc.flow_service.events import CommandsListed

from tests.flow_service.driver import Driver


class Size(enum.Enum):
    SMALL = "s"
    LARGE = "l"


@dataclass
class Item:
    price: float
    size: Size = Size.SMALL


@dataclass
class Order:
    items: list[Item] = field(default_factory=list)

    def __post_init__(self) -> None:
        if len(self.items) > 3:
            raise ValueError("at most three items")


class Shop(LightningFlow):
    def __init__(self) -> None:
        self.taken: list[Any] = []

    def take(self, order: Order, due: datetime | None = None, size: Size = Size.LARGE) -> Any:
        """Takes an order."""
        assert isinstance(order, Order)
        self.taken.append([item.price for item in order.items])
        return {"order": order, "due": due, "size": size, "wait": timedelta(minutes=1)}

    def untyped(self, name):  # type: ignore[no-untyped-def]
        return name

    def unfit(self) -> Any:
        self.taken.append(["never"])
        return [Item(price=object())]  # type: ignore[arg-type]

    def names(self) -> Any:
        return self.taken

    def configure_commands(self) -> Any:
        return [{method.__name__: method for method in (self.take, self.untyped, self.unfit, self.names)}]


@pytest.fixture
def driver() -> Driver:
    driver = Driver(Shop)
    driver.settle()
    return driver


def test_a_method_gets_objects_and_its_result_is_plain(driver: Driver) -> None:
    due = "2026-03-01T12:00:00+00:00"

    outcome = driver.call("take", order={"items": [{"price": 1, "size": "LARGE"}]}, due=due)

    assert outcome.failure is None
    assert outcome.result == {
        "order": {"items": [{"price": 1.0, "size": "l"}]},
        "due": due,
        "size": "l",
        "wait": 60.0,
    }
    assert driver.vars()["taken"] == [[1.0]]
    driver.check()


@pytest.mark.parametrize("value", [None, 1, 1.5, "x", [1, {"a": None}], {"a": [True]}])
def test_a_parameter_without_an_annotation_takes_any_value(driver: Driver, value: Any) -> None:
    assert driver.call("untyped", name=value).result == value


@pytest.mark.parametrize(
    ("order", "message"),
    [
        (
            {"items": [{"price": 1}, {"price": 2}, {"price": "x"}]},
            "take: order.items[2].price must be float, not 'x'",
        ),
        (
            {"items": [{"price": 1, "size": "SMAL"}]},
            "take: order.items[0].size must be 's' or 'l', not 'SMAL'; did you mean 'SMALL'?",
        ),
        ({"itms": []}, "take: 'order' has a field 'itms' that is not known; did you mean 'items'?"),
        ({"items": [{"price": 1}] * 4}, "take: 'order' is refused by Order: at most three items"),
        (5, "take: 'order' must be Order, not 5"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_happens(
    driver: Driver, order: Any, message: str
) -> None:
    revision = driver.replica.revision

    with pytest.raises(CallError) as caught:
        driver.call("take", order=order)

    assert str(caught.value).startswith(message)
    assert caught.value.reason == "INVALID_ARGUMENTS"
    assert caught.value.metadata == {"command": "take", "parameter": "order"}
    assert driver.replica.revision == revision


def test_a_result_with_something_odd_inside_undoes_the_command(driver: Driver) -> None:
    failure = driver.call("unfit").failure

    assert failure is not None
    assert failure.message.startswith("the result of unfit[0]['price']: object is not a type")
    assert driver.vars()["taken"] == []


def test_state_may_be_returned_as_it_is(driver: Driver) -> None:
    driver.call("take", order={})

    assert driver.call("names").result == [[]]


def test_defaults_are_listed_as_they_travel(driver: Driver) -> None:
    infos = {info.name: info for info in driver.ask(CommandsListed)}

    parameters = [(p.name, p.annotation, p.required, p.default) for p in infos["take"].parameters]
    assert parameters == [
        ("order", "Order", True, None),
        ("due", "datetime | None", False, None),
        ("size", "Size", False, "l"),
    ]
    assert [(p.name, p.annotation) for p in infos["untyped"].parameters] == [("name", "")]


class Mall(LightningFlow):
    def __init__(self) -> None:
        self.shop = Shop()


def test_a_bare_name_finds_the_one_command_of_it() -> None:
    catalogue = Catalogue(Mall())

    assert catalogue.find("untyped") is catalogue.find("shop.untyped")
    with pytest.raises(CallError, match="no command 'untypd'; did you mean 'untyped'"):
        catalogue.find("untypd")


class Dotted(Shop):
    def configure_commands(self) -> Any:
        return {"a.b": self.names}


def test_a_name_with_a_dot_is_refused() -> None:
    with pytest.raises(ComponentError, match=r"'a\.b' is no command name; use a text without dots"):
        Catalogue(Dotted())


class Calling(Shop):
    def call_back(self, notify: Callable[[], None]) -> None:
        pass

    def configure_commands(self) -> Any:
        return {"later": self.call_back}


class Parent(LightningFlow):
    def __init__(self) -> None:
        self.child = Calling()


def test_an_annotation_that_cannot_be_used_is_refused_at_start() -> None:
    with pytest.raises(ComponentError) as caught:
        Driver(Parent)

    assert str(caught.value) == (
        "the command 'child.later' of root.child annotates 'notify' with Callable[[], None], "
        "which no argument can be made into; functions do not travel: take the name of one as str"
    )


def test_binding_leaves_the_arguments_that_came_as_they_are() -> None:
    command = Catalogue(Shop()).find("take")
    arguments: dict[str, Any] = {"order": {"items": [{"price": 1}]}}

    bound = command.bind(arguments)

    assert bound == {"order": Order([Item(1.0)])}
    assert arguments == {"order": {"items": [{"price": 1}]}}
