"""From annotations to shapes: the list of types of `component.conversion`, seen from protobuf."""

from __future__ import annotations

import dataclasses
import enum
import inspect
import json
import typing
from collections.abc import Collection, Iterable, Mapping, MutableMapping, MutableSequence, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path, PosixPath, PurePath, PurePosixPath
from types import NoneType, UnionType
from typing import Any, get_args, get_origin
from uuid import UUID

from flowrpc.component.conversion.annotations import check_keys, core
from flowrpc.component.conversion.refusals import NO_MEMBERS, Unusable, written
from flowrpc.component.conversion.results import plain
from flowrpc.contract import names
from flowrpc.contract.facts import Fact, facts_of, is_model, schema_in_model, takes_more
from flowrpc.contract.lowering import CHOICE
from flowrpc.contract.shape import (
    ANY,
    EnumShape,
    FieldShape,
    Known,
    KnownMessage,
    Leaf,
    ListOf,
    MapOf,
    Maybe,
    MessageShape,
    OneOf,
    Ref,
    Scalar,
    Shape,
    is_any,
    optional,
)
from flowrpc.errors import ContractError

_TEXT = Leaf(Scalar.STRING)

_WHOLE: dict[Any, Shape] = {
    Any: ANY,
    object: ANY,
    bool: Leaf(Scalar.BOOL),
    int: Leaf(Scalar.INT64),
    float: Leaf(Scalar.DOUBLE),
    str: _TEXT,
    bytes: Leaf(Scalar.BYTES),
    list: ListOf(ANY),
    tuple: ListOf(ANY),
    dict: MapOf(ANY),
    datetime: KnownMessage(Known.TIMESTAMP),
    timedelta: KnownMessage(Known.DURATION),
    date: Leaf(Scalar.STRING, "a date as ISO 8601 text such as 2026-03-01", "date"),
    time: Leaf(Scalar.STRING, "a time of day as ISO 8601 text such as 12:30:00", "time"),
    UUID: Leaf(Scalar.STRING, "a UUID as text", "uuid"),
    Decimal: Leaf(Scalar.STRING, "a decimal number as text such as 1.50", "decimal"),
    **dict.fromkeys(
        (Path, PosixPath, PurePath, PurePosixPath), Leaf(Scalar.STRING, "a path as text", "path")
    ),
}
"""Shapes of annotations that have no parts."""

_LISTS: tuple[Any, ...] = (list, Sequence, MutableSequence, Collection, Iterable)
_DICTS: tuple[Any, ...] = (dict, Mapping, MutableMapping)
_MEMBER_NAMES: dict[Any, str] = {
    Scalar.BOOL: "bool",
    Scalar.INT64: "int",
    Scalar.DOUBLE: "float",
    Scalar.STRING: "text",
    Scalar.BYTES: "bytes",
    Known.TIMESTAMP: "time",
    Known.DURATION: "duration",
    Known.VALUE: "value",
    Known.FIELD_MASK: "mask",
}
"""What a member of a union is called in the message that holds it."""
_SCALARS = {
    "boolean": Scalar.BOOL,
    "integer": Scalar.INT64,
    "number": Scalar.DOUBLE,
    "string": Scalar.STRING,
}
"""Scalars by the types of JSON Schema."""
_CONTAINER_NAMES: dict[type, str] = {ListOf: "list", MapOf: "map", OneOf: "value"}


@dataclasses.dataclass(frozen=True, slots=True)
class RenamedFrom:
    """Marks what had another name before, so that it keeps its number: `total: Annotated[int, RenamedFrom("sum")]`."""

    name: str


def mentions(annotation: Any, kinds: tuple[type, ...]) -> bool:
    """Tells whether a type has one of some classes in it: references to files, say, which travel as any value does."""
    annotation = core(annotation)
    if isinstance(annotation, type) and not get_args(annotation):
        return issubclass(annotation, kinds)
    return any(mentions(part, kinds) for part in get_args(annotation))


