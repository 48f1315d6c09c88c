"""Converters of objects with named fields: dataclasses, TypedDicts, NamedTuples and models."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from flowrpc.component.conversion.converter import PLAIN, Converter, Misfit, converting, did_you_mean
from flowrpc.state import Value


class Field(NamedTuple):
    """A field of an object."""

    converter: Converter
    required: bool


Fields = Mapping[str, Field]
"""Fields by name. Those of a type that holds itself are known only after its converter was made."""


def from_fields(kind: type, fields: Fields) -> Converter:
    """Makes the converter of a dataclass or TypedDict: a dict with its fields."""
    return converting(kind.__name__, {dict}, lambda value: made(kind, _named(value, fields)))


def named_tuple(kind: type, fields: Fields) -> Converter:
    """Makes the converter of a NamedTuple: a list in the order of its fields, or a dict of them."""

    def convert(value: list[Value] | dict[str, Value]) -> Any:
        if isinstance(value, dict):
            return made(kind, _named(value, fields))
        if len(value) > len(fields):
            raise Misfit(f"has {len(value)} items; it has {', '.join(fields)}")
        return made(kind, _named(dict(zip(fields, value, strict=False)), fields))

    return converting(kind.__name__, {list, dict}, convert, f"{kind.__name__} as list or dict")


def model(kind: Any) -> Converter:
    """Makes the converter of a class that brings its own, `model_validate`, as those of pydantic do."""

    def convert(value: Value) -> Any:
        try:
            return kind.model_validate(value)
        except Exception as error:  # validators are user code; its errors are the caller's
            raise _model_misfit(kind, error) from error

    return Converter(kind.__name__, frozenset(), PLAIN, convert)


def made(make: Callable[..., Any], fields: dict[str, Any]) -> Any:
    """Calls a constructor.

    Raises:
        Misfit: It raises, which is how user code refuses a value.
    """
    try:
        return make(**fields)
    except Exception as error:  # a constructor is user code
        raise _refused_by(make, error) from error


def _named(value: dict[str, Value], fields: Fields) -> dict[str, Any]:
    for name in value:
        if name not in fields:
            known = ", ".join(fields) or "none"
            raise Misfit(
                f"has a field {name[:60]!r} that is not known{did_you_mean(name, fields)}; known are {known}"
            )
    for name, field in fields.items():
        if field.required and name not in value:
            raise Misfit(f"lacks the field {name!r}")
    return {name: fields[name].converter.take_at(f".{name}", part) for name, part in value.items()}


def _refused_by(make: Callable[..., Any], error: Exception) -> Misfit:
    name = getattr(make, "__name__", str(make))
    return Misfit(f"is refused by {name}: {str(error) or type(error).__name__}")


def _model_misfit(kind: Any, error: Exception) -> Misfit:
    """Says the first of what pydantic lists, at its place; other errors as they are."""
    listing = getattr(error, "errors", None)
    problems: Any = listing() if callable(listing) else None
    if not problems:
        return _refused_by(kind, error)
    first, others = problems[0], len(problems) - 1
    more = f" (and {others} more)" if others else ""
    misfit = Misfit(f"is refused by {kind.__name__}: {first['msg']}{more}")
    for step in reversed(first["loc"]):
        misfit.inside(f"[{step}]" if isinstance(step, int) else f".{step}")
    return misfit
