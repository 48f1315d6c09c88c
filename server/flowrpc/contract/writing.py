"""From plain values to messages of a contract: made once for each message, run for each answer."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flowrpc.component.conversion.converter import shown
from flowrpc.contract.lock import Lock
from flowrpc.contract.lowering import ITEM, ITEMS
from flowrpc.contract.shape import (
    Contract,
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
from flowrpc.state.canonical import canonical_bytes
from flowrpc.wire.values import INT64_MAX, INT64_MIN, fill_value

Write = Callable[[Any, str, Any], None]
"""Writes a plain value into the field of that name of a message."""


class Unwritable(Exception):
    """Tells that a value does not fit the contract; the place is put together on the way out."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.path = ""

    def inside(self, step: str) -> Unwritable:
        """Notes the attribute, item or key that holds it, the innermost first; returns itself."""
        self.path = step + self.path
        return self


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    keys: tuple[str, ...]
    """Its names in what is written, the usual one first."""
    write: Write


class MessageWriter:
    """Writes dicts by Python's names, or the lists that tuples are, into messages of one type."""

    def __init__(self, shape: MessageShape) -> None:
        self._shape = shape
        self._fields: tuple[_Field, ...] = ()

    def compile(self, writers: Writers) -> None:
        """Makes the writers of its fields, when those of all messages are known."""
        self._fields = tuple(
            _Field(one.name, self._shape.keys(one), writers.of_field(one.shape)) for one in self._shape.fields
        )

    def __call__(self, message: Any, value: Any) -> None:
        """Fills a message.

        Raises:
            Unwritable: The value is none of this type, or something in it does not fit.
        """
        if self._shape.is_tuple and isinstance(value, list):
            value = dict(zip((one.keys[0] for one in self._fields), value, strict=False))
        if not isinstance(value, Mapping):
            raise Unwritable(f"is no {self._shape.name} but {shown(value)}")
        message.SetInParent()
        for field in self._fields:
            for key in field.keys:
                if key in value:
                    try:
                        field.write(message, field.name, value[key])
                    except Unwritable as error:
                        raise error.inside(f".{key}") from None
                    break


class Writers:
    """The writers of all messages of a contract."""

    def __init__(self, contract: Contract, lock: Lock) -> None:
        self._enums = {
            name: {
                canonical_bytes(value): lock.enums[name].values[value_name]
                for value_name, value in enum.values
            }
            for name, enum in contract.enums.items()
        }
        self._messages = {name: MessageWriter(shape) for name, shape in contract.messages.items()}
        for writer in self._messages.values():
            writer.compile(self)

    def of_message(self, name: str) -> MessageWriter:
        """Returns the writer of a message."""
        return self._messages[name]

    def of_field(self, shape: Shape) -> Write:
        """Makes the writer of a field of a shape."""
        match shape:
            case ListOf(item=item):
                return _list_writer(self._adder(item))
            case MapOf(item=item):
                return _map_writer(self._adder(item))
            case Maybe(item=Maybe() as item):
                return self.of_single(item)  # None is a message in which nothing is set
            case Maybe(item=item):
                return _unless_none(self.of_single(item))
        return self.of_single(shape)

    def of_single(self, shape: Shape) -> Write:
        """Makes the writer of one value of a shape, alone, in a union, or in a message that wraps it."""
        match shape:
            case Leaf(scalar=scalar):
                return _scalar_writer(_CHECKS[scalar])
            case KnownMessage(message=message):
                return _KNOWN[message]
            case Ref(name=name):
                return self._enum(name) if shape.is_enum else _message_writer(self._messages[name])
            case OneOf(members=members):
                return _choice_writer([(name, part, self.of_single(part)) for name, part in members])
            case Maybe():
                return _wrapping(ITEM, self.of_field(shape))
            case _:
                return _wrapping(ITEMS, self.of_field(shape))

    def _adder(self, shape: Shape) -> Callable[[Any, Any, Any], None]:
        """Makes what adds a value to a repeated field, or under a key to a map."""
        match shape:
            case Leaf(scalar=scalar):
                return _scalar_adder(_CHECKS[scalar])
            case Ref(name=name, is_enum=True):
                return _scalar_adder(self._enum_number(name))
            case _:
                return _message_adder(self.of_single(shape))

    def _enum(self, name: str) -> Write:
        return _scalar_writer(self._enum_number(name))

    def _enum_number(self, name: str) -> Callable[[Any], int]:
        numbers = self._enums[name]

        def number(value: Any) -> int:
            try:
                return numbers[canonical_bytes(value)]
            except KeyError:
                raise Unwritable(f"is {shown(value)}, which {name} does not have") from None

        return number


# Scalars


def _integer(value: Any) -> int:
    if type(value) is not int:
        raise Unwritable(f"is no int but {shown(value)}")
    if not INT64_MIN <= value <= INT64_MAX:
        raise Unwritable(
            f"is {shown(value)}, beyond 64 bits; annotate it with Any, which takes ints of any size"
        )
    return value


def _number(value: Any) -> float:
    if type(value) not in (float, int):
        raise Unwritable(f"is no float but {shown(value)}")
    try:
        return float(value)
    except OverflowError:
        raise Unwritable(f"is {shown(value)}, too large for a float") from None