class Definitions:
    """Makes shapes of annotations, and collects the messages and enums that they need."""

    def __init__(self) -> None:
        self.messages: dict[str, MessageShape] = {}
        self.enums: dict[str, EnumShape] = {}
        self._owners: dict[str, Any] = {}
        self._in_model = False
        """Whether pydantic converts what is looked at, which knows more types than commands do."""

    def shape(self, annotation: Any, place: str, owner: str) -> Shape:
        """Makes the shape of an annotation whose forward references are resolved.

        Args:
            annotation: The annotation.
            place: Where it is, for messages to people.
            owner: Name for what is defined on its account and has none of its own, such as a Literal.

        Raises:
            ContractError: No value of the contract can be made of it.
        """
        try:
            return self._shape(annotation, place, owner)
        except Unusable as unusable:
            raise ContractError(place, f"is annotated with {unusable}") from None

    def fields(self, facts: Iterable[Fact], place: str, owner: str) -> tuple[FieldShape, ...]:
        """Makes the fields of a message."""
        made = tuple(self._of_fact(fact, place, owner) for fact in facts)
        names.check_distinct(((names.json_name(one.name), one.python_name) for one in made), place, "field")
        return made

    def _of_fact(self, fact: Fact, place: str, owner: str) -> FieldShape:
        # A field of protobuf has no dash: where the alias cannot be one, the attribute is.
        name = fact.name if names.is_usable(fact.name) or not fact.attribute else fact.attribute
        made = self.field(name, fact.annotation, place, owner, fact.required)
        made = replace(made, python_name=fact.name, attribute=fact.attribute, sent_as=fact.sent_as)
        return made if fact.required else optional(made, fact.default)

    def field(self, name: str, annotation: Any, place: str, owner: str, required: bool) -> FieldShape:
        """Makes one field."""
        place = f"{place}.{name}"
        marks = getattr(annotation, "__metadata__", ()) if get_origin(annotation) is typing.Annotated else ()
        before = next((mark.name for mark in marks if isinstance(mark, RenamedFrom)), "")
        return FieldShape(
            name=names.snake(name, place),
            python_name=name,
            # A type without a name is named after its field: as it was before, or a rename would change the type.
            shape=self.shape(annotation, place, owner + names.camel(before or name, place)),
            help=next((mark for mark in marks if isinstance(mark, str)), ""),
            required=required,
            renamed_from=names.snake(before, place) if before else "",
        )

    def define(self, message: MessageShape, kind: Any) -> Ref:
        """Adds a message; two types of one name are refused."""
        self._claim(message.name, kind, message.source)
        self.messages[message.name] = message
        return Ref(message.name)

    # One annotation

    def _shape(self, annotation: Any, place: str, owner: str) -> Shape:
        annotation = core(annotation)
        try:
            if annotation in _WHOLE:
                return _WHOLE[annotation]
        except TypeError:
            raise Unusable(annotation) from None
        if annotation in (None, NoneType):
            return Maybe(KnownMessage(Known.VALUE, format="None"))
        if (
            isinstance(annotation, type)
            and get_origin(annotation) is None
            and annotation not in _LISTS + _DICTS
        ):
            return self._class(annotation, place)
        return self._parted(annotation, place, owner)

    def _parted(self, annotation: Any, place: str, owner: str) -> Shape:
        origin, parts = get_origin(annotation) or annotation, get_args(annotation)
        if origin in (typing.Union, UnionType):
            return self._union(parts, place, owner)
        if origin is typing.Literal:
            return self._literal(parts, place, owner)
        if origin is tuple:
            return self._tuple(parts, place, owner)
        if origin in _LISTS:
            return ListOf(self._shape(parts[0], place, owner) if parts else ANY)
        if origin in _DICTS:
            check_keys(annotation, parts)
            return MapOf(self._shape(parts[1], place, owner) if parts else ANY)
        raise Unusable(annotation)

    def _tuple(self, parts: tuple[Any, ...], place: str, owner: str) -> Shape:
        if len(parts) == 2 and parts[1] is Ellipsis:
            return ListOf(self._shape(parts[0], place, owner))
        facts = [Fact(f"item_{number}", part) for number, part in enumerate(parts, 1)]
        return self._anonymous(owner, place, facts)

    def _anonymous(self, owner: str, place: str, facts: list[Fact]) -> Ref:
        message = MessageShape(
            name=owner, source=place, fields=self.fields(facts, place, owner), is_tuple=True
        )
        return self.define(message, place)

    def _union(self, parts: tuple[Any, ...], place: str, owner: str) -> Shape:
        members = [part for part in parts if core(part) not in (None, NoneType)]
        shapes = [self._shape(part, place, f"{owner}{number or ''}") for number, part in enumerate(members)]
        shape = _one_of(shapes, place)
        if is_any(shape):
            whole = ANY in shapes or any(core(part) in (Any, object) for part in members)
            return ANY if whole else KnownMessage(Known.VALUE, format=" | ".join(map(written, parts)))
        return shape if len(members) == len(parts) else Maybe(shape)

    def _literal(self, choices: tuple[Any, ...], place: str, owner: str) -> Shape:
        values = [plain(choice) for choice in choices]
        given = [value for value in values if value is not None]
        if not given or not all(isinstance(value, str) for value in given):
            shape: Shape = _chosen(given)
        else:
            shape = self._enum(owner, place, [(value, value) for value in given], place)
            if isinstance(shape, Ref):
                self._claim(owner, ("Literal", *given), place)
        return shape if len(given) == len(values) else Maybe(shape)

    def _class(self, kind: Any, place: str) -> Shape:
        name = names.camel(kind.__name__, place)
        if name in self.messages and self._owners[name] is kind:
            return Ref(name)
        if issubclass(kind, enum.Enum):
            return self._enum_class(kind, name, place)
        facts = facts_of(kind)
        if facts is None:
            return self._known_to_pydantic(kind)
        source = f"{kind.__module__}.{kind.__qualname__}"
        self.define(
            MessageShape(name=name, source=source), kind
        )  # a type that holds itself meets its own name
        outside, self._in_model = self._in_model, is_model(kind)
        try:
            fields = self.fields(facts, kind.__name__, name)
        except BaseException:
            del self.messages[name]
            raise
        finally:
            self._in_model = outside
        self.messages[name] = MessageShape(
            name=name,
            source=source,
            fields=fields,
            help=_help(kind),
            is_tuple=issubclass(kind, tuple),
            is_open=takes_more(kind),
        )
        return Ref(name)

    def _known_to_pydantic(self, kind: Any) -> Shape:
        """Makes the shape of a type without fields: as JSON has it, if pydantic makes that of it."""
        schema = schema_in_model(kind) if self._in_model else {}
        scalar = _SCALARS.get(schema.get("type", ""))
        if scalar is None:
            raise Unusable(kind)
        return Leaf(scalar, f"{kind.__name__}, as pydantic reads it from JSON")

    # Enums

    def _enum_class(self, kind: Any, name: str, place: str) -> Shape:
        if not kind.__members__:
            raise Unusable(kind, NO_MEMBERS)
        if issubclass(kind, enum.Flag):
            bits = tuple(f"{one.name}={one.value}" for one in kind)
            return Leaf(Scalar.INT64, f"the sum of values of {kind.__name__}", "flag", bits)
        members = [(member.name, plain(member)) for member in kind]
        self._claim(name, kind, f"{kind.__module__}.{kind.__qualname__}")
        return self._enum(name, f"{kind.__module__}.{kind.__qualname__}", members, place, _help(kind))

    def _enum(
        self, name: str, source: str, members: list[tuple[str, Any]], place: str, text: str = ""
    ) -> Shape:
        try:
            values = tuple((names.shout(member, place), value) for member, value in members)
        except ContractError:
            if all(isinstance(value, str) for _, value in members):
                return _chosen([value for _, value in members])
            raise
        names.check_distinct(
            ((one, str(member)) for (one, _), (member, _) in zip(values, members, strict=True)),
            place,
            "value",
        )
        self.enums[name] = EnumShape(name=name, source=source, values=values, help=text)
        return Ref(name, is_enum=True)

    def _claim(self, name: str, kind: Any, source: str) -> None:
        """Takes a name for a type.

        Raises:
            ContractError: Another type has it.
        """
        other = self._owners.setdefault(name, kind)
        if other is not kind and other != kind:
            taken = self.messages.get(name) or self.enums.get(name)
            raise ContractError(
                source, f"and {taken.source if taken else other} are both {name} in the contract; rename one"
            )


