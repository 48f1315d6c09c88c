"""Parameters: what the arguments of a method become, and how they are told of."""

from __future__ import annotations

import enum
import io
from collections.abc import Callable
from datetime import date, datetime
from typing import (
    Annotated,
    Any,
    Optional,
)

import pytest
from flowrpc.component.conversion import ArgumentRefused, Parameters
from flowrpc.errors import ComponentError
from flowrpc.state import Value

from tests.component.converted import (
    ITEM,
    Colour,
    Item,
)


class TestParameters:
    class Mode(enum.Enum):
        FAST = "fast"

    def list(self, mode: Mode, items: list[int], when: datetime | None = None, **rest: float) -> Any:
        """Has a name that hides a type, and an annotation that only its class knows."""
        return [mode, items, when, rest]

    def test_names_are_those_of_the_module_then_of_the_class(self) -> None:
        converted = Parameters.of(self.list).convert({"mode": "fast", "items": [1], "more": 2})

        assert converted == {"mode": self.Mode.FAST, "items": [1], "more": 2.0}
        assert type(converted["more"]) is float

    def test_arguments_are_converted_into_a_dict_of_their_own(self) -> None:
        arguments: dict[str, Value] = {"mode": "fast", "items": []}

        Parameters.of(self.list).convert(arguments)

        assert arguments == {"mode": "fast", "items": []}

    @pytest.mark.parametrize(
        ("arguments", "parameter", "problem"),
        [
            ({"mode": "fast"}, "items", "the argument 'items' is missing"),
            ({}, "mode", "the argument 'mode' is missing"),
            ({"mode": "slow", "items": []}, "mode", "'mode' must be 'fast', not 'slow'"),
            ({"mode": "fast", "items": [], "more": "x"}, "more", "'more' must be float, not 'x'"),
        ],
    )
    def test_refusals_name_the_parameter(self, arguments: Any, parameter: str, problem: str) -> None:
        with pytest.raises(ArgumentRefused, match=problem) as caught:
            Parameters.of(self.list).convert(arguments)

        assert caught.value.parameter == parameter

    def test_what_has_no_annotation_takes_anything(self) -> None:
        def anything(name, other=5):  # type: ignore[no-untyped-def]
            return name, other

        converted = Parameters.of(anything).convert({"name": [None, {"a": 1.5}]})

        assert converted == {"name": [None, {"a": 1.5}]}
        with pytest.raises(ArgumentRefused, match="there is no argument 'nme'; did you mean 'name'"):
            Parameters.of(anything).convert({"nme": 1})
        with pytest.raises(ArgumentRefused, match="it takes no arguments"):
            Parameters.of(lambda: None).convert({"x": 1})

    def test_a_default_of_none_takes_null(self) -> None:
        def later(times: int = None) -> None:  # type: ignore[assignment]  # noqa: RUF013
            pass

        assert Parameters.of(later).convert({"times": None}) == {"times": None}

    def test_defaults_are_shown_as_they_travel(self) -> None:
        def call(
            colour: Colour = Colour.RED,
            item: Item = ITEM,
            *,
            odd: Any = io,
            when: Any = date(2026, 3, 1),
        ) -> None:
            pass

        infos = {info.name: info for info in Parameters.of(call).infos}

        assert infos["colour"].default == "red"
        assert infos["item"].default == {"name": "n", "price": 1.0}
        assert infos["odd"].default is None
        assert infos["when"].default == "2026-03-01"
        assert not any(info.required for info in infos.values())

    def test_annotations_are_shown_as_written(self) -> None:
        shown = {info.name: info.annotation for info in Parameters.of(self.list).infos}

        assert shown == {"mode": "Mode", "items": "list[int]", "when": "datetime | None", "rest": "float"}

    def test_annotations_that_are_not_postponed_are_shown_without_modules(self) -> None:
        def call(a, b=None, c=None):  # type: ignore[no-untyped-def]
            pass

        call.__annotations__ = {"a": Item, "b": Optional[list[Item]], "c": Annotated[int, "x"]}  # noqa: UP045

        assert [info.annotation for info in Parameters.of(call).infos] == ["Item", "list[Item] | None", "int"]

    def test_methods_are_read_once(self) -> None:
        assert Parameters.of(self.list) is Parameters.of(TestParameters().list)

    @pytest.mark.parametrize(
        ("function", "problem"),
        [
            (lambda *names: None, r"takes \*names by position"),
            (dict, "has no signature"),
        ],
    )
    def test_functions_that_clients_cannot_call_are_refused(
        self, function: Callable[..., Any], problem: str
    ) -> None:
        with pytest.raises(ComponentError, match=problem):
            Parameters.of(function)

    def test_an_annotation_that_cannot_be_resolved_is_refused(self) -> None:
        def lost(name: Elsewhere) -> None:  # type: ignore[name-defined]  # noqa: F821
            pass

        def unreadable(name) -> None:  # type: ignore[no-untyped-def]
            pass

        unreadable.__annotations__["name"] = "1 +"

        with pytest.raises(ComponentError, match=r"annotates 'name' with Elsewhere.*not under TYPE_CHECKING"):
            Parameters.of(lost)
        with pytest.raises(ComponentError, match=r"cannot be read \(SyntaxError"):
            Parameters.of(unreadable)
