"""Converters of a choice: Literal and Enum."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import Any

from flowrpc.component.conversion.converter import (
    PLAIN,
    Converter,
    Misfit,
    converting,
    did_you_mean,
    must_be,
    shown,
)
from flowrpc.component.conversion.results import plain
from flowrpc.state import Value, same

_MAX_SHOWN = 10
"""How many choices a message lists."""


def literal(name: str, choices: Iterable[Any]) -> Converter:
    """Makes the converter of `Literal[...]`; a member of an Enum is chosen by its value."""
    return _choice(name, [(plain(choice), choice) for choice in choices])


def enum_of(kind: type[enum.Enum]) -> Converter:
    """Makes the converter of an Enum: by value, else by name."""
    if issubclass(kind, enum.Flag):
        return _flags(kind)
    members = list(kind.__members__.items())
    return _choice(kind.__name__, [(plain(member), member) for _, member in members], dict(members))


def _choice(name: str, pairs: list[tuple[Any, Any]], by_name: dict[str, Any] | None = None) -> Converter:
    names = by_name or {}
    kinds = {type(value) for value, _ in pairs} | ({str} if names else set())
    known = list(dict.fromkeys([*(v for v, _ in pairs if isinstance(v, str)), *names]))
    scalars = {(type(value), value): choice for value, choice in pairs if type(value) not in (list, dict)}
    nested = [(value, choice) for value, choice in pairs if type(value) in (list, dict)]
    offer = _offer([value for value, _ in pairs])

    def convert(value: Value) -> Any:
        if isinstance(value, list | dict):
            for choice_value, choice in nested:
                if same(choice_value, value):
                    return choice
        elif (type(value), value) in scalars:
            return scalars[type(value), value]
        elif isinstance(value, str) and value in names:
            return names[value]
        raise Misfit(f"must be {offer}, not {shown(value)}{did_you_mean(value, known)}")

    return converting(name, PLAIN & kinds, convert, offer)


def _offer(values: list[Any]) -> str:
    distinct = list(dict.fromkeys(repr(value) for value in values))
    if len(distinct) > _MAX_SHOWN:
        return f"{', '.join(distinct[:_MAX_SHOWN])} or one of {len(distinct) - _MAX_SHOWN} more"
    return " or ".join(filter(None, (", ".join(distinct[:-1]), distinct[-1])))


def _flags(kind: type[enum.Flag]) -> Converter:
    """Flags are chosen by the sum of their values, or one by its name."""
    names = kind.__members__
    says = f"{kind.__name__}, the sum of its values or one of {', '.join(names)}"

    def convert(value: int | str) -> Any:
        if isinstance(value, str):
            if value not in names:
                raise Misfit(f"must be {says}, not {shown(value)}{did_you_mean(value, names)}")
            return names[value]
        try:
            return kind(value)
        except ValueError:
            raise must_be(says, value) from None

    return converting(kind.__name__, {int, str}, convert, says)
