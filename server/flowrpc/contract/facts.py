"""The fields of users' classes: dataclasses, TypedDicts, NamedTuples and pydantic's models."""

from __future__ import annotations

import dataclasses
import sys
import typing
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from flowrpc.component.conversion.annotations import (
    dataclass_fields,
    named_tuple_fields,
    typed_dict_fields,
)
from flowrpc.component.conversion.refusals import Unusable


class Fact(NamedTuple):
    """A field of a class."""

    name: str
    """As it is taken."""
    annotation: Any
    required: bool = True
    default: Any = ...
    """What stands for it where it is absent; `...`: nothing, or nobody knows."""
    attribute: str = ""
    """Its name in the class, where that is another."""
    sent_as: str = ""
    """Its name in what the app sends, where that is another than it is taken by."""


def facts_of(kind: Any) -> Iterable[Fact] | None:
    """Returns the fields of a class; None if it is none of those that have some."""
    if is_model(kind):
        return _model_fields(kind)
    if dataclasses.is_dataclass(kind):
        defaults = {one.name: _default(one.default, one.default_factory) for one in dataclasses.fields(kind)}
        return [Fact(*fact, defaults[fact[0]]) for fact in dataclass_fields(kind)]
    if typing.is_typeddict(kind):
        return [Fact(*fact) for fact in typed_dict_fields(kind)]
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        return [Fact(*fact, kind._field_defaults.get(fact[0], ...)) for fact in named_tuple_fields(kind)]
    return None


def is_model(kind: Any) -> bool:
    """Tells whether a class is a pydantic model."""
    return callable(getattr(kind, "model_validate", None))


def schema_in_model(kind: Any) -> Mapping[str, Any]:
    """Returns the JSON Schema of what has no fields but may be in a pydantic model: `HttpUrl`, say. Empty: it has none.

    pydantic is not imported here: who has a model has it.
    """
    try:
        found: Mapping[str, Any] = sys.modules["pydantic"].TypeAdapter(kind).json_schema(mode="serialization")
    except Exception:  # noqa: BLE001  # types may bring code of their own
        return {}
    return found


def takes_more(kind: Any) -> bool:
    """Tells whether a class takes fields that it does not have: a pydantic model does unless it forbids them."""
    config = getattr(kind, "model_config", None)
    return isinstance(config, dict) and config.get("extra") != "forbid"


def _model_fields(kind: Any) -> Iterable[Fact]:
    """Reads a pydantic model, which this room does not import: its fields go by alias, as its JSON does."""
    config: dict[str, Any] = getattr(kind, "model_config", {})
    for name, found in kind.model_fields.items():
        told = (found.description,) if found.description else ()
        annotation = found.annotation
        for mark in (*told, *found.metadata):
            annotation = typing.Annotated[annotation, mark]
        default = _default(found.default, found.default_factory or dataclasses.MISSING)
        taken = _taken(kind, name, found, config)
        sent = found.serialization_alias or name
        attribute, sent_as = ("" if one == taken else one for one in (name, sent))
        yield Fact(taken, annotation, found.is_required(), default, attribute, sent_as)


def _taken(kind: Any, name: str, found: Any, config: dict[str, Any]) -> str:
    """Says by which name a model takes a field: an alias, unless it goes by names alone.

    Raises:
        Unusable: By none, only by a path.
    """
    alias = found.validation_alias
    if alias is None or config.get("validate_by_alias") is False:
        return name
    choices = [alias] if isinstance(alias, str) else getattr(alias, "choices", ())
    by_name = [name] if config.get("populate_by_name") or config.get("validate_by_name") else []
    for one in (*choices, *by_name):
        if isinstance(one, str):
            return one
    instead = f"an AliasPath is no name: write AliasChoices({name!r}, AliasPath(...))"
    raise Unusable(found.annotation, instead).inside(f"{kind.__name__}.{name}")


def _default(value: Any, make: Any) -> Any:
    """Returns the default of a field; `...` if that takes more than making it to know."""
    if make is dataclasses.MISSING:
        return value
    try:
        return make()
    except Exception:  # noqa: BLE001  # a factory is user code, and only whether it makes something empty is asked
        return ...
