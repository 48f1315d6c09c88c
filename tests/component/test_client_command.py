"""The client part by itself: its arguments are converted, and its handler is called by every way that apps use."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest
from flowrpc import ClientCommand, LightningFlow
from flowrpc.errors import CallError


@dataclass
class Order:
    item: str
    due: date = date(2026, 3, 1)


class Model:
    """Stands for a model of pydantic."""

    def __init__(self, **fields: Any) -> None:
        self.fields = fields

    @classmethod
    def model_validate(cls, value: Any) -> Model:
        return cls(**value)

    def model_dump(self, mode: str) -> dict[str, Any]:
        return self.fields


class Shop(LightningFlow):
    def __init__(self) -> None:
        self.taken: list[Any] = []

    def run(self) -> None:
        """Waits."""

    def many(self, item: str, times: int = 1) -> Any:
        return (item, times)

    def one(self, order: Order) -> Any:
        assert isinstance(order, Order)
        return order

    def config(self, config: dict[str, Any]) -> Any:
        return config

    def none(self) -> str:
        return "called"

    def fields(self, **rest: int) -> Any:
        return rest


class Take(ClientCommand):
    """Takes."""

    def run(self, order: Order, times: int = 1) -> Any:
        return (order, times)


class Remote:
    """Stands at a client in the place of the method."""

    command_name = "child.take"
    app_address = "127.0.0.1:1"

    def __init__(self, *names: str) -> None:
        self.parameter_names = names
        self.got: dict[str, Any] | None = None

    def __call__(self, **arguments: Any) -> Any:
        self.got = arguments
        return "answer"


def test_run_gets_objects_as_its_annotations_ask() -> None:
    found = Take(Remote())._run_with({"order": {"item": "tea"}})

    assert found == (Order("tea"), 1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "child.take: the argument 'order' is missing"),
        ({"order": {"item": 5}}, "child.take: order.item must be str, not 5"),
        (
            {"order": {"item": "a"}, "tims": 1},
            "child.take: there is no argument 'tims'; did you mean 'times'?",
        ),
    ],
)
def test_arguments_that_do_not_fit_are_refused_before_run(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(CallError) as caught:
        Take(Remote())._run_with(arguments)

    assert str(caught.value).startswith(said)
    assert caught.value.reason == "INVALID_ARGUMENTS"
    assert caught.value.metadata["command"] == "child.take"


def test_a_client_part_knows_its_command_and_its_app() -> None:
    command = Take(Remote())

    assert (command.command_name, command.app_address) == ("child.take", "127.0.0.1:1")


def test_arguments_by_name_travel_as_plain_values() -> None:
    remote = Remote("item", "times", "due")

    assert Take(remote).invoke_handler(item="tea", times=(1, 2), due=date(2026, 3, 1)) == "answer"
    assert remote.got == {"item": "tea", "times": [1, 2], "due": "2026-03-01"}


@pytest.mark.parametrize("config", [Order("tea"), {"item": "tea", "due": "2026-03-01"}])
def test_a_config_is_the_argument_of_a_method_with_one_parameter(config: Any) -> None:
    remote = Remote("order")

    Take(remote).invoke_handler(config)

    assert remote.got == {"order": {"item": "tea", "due": "2026-03-01"}}


@pytest.mark.parametrize("config", [Order("tea"), Model(item="tea", due="2026-03-01")])
def test_the_fields_of_a_config_are_the_arguments_of_a_method_with_several(config: Any) -> None:
    remote = Remote("item", "due")

    Take(remote).invoke_handler(config)

    assert remote.got == {"item": "tea", "due": "2026-03-01"}


def test_a_dict_that_names_the_only_parameter_gives_its_value() -> None:
    remote = Remote("text")

    Take(remote).invoke_handler({"text": "x"})

    assert remote.got == {"text": "x"}


def test_a_config_by_name_is_one_too() -> None:
    remote = Remote("driver")

    Take(remote).invoke_handler(config=Model(name="x"))

    assert remote.got == {"driver": {"name": "x"}}


def test_a_parameter_that_is_called_config_is_an_argument() -> None:
    remote = Remote("config", "more")

    Take(remote).invoke_handler(config={"a": 1})

    assert remote.got == {"config": {"a": 1}}


def test_a_config_that_has_no_fields_is_refused_where_fields_are_needed() -> None:
    with pytest.raises(
        TypeError, match=r"takes item, times: give a model, a dataclass or a dict with these, not int"
    ):
        Take(Remote("item", "times")).invoke_handler(5)


def test_a_config_beside_arguments_is_refused() -> None:
    with pytest.raises(TypeError, match="one config or named arguments, not both"):
        Take(Remote("item")).invoke_handler({"item": 1}, item=2)


def test_without_a_service_the_method_is_called_by_the_same_rules() -> None:
    shop = Shop()

    assert Take(shop.many).invoke_handler(item="tea", times=2) == ["tea", 2]
    assert Take(shop.many).invoke_handler({"item": "tea"}) == ["tea", 1]
    assert Take(shop.one).invoke_handler(Order("tea")) == {"item": "tea", "due": "2026-03-01"}
    assert Take(shop.config).invoke_handler({"a": 1}) == {"a": 1}
    assert Take(shop.config).invoke_handler(config={"a": 1}) == {"a": 1}
    assert Take(shop.none).invoke_handler() == "called"
    assert Take(shop.fields).invoke_handler(a=1) == {"a": 1}
    with pytest.raises(CallError, match="many: 'item' must be str, not 5"):
        Take(shop.many).invoke_handler(item=5)


def test_calling_it_calls_the_method() -> None:
    assert Take(Shop().many)("tea", times=3) == ("tea", 3)


def test_a_class_without_run_says_so() -> None:
    class Bare(ClientCommand):
        pass

    with pytest.raises(NotImplementedError, match="Bare has no `run`"):
        Bare(Remote()).run()
