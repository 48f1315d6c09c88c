"""What a server of predictions takes and gives: types to begin with, and which types can be served at all."""

from __future__ import annotations

import dataclasses
import sys
import typing
from collections.abc import Callable
from typing import Any


@dataclasses.dataclass
class DefaultInput:
    """Is what a server takes that says nothing else: `{"payload": "…"}`."""

    payload: str


@dataclasses.dataclass
class DefaultOutput:
    """Is what a server gives that says nothing else: `{"prediction": "…"}`."""

    prediction: str


@dataclasses.dataclass
class Image:
    """Is a picture."""

    image: str | None
    """The file, in base64."""


@dataclasses.dataclass
class Category:
    """Is the class that something belongs to."""

    category: int | None


@dataclasses.dataclass
class Text:
    """Is a text."""

    text: str | None


@dataclasses.dataclass
class Number:
    """Is a number."""

    prediction: int | None


def chosen_types(
    predict: Callable[..., Any], input_type: type | None, output_type: type | None, place: str
) -> tuple[Any, Any]:
    """Returns what is taken and given: what was said, else what `predict` is annotated with, else the defaults.

    Raises:
        TypeError: It is nothing that can be served, or an annotation cannot be read.
    """
    taken, given = _annotated(predict, place) if input_type is None or output_type is None else (None, None)
    return (
        _checked(input_type or taken or DefaultInput, f"{place} input_type"),
        _checked(output_type or given or DefaultOutput, f"{place} output_type"),
    )


def _annotated(predict: Callable[..., Any], place: str) -> tuple[Any, Any]:
    try:
        hints = typing.get_type_hints(predict)
    except Exception as error:
        raise TypeError(f"{place}: the annotations of predict cannot be read: {error}") from error
    given = hints.pop("return", None)
    return _said(next(iter(hints.values()), None)), _said(given)


def _said(kind: Any) -> Any:
    return None if kind in (Any, type(None)) else kind


def _checked(kind: Any, place: str) -> Any:
    if kind is dict or typing.get_origin(kind) is dict:
        return dict[str, Any]
    if isinstance(kind, type) and (dataclasses.is_dataclass(kind) or _is_model(kind)):
        return kind
    name = getattr(kind, "__name__", repr(kind))
    raise TypeError(f"{place} is {name}; give a pydantic model, a dataclass, or dict for any JSON object")


def _is_model(kind: type) -> bool:
    pydantic = sys.modules.get("pydantic")  # whoever has a model has imported it
    return pydantic is not None and issubclass(kind, pydantic.BaseModel)
