"""Annotations, and which converters they stand for."""

from __future__ import annotations

import dataclasses
import enum
import typing
from collections.abc import Callable, Collection, Iterable, Mapping, MutableMapping, MutableSequence, Sequence
from types import NoneType, UnionType
from typing import Any, get_args, get_origin

from flowrpc.component.conversion import converter as scalars
from flowrpc.component.conversion.choices import enum_of, literal
from flowrpc.component.conversion.containers import dict_of, fixed_tuple, list_of, tuple_of, union
from flowrpc.component.conversion.converter import Converter
from flowrpc.component.conversion.notations import NOTATIONS
from flowrpc.component.conversion.refusals import NO_MEMBERS, Unusable, unresolved, written
from flowrpc.component.conversion.shapes import Field, from_fields, model, named_tuple

_WHOLE: dict[Any, Converter] = {
    Any: scalars.ANY,
    object: scalars.ANY,
    None: scalars.NONE,
    NoneType: scalars.NONE,
    bool: scalars.BOOL,
    int: scalars.INT,
    float: scalars.FLOAT,
    str: scalars.STR,
    list: scalars.LIST,
    dict: scalars.DICT,
    tuple: tuple_of(scalars.ANY)._replace(name="tuple"),
    **NOTATIONS,
}
"""Converters of annotations that have no parts."""

_LISTS: tuple[Any, ...] = (list, Sequence, MutableSequence, Collection, Iterable)
_DICTS: tuple[Any, ...] = (dict, Mapping, MutableMapping)
_BARE = (*_LISTS, *_DICTS)
"""What may stand without parts though it is no class of things."""
_QUALIFIERS = tuple(
    getattr(typing, name) for name in ("Required", "NotRequired", "ReadOnly") if hasattr(typing, name)
)


def converter_of(annotation: Any) -> Converter:
    """Makes the converter of an annotation, whose forward references are resolved.

    Raises:
        Unusable: No value can be made into that.
    """
    return _Making().of(annotation)


class _Making:
    """Makes one converter; types that hold themselves meet their own, half made."""

    def __init__(self) -> None:
        self._begun: dict[Any, Converter] = {}

    def of(self, annotation: Any) -> Converter:
        annotation = core(annotation)
        try:
            if annotation in _WHOLE:
                return _WHOLE[annotation]
        except TypeError:  # Callable[[], None] of old and the like cannot be hashed
            raise Unusable(annotation) from None
        if isinstance(annotation, type) and get_origin(annotation) is None and annotation not in _BARE:
            return self._class(annotation)
        return self._parted(annotation, get_origin(annotation) or annotation, get_args(annotation))

    def _parted(self, annotation: Any, origin: Any, parts: tuple[Any, ...]) -> Converter:
        if origin in (typing.Union, UnionType):
            return union([self.of(part) for part in parts])
        if origin is typing.Literal:
            return literal(written(annotation), parts)
        if origin is tuple:
            return self._tuple(parts)
        if origin in _LISTS:
            return list_of(self.of(parts[0])) if parts else scalars.LIST
        if origin in _DICTS:
            return self._dict(annotation, parts) if parts else scalars.DICT
        raise Unusable(annotation)

    def _tuple(self, parts: tuple[Any, ...]) -> Converter:
        if len(parts) == 2 and parts[1] is Ellipsis:
            return tuple_of(self.of(parts[0]))
        return fixed_tuple([self.of(part) for part in parts])

    def _dict(self, annotation: Any, parts: tuple[Any, ...]) -> Converter:
        check_keys(annotation, parts)
        return dict_of(self.of(parts[1]))

    def _class(self, kind: Any) -> Converter:
        if kind in self._begun:
            return self._begun[kind]
        if issubclass(kind, enum.Enum):
            if not kind.__members__:
                raise Unusable(kind, NO_MEMBERS)
            return enum_of(kind)
        if callable(getattr(kind, "model_validate", None)):
            return model(kind)
        if dataclasses.is_dataclass(kind):
            return self._fields(kind, from_fields, dataclass_fields(kind))
        if typing.is_typeddict(kind):
            return self._fields(kind, from_fields, typed_dict_fields(kind))
        if issubclass(kind, tuple) and hasattr(kind, "_fields"):
            return self._fields(kind, named_tuple, named_tuple_fields(kind))
        raise Unusable(kind)

    def _fields(
        self,
        kind: Any,
        make: Callable[[type, dict[str, Field]], Converter],
        facts: Iterable[tuple[str, Any, bool]],
    ) -> Converter:
        fields: dict[str, Field] = {}
        self._begun[kind] = made = make(kind, fields)
        for name, annotation, required in facts:
            try:
                fields[name] = Field(self.of(annotation), required)
            except Unusable as unusable:
                raise unusable.inside(f"{kind.__name__}.{name}") from None
        return made


def check_keys(annotation: Any, parts: tuple[Any, ...]) -> None:
    """Refuses a dict whose keys are no text.

    Raises:
        Unusable: It is one.
    """
    if parts and core(parts[0]) not in (str, Any):
        raise Unusable(annotation, f"keys travel as text: write dict[str, {written(parts[1])}]")


def core(annotation: Any) -> Any:
    """Takes off what says nothing of the value: Annotated, Required, NewType, names of types."""
    while True:
        origin = get_origin(annotation)
        if origin is typing.Annotated or origin in _QUALIFIERS:
            annotation = get_args(annotation)[0]
        elif isinstance(annotation, typing.NewType):
            annotation = annotation.__supertype__
        elif type(annotation).__name__ == "TypeAliasType":  # Python 3.12: type Names = list[str]
            annotation = annotation.__value__
        else:
            return annotation


def _hints(kind: Any) -> dict[str, Any]:
    try:
        return typing.get_type_hints(kind, include_extras=True)
    except Exception as error:  # annotations are user code
        raise Unusable(kind, unresolved(error)) from error


def dataclass_fields(kind: Any) -> Iterable[tuple[str, Any, bool]]:
    """Returns name, annotation and whether it is required, of each field of a dataclass."""
    hints = _hints(kind)
    for field in dataclasses.fields(kind):
        if field.init:
            required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
            yield field.name, hints[field.name], required


def typed_dict_fields(kind: Any) -> Iterable[tuple[str, Any, bool]]:
    """Returns the same of a TypedDict."""
    for name, annotation in _hints(kind).items():
        # Postponed annotations hide Required and NotRequired from TypedDict itself.
        marks = {typing.Required: True, typing.NotRequired: False}
        yield name, annotation, marks.get(get_origin(annotation), name in kind.__required_keys__)


def named_tuple_fields(kind: Any) -> Iterable[tuple[str, Any, bool]]:
    """Returns the same of a NamedTuple."""
    hints = _hints(kind)
    for name in kind._fields:
        yield name, hints.get(name, Any), name not in kind._field_defaults
