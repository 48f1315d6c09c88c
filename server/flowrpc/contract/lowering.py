"""From shapes to protobuf: what a field is, and which messages wrap what protobuf cannot say by itself.

A list in a list, a list that may be None and a union need a message of their own. It is named by what it holds
(`ListOfInt`, `IntOrText`), so that it is the same wherever it is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from flowrpc.contract.shape import (
    Contract,
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
)
from flowrpc.errors import ContractError


class Label(Enum):
    """How often a field is there."""

    OPTIONAL = "optional"
    """Once or not at all, and that can be told: scalars and enums."""
    SINGULAR = ""
    """Once or not at all: messages, which can always be told, and members of a oneof."""
    REPEATED = "repeated"
    MAP = "map"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtoField:
    """A field as protobuf has it, but for its number."""

    name: str
    python_name: str
    type: Scalar | Known | Ref
    label: Label
    oneof: str = ""
    """Name of the oneof that it is a member of; empty: of none."""
    help: str = ""
    required: bool = False
    """Whether a message without it is refused."""
    renamed_from: str = ""
    format: str = ""
    """What its type alone does not say of what it holds: `uuid`; another one is another type."""
    choices: tuple[str, ...] = ()
    """What it may be, as JSON; empty: anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtoMessage:
    """A message as protobuf has it, but for its numbers."""

    name: str
    source: str
    fields: tuple[ProtoField, ...]
    help: str = ""


def lowered(contract: Contract) -> dict[str, ProtoMessage]:
    """Makes the messages of a contract and those that wrap, by name, in the order of their definition.

    Raises:
        ContractError: A type of the app has the name of a message that wraps.
    """
    lowering = _Lowering(contract)
    own = {name: lowering.message(shape) for name, shape in contract.messages.items()}
    return own | lowering.wrappers


def wrapper_name(shape: Shape) -> str:
    """Names the message that wraps a shape, by what it holds."""
    match shape:
        case Leaf(scalar=kind) | KnownMessage(message=kind):
            return _WORDS[kind]
        case Ref(name=name):
            return name
        case OneOf(members=members):
            return "Or".join(wrapper_name(member) for _, member in members)
        case ListOf(item=item) | MapOf(item=item) | Maybe(item=item):
            return _PREFIXES[type(shape)] + wrapper_name(item)


_PREFIXES: dict[type, str] = {ListOf: "ListOf", MapOf: "MapOf", Maybe: "Maybe"}
_WORDS: dict[Scalar | Known, str] = {
    Scalar.BOOL: "Bool",
    Scalar.INT64: "Int",
    Scalar.DOUBLE: "Float",
    Scalar.STRING: "Text",
    Scalar.BYTES: "Bytes",
    Known.TIMESTAMP: "Time",
    Known.DURATION: "Duration",
    Known.VALUE: "Value",
    Known.FIELD_MASK: "FieldMask",
}

ITEMS = "items"
"""The field of a message that wraps a list or a map."""
ITEM = "item"
"""The field of a message that wraps what may be None inside a list or a map."""
CHOICE = "choice"
"""The oneof of a message that wraps a union."""


