"""Shapes: what the values of an app's contract look like, between Python's types and protobuf's."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from keyword import iskeyword
from typing import Any


class Scalar(Enum):
    """The protobuf types without parts that contracts use."""

    BOOL = "bool"
    INT64 = "int64"
    DOUBLE = "double"
    STRING = "string"
    BYTES = "bytes"


class Known(Enum):
    """Messages that every protobuf library brings, and flowrpc's own value."""

    TIMESTAMP = "google.protobuf.Timestamp"
    DURATION = "google.protobuf.Duration"
    VALUE = "flowrpc.v1.Value"
    FIELD_MASK = "google.protobuf.FieldMask"


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value without parts."""

    scalar: Scalar
    notation: str = ""
    """What a text means, for people: `UUID`, `date as ISO 8601 text`; empty: nothing but itself."""
    format: str = ""
    """The same for programs, as JSON Schema says it where it can: `uuid`, `date`; another one is another type."""
    choices: tuple[str, ...] = ()
    """What it may be, as JSON; empty: anything."""


@dataclass(frozen=True, slots=True)
class KnownMessage:
    """A value of a message that is defined elsewhere."""

    message: Known
    format: str = ""
    """What it may hold where that is less than everything, as Python writes it."""
    choices: tuple[str, ...] = ()
    """What it may be, as JSON; empty: anything."""


@dataclass(frozen=True, slots=True)
class Ref:
    """A value of a message or enum of the contract, by name. A type that holds itself refers to itself."""

    name: str
    is_enum: bool = False


@dataclass(frozen=True, slots=True)
class ListOf:
    """Values in order."""

    item: Shape


@dataclass(frozen=True, slots=True)
class MapOf:
    """Values by text; without order, as protobuf's maps are."""

    item: Shape


@dataclass(frozen=True, slots=True)
class Maybe:
    """A value or None. None is that nothing is set, so what cannot be unset by itself is wrapped in a message.

    One in another one is a value, None, or nothing at all.
    """

    item: Shape


@dataclass(frozen=True, slots=True)
class OneOf:
    """A value of one of several shapes, each with a name in the message that holds them."""

    members: tuple[tuple[str, Shape], ...]


Shape = Leaf | KnownMessage | Ref | ListOf | MapOf | Maybe | OneOf

ANY = KnownMessage(Known.VALUE)
"""What has no type, or one that protobuf cannot express: flowrpc's own value."""


def is_any(shape: Shape) -> bool:
    """Tells whether a shape is flowrpc's own value, whatever may be in it."""
    return isinstance(shape, KnownMessage) and shape.message is Known.VALUE


def absent_or(shape: Shape, default: Any) -> Shape:
    """Lets a field be absent where that means another thing than None or empty, of which nobody could tell it else.

    Args:
        shape: What the field holds.
        default: What stands for it in Python where it is absent; `...` if that is nothing at all.
    """
    if is_any(shape) or (default is None and isinstance(shape, Maybe)):
        return shape
    if isinstance(shape, Maybe):
        return Maybe(shape)
    lost = default is None or (bool(default) and isinstance(shape, ListOf | MapOf))
    return Maybe(shape) if lost else shape


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldShape:
    """A field of a message."""

    name: str
    """As it is in protobuf: lower_snake_case."""
    python_name: str
    """As it is in Python, which may write it otherwise, and in the JSON that the app takes."""
    attribute: str = ""
    """Its name in the class of a pydantic model, where that is another than its alias; empty: the same."""
    sent_as: str = ""
    """Its name in the JSON that the app sends, where that is another than it takes; empty: the same."""
    shape: Shape
    help: str = ""
    required: bool = False
    """Whether a request without it is refused."""
    default: str = ""
    """What stands for it in a request without it, for people; empty: nothing to tell."""
    renamed_from: str = ""
    """Name that it had before, by which the lock knows its number."""
    is_rest: bool = False
    """Whether it takes every argument that has no parameter of its own (`**rest`)."""
    value: Shape | None = None
    """What it holds where it is there, if that is not what `shape` says, which lets it be absent too."""
    is_var: bool = True
    """Whether it is a var, if it is in a state; else it is a component below a flow, or the run of a work."""

    @property
    def sent_name(self) -> str:
        """Its name in the JSON that the app sends."""
        return self.sent_as or self.python_name

    @property
    def identifier(self) -> str:
        """Its name in Python code that is generated: an alias may be none, or a keyword."""
        usable = self.python_name.isidentifier() and not iskeyword(self.python_name)
        return self.python_name if usable else self.attribute or f"{self.name}_"


def optional(field: FieldShape, default: Any) -> FieldShape:
    """Lets a field be absent; the default is as for `absent_or`, and None may be written out where it is that."""
    value = Maybe(field.shape) if default is None and not is_any(field.shape) else field.shape
    return replace(field, shape=absent_or(field.shape, default), value=value)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageShape:
    """A message."""

    name: str
    source: str
    """The Python type that it is made of, for messages to people: `shop.Order`."""
    fields: tuple[FieldShape, ...] = ()
    help: str = ""
    is_tuple: bool = False
    """Whether Python has it as a tuple, a value without names."""
    is_open: bool = False
    """Whether Python takes more fields than these."""

    def keys(self, field: FieldShape) -> tuple[str, ...]:
        """Returns the names by which a value of this type may hold a field, the usual one first.

        A command's result goes by alias, but a var holds what users put there: by attribute, too, where that is no
        other field's name.
        """
        usual = {one.sent_name for one in self.fields}
        others = (one for one in (field.attribute, field.python_name) if one and one not in usual)
        return tuple(dict.fromkeys((field.sent_name, *others)))


@dataclass(frozen=True, slots=True, kw_only=True)
class EnumShape:
    """A choice of named values."""

    name: str
    source: str
    values: tuple[tuple[str, Any], ...]
    """Name in protobuf, without the prefix, and plain value in Python."""
    help: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodShape:
    """A method of a service: a command of the app, or a look at the state."""

    name: str
    """As it is in protobuf: UpperCamelCase."""
    command: str
    """The command's qualified name; empty for GetState and WatchState."""
    request: str
    response: str
    help: str = ""
    streams: bool = False
    """Whether it answers with a stream."""
    rest: str = ""
    """Name of the parameter that takes every other argument (`**rest`); empty if there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceShape:
    """A service: a flow that has commands."""

    name: str
    flow: str
    """Full name of the flow."""
    methods: tuple[MethodShape, ...]
    help: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """Everything that an app offers, without numbers."""

    package: str
    messages: dict[str, MessageShape] = field(default_factory=dict)
    enums: dict[str, EnumShape] = field(default_factory=dict)
    services: dict[str, ServiceShape] = field(default_factory=dict)
    unread: tuple[str, ...] = ()
    """Which annotations of vars could not be read, and why, for people."""