def _chosen(values: list[Any]) -> Shape:
    """Makes the shape of what is one of some plain values that have no names."""
    choices = tuple(json.dumps(value, ensure_ascii=False) for value in values)
    told = "one of " + ", ".join(repr(value) for value in values)
    kinds = {type(value) for value in values}
    shape = _WHOLE.get(kinds.pop()) if len(kinds) == 1 else None
    if isinstance(shape, Leaf):
        return replace(shape, notation=told, format="choice", choices=choices)
    return KnownMessage(Known.VALUE, format="choice", choices=choices)


def _one_of(shapes: list[Shape], place: str) -> Shape:
    """Makes a union: of what is one shape anyway, that shape; of what holds anything, anything."""
    distinct = list(dict.fromkeys(shapes))
    if any(is_any(one) for one in distinct):
        return ANY
    if len(distinct) == 1:
        return distinct[0]
    members = tuple((_member_name(shape, place), shape) for shape in distinct)
    if len({name for name, _ in members}) < len(members):
        return ANY  # two kinds of lists, say: protobuf has no names for them
    return OneOf(members)


def _member_name(shape: Shape, place: str) -> str:
    match shape:
        case Leaf(scalar=kind) | KnownMessage(message=kind):
            return _MEMBER_NAMES[kind]
        case Ref(name=name):
            member = names.snake(name, place)
            return member if member != CHOICE else f"a_{member}"  # it is what they are members of
        case Maybe(item=item):
            return _member_name(item, place)
        case _:
            return _CONTAINER_NAMES[type(shape)]


def _help(kind: type) -> str:
    """Returns what a class says of itself, not what Python wrote for it or its base says."""
    text = vars(kind).get("__doc__") or ""
    return "" if text.startswith(kind.__name__ + "(") else inspect.cleandoc(text)