class _Lowering:
    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self.wrappers: dict[str, ProtoMessage] = {}

    def message(self, shape: MessageShape) -> ProtoMessage:
        fields = tuple(self._field(one) for one in shape.fields)
        return ProtoMessage(name=shape.name, source=shape.source, fields=fields, help=shape.help)

    def _field(self, field: FieldShape) -> ProtoField:
        kind, label = self._placed(field.shape)
        return ProtoField(
            name=field.name,
            python_name=field.python_name,
            type=kind,
            label=label,
            help=_told(field),
            required=field.required and not isinstance(field.shape, ListOf | MapOf | Maybe),
            renamed_from=field.renamed_from,
            format=" ".join(filter(None, ["rest" if field.is_rest else "", _format(field.shape)])),
            choices=tuple(sorted({one for leaf in _leaves(field.shape) for one in leaf.choices})),
        )

    def _placed(self, shape: Shape) -> tuple[Scalar | Known | Ref, Label]:
        """Says what a field of a shape is."""
        match shape:
            case ListOf(item=item):
                return self._single(item), Label.REPEATED
            case MapOf(item=item):
                return self._single(item), Label.MAP
            case Maybe(item=ListOf() | MapOf() | Maybe() as item):
                return self._wrapped(item), Label.SINGULAR
            case Maybe(item=item):
                return self._placed(item)
        kind = self._single(shape)
        alone = isinstance(kind, Scalar) or (isinstance(kind, Ref) and kind.is_enum)
        return kind, Label.OPTIONAL if alone else Label.SINGULAR

    def _single(self, shape: Shape) -> Scalar | Known | Ref:
        """Says what one value of a shape is, where there is neither `optional` nor `repeated`."""
        match shape:
            case Leaf(scalar=scalar):
                return scalar
            case KnownMessage(message=message):
                return message
            case Ref():
                return shape
            case _:
                return self._wrapped(shape)

    def _wrapped(self, shape: Shape) -> Ref:
        name = wrapper_name(shape)
        if name in self._contract.messages or name in self._contract.enums:
            source = (self._contract.messages.get(name) or self._contract.enums[name]).source
            raise ContractError(
                source,
                f"has the name of a message that the contract needs for a {_WHAT[type(shape)]}; rename it",
            )
        made = self._wrapper(name, shape)
        if self.wrappers.setdefault(name, made).fields != made.fields:
            raise ContractError(
                name,
                "would be the name of two messages that the contract needs; "
                "give one of the types a name, as the field of a dataclass",
            )
        return Ref(name)

    def _wrapper(self, name: str, shape: Shape) -> ProtoMessage:
        text = f"A {_WHAT[type(shape)]}, where protobuf needs a message for one."
        if isinstance(shape, OneOf):
            fields = tuple(
                ProtoField(
                    name=member,
                    python_name=member,
                    type=self._single(part),
                    label=Label.SINGULAR,
                    oneof=CHOICE,
                )
                for member, part in shape.members
            )
            return ProtoMessage(name=name, source="", fields=fields, help=text)
        kind, label = self._placed(shape)
        field = ITEM if isinstance(shape, Maybe) else ITEMS
        only = ProtoField(name=field, python_name=field, type=kind, label=label)
        return ProtoMessage(name=name, source="", fields=(only,), help=text)


_WHAT: dict[type, str] = {
    ListOf: "list",
    MapOf: "map",
    Maybe: "value that may be absent",
    OneOf: "choice between types",
}


def _told(field: FieldShape) -> str:
    """Says what a field is, how its text is written, and what stands for it when it is absent."""
    parts = [field.help or f"`{field.python_name}`.", _notation(field.shape)]
    if field.default:
        parts.append(f"Absent: {field.default}.")
    return " ".join(filter(None, parts))


def _leaves(shape: Shape) -> Iterator[Leaf | KnownMessage]:
    """Goes through what a shape holds in the end, but for messages of their own."""
    match shape:
        case Leaf() | KnownMessage():
            yield shape
        case Maybe(item=item) | ListOf(item=item) | MapOf(item=item):
            yield from _leaves(item)
        case OneOf(members=members):
            for _, member in members:
                yield from _leaves(member)


def _format(shape: Shape) -> str:
    found = [leaf.format for leaf in _leaves(shape)]
    return " ".join(one or "-" for one in found) if any(found) else ""


def _notation(shape: Shape) -> str:
    """Says how a text is to be written, if there is more to say than that it is one."""
    match shape:
        case Leaf(notation=notation) if notation:
            return f"Is {notation}."
        case Maybe(item=item) | ListOf(item=item) | MapOf(item=item):
            return _notation(item)
    return ""