def _truth(value: Any) -> bool:
    if type(value) is not bool:
        raise Unwritable(f"is no bool but {shown(value)}")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise Unwritable(f"is no text but {shown(value)}")
    return value


def _bytes(value: Any) -> bytes:
    try:
        return base64.b64decode(_text(value), validate=True)
    except binascii.Error:
        raise Unwritable(f"is no base64 text but {shown(value)}") from None


_CHECKS: dict[Scalar, Callable[[Any], Any]] = {
    Scalar.INT64: _integer,
    Scalar.DOUBLE: _number,
    Scalar.BOOL: _truth,
    Scalar.STRING: _text,
    Scalar.BYTES: _bytes,
}


def _scalar_writer(check: Callable[[Any], Any]) -> Write:
    return lambda message, field, value: setattr(message, field, check(value))


def _scalar_adder(check: Callable[[Any], Any]) -> Callable[[Any, Any, Any], None]:
    def add(values: Any, key: Any, value: Any) -> None:
        if key is None:
            values.append(check(value))
        else:
            values[key] = check(value)

    return add


# Messages


def _message_writer(fill: MessageWriter) -> Write:
    return lambda message, field, value: fill(getattr(message, field), value)


def _unless_none(write: Write) -> Write:
    def optional(message: Any, field: str, value: Any) -> None:
        if value is not None:
            write(message, field, value)

    return optional


def _wrapping(inner: str, write: Write) -> Write:
    def wrapped(message: Any, field: str, value: Any) -> None:
        wrapper = getattr(message, field)
        wrapper.SetInParent()
        write(wrapper, inner, value)

    return wrapped


def _choice_writer(members: Sequence[tuple[str, Shape, Write]]) -> Write:
    def choose(message: Any, field: str, value: Any) -> None:
        wrapper = getattr(message, field)
        for name, shape, write in members:
            if _may_be(shape, value):
                try:
                    write(wrapper, name, value)
                except Unwritable:
                    wrapper.Clear()
                    continue
                wrapper.SetInParent()
                return
        raise Unwritable(f"is {shown(value)}, which is none of {', '.join(name for name, _, _ in members)}")

    return choose


def _may_be(shape: Shape, value: Any) -> bool:
    """Tells whether a value can be of a shape, by what kind of value it is; an int stays one beside floats."""
    match shape:
        case Leaf(scalar=scalar):
            return type(value) in _TYPES[scalar]
        case ListOf():
            return isinstance(value, list)
        case MapOf():
            return isinstance(value, dict)
        case _:
            return True


_TYPES: dict[Scalar, tuple[type, ...]] = {
    Scalar.INT64: (int,),
    Scalar.DOUBLE: (float, int),
    Scalar.BOOL: (bool,),
    Scalar.STRING: (str,),
    Scalar.BYTES: (str,),
}


class _Item:
    """Stands for a message that has one field, so that what writes fields can write items."""

    __slots__ = ("item",)

    def __init__(self, item: Any) -> None:
        self.item = item


def _message_adder(write: Write) -> Callable[[Any, Any, Any], None]:
    def add(values: Any, key: Any, value: Any) -> None:
        write(_Item(values.add() if key is None else values[key]), "item", value)

    return add


def _list_writer(add: Callable[[Any, Any, Any], None]) -> Write:
    def items(message: Any, field: str, value: Any) -> None:
        if not isinstance(value, list):
            raise Unwritable(f"is no list but {shown(value)}")
        values = getattr(message, field)
        for index, item in enumerate(value):
            try:
                add(values, None, item)
            except Unwritable as error:
                raise error.inside(f"[{index}]") from None

    return items


def _map_writer(add: Callable[[Any, Any, Any], None]) -> Write:
    def entries(message: Any, field: str, value: Any) -> None:
        if not isinstance(value, dict):
            raise Unwritable(f"is no dict but {shown(value)}")
        values = getattr(message, field)
        for key, item in value.items():
            try:
                add(values, key, item)
            except Unwritable as error:
                raise error.inside(f"[{key!r}]") from None

    return entries


# Known messages


def _moment(message: Any, field: str, value: Any) -> None:
    try:
        target = getattr(message, field)
        target.FromDatetime(datetime.fromisoformat(_text(value)))
        target.SetInParent()
    except ValueError:
        raise Unwritable(f"is no time as ISO 8601 text but {shown(value)}") from None


def _duration(message: Any, field: str, value: Any) -> None:
    seconds = _number(value)
    nanos = round((seconds - int(seconds)) * 1e9)
    target = getattr(message, field)
    target.seconds, target.nanos = int(seconds), nanos
    target.SetInParent()


def _any(message: Any, field: str, value: Any) -> None:
    target = getattr(message, field)
    target.SetInParent()
    fill_value(target, value)


def _paths(message: Any, field: str, value: Any) -> None:
    target = getattr(message, field)
    target.SetInParent()
    target.paths.extend(value)


_KNOWN: dict[Known, Write] = {
    Known.TIMESTAMP: _moment,
    Known.DURATION: _duration,
    Known.VALUE: _any,
    Known.FIELD_MASK: _paths,
}
