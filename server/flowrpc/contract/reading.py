"""From messages of a contract to plain values: made once for each message, run for each call."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flowrpc.contract.lock import Lock
from flowrpc.contract.lowering import CHOICE, ITEM, ITEMS
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
from flowrpc.wire.values import raw_value
from google.protobuf.unknown_fields import UnknownFieldSet

Read = Callable[[Any], Any]
"""Makes a plain value of what a field holds."""


class Unreadable(Exception):
    """Tells that a message does not fit its contract; the field is put together on the way out."""

    def __init__(self, *problems: tuple[str, str]) -> None:
        """Takes places and problems; the place is empty where it is the message or value itself."""
        super().__init__(problems)
        self.problems = problems

    def inside(self, step: str) -> Unreadable:
        """Notes the field, item or key that holds it, the innermost first; returns itself."""
        self.problems = tuple((_joined(step, path), problem) for path, problem in self.problems)
        return self


def _joined(step: str, path: str) -> str:
    return step + ("." if path and not path.startswith("[") else "") + path


@dataclass(frozen=True, slots=True)
class _Field:
    python_name: str
    read: Read | None
    """None: the value is plain as it is."""


class MessageReader:
    """Reads messages of one type into dicts by Python's names, or lists where Python has a tuple."""

    def __init__(self, shape: MessageShape, numbers: dict[str, int]) -> None:
        self._shape = shape
        self._numbers = numbers
        self._fields: dict[int, _Field] = {}
        self._required: tuple[tuple[int, str], ...] = ()
        self._empty: tuple[tuple[str, type | None], ...] = ()

    def compile(self, readers: Readers) -> None:
        """Makes the readers of its fields, when those of all messages are known."""
        for one in self._shape.fields:
            self._fields[self._numbers[one.name]] = _Field(one.python_name, readers.of_field(one.shape))
        self._required = tuple(
            (self._numbers[one.name], one.name)
            for one in self._shape.fields
            if one.required and _empty(one.shape) is _NoValue
        )
        self._empty = tuple(
            (one.python_name, _empty(one.shape))
            for one in self._shape.fields
            if one.required and _empty(one.shape) is not _NoValue
        )

    def __call__(self, message: Any) -> Any:
        """Reads a message.

        Raises:
            Unreadable: A field is missing or not known, or holds what is no value.
        """
        found: dict[str, Any] = {}
        fields = self._fields
        seen = message.ListFields()
        for descriptor, value in seen:
            field = fields[descriptor.number]
            try:
                found[field.python_name] = value if field.read is None else field.read(value)
            except Unreadable as error:
                raise error.inside(descriptor.name) from None
        if self._required:
            self._check_required({descriptor.number for descriptor, _ in seen})
        for name, make in self._empty:
            if name not in found:
                found[name] = make() if make is not None else None
        if len(UnknownFieldSet(message)):
            number = UnknownFieldSet(message)[0].field_number
            raise _problem(f"has a field {number} that this contract does not have; the client's is newer")
        return self._ordered(found) if self._shape.is_tuple else found

    def _check_required(self, seen: set[int]) -> None:
        missing = [(name, "is missing") for number, name in self._required if number not in seen]
        if missing:
            raise Unreadable(*missing)

    def _ordered(self, found: dict[str, Any]) -> list[Any] | dict[str, Any]:
        """Makes a list of the fields of a tuple; where one in between has its default, what is there by name."""
        names = [one.python_name for one in self._shape.fields][: len(found)]
        return [found[name] for name in names] if all(name in found for name in names) else found


class Readers:
    """The readers of all messages of a contract."""

    def __init__(self, contract: Contract, lock: Lock) -> None:
        self._enums = {
            name: {lock.enums[name].values[value_name]: value for value_name, value in enum.values}
            for name, enum in contract.enums.items()
        }
        self._messages = {
            name: MessageReader(shape, {key: one.number for key, one in lock.messages[name].fields.items()})
            for name, shape in contract.messages.items()
        }
        for reader in self._messages.values():
            reader.compile(self)

    def of_message(self, name: str) -> MessageReader:
        """Returns the reader of a message."""
        return self._messages[name]

    def of_field(self, shape: Shape) -> Read | None:
        """Makes the reader of what a field of a shape holds, as `ListFields` gives it."""
        match shape:
            case ListOf(item=item):
                return _list_reader(self.of_single(item))
            case MapOf(item=item):
                return _map_reader(self.of_single(item))
            case Maybe(item=ListOf() | MapOf() | Maybe() as item):
                return self.of_single(item)
            case Maybe(item=item):
                return self.of_field(item)
        return self.of_single(shape)

    def of_single(self, shape: Shape) -> Read | None:
        """Makes the reader of one value of a shape, inside a list, a map or a union."""
        match shape:
            case Leaf(scalar=scalar):
                return _text_of_bytes if scalar is Scalar.BYTES else None
            case KnownMessage(message=message):
                return _KNOWN[message]
            case Ref(name=name):
                return _enum_reader(name, self._enums[name]) if shape.is_enum else self._messages[name]
            case OneOf(members=members):
                return _choice_reader({name: self.of_single(part) for name, part in members})
            case Maybe():
                return _maybe_reader(self.of_field(shape))
            case _:
                return _inner_reader(ITEMS, self.of_field(shape))


class _NoValue:
    """Stands for no value at all."""


def _empty(shape: Shape) -> type | None:
    """Returns what makes the value that absence stands for, None for None itself; of a value that is missing, that."""
    match shape:
        case ListOf():
            return list
        case MapOf():
            return dict
        case Maybe():
            return None
        case _:
            return _NoValue


def _problem(text: str) -> Unreadable:
    return Unreadable(("", text))


def _list_reader(read: Read | None) -> Read:
    if read is None:
        return list

    def items(values: Any) -> list[Any]:
        found: list[Any] = []
        try:
            for value in values:
                found.append(read(value))
        except Unreadable as error:
            raise error.inside(f"[{len(found)}]") from None
        return found

    return items


def _map_reader(read: Read | None) -> Read:
    def entries(values: Any) -> dict[str, Any]:
        if read is None:
            return dict(values)
        found: dict[str, Any] = {}
        for key, value in values.items():
            try:
                found[key] = read(value)
            except Unreadable as error:
                raise error.inside(f"[{key!r}]") from None
        return found

    return entries


def _inner_reader(field: str, read: Read | None) -> Read:
    return lambda message: read(getattr(message, field)) if read else getattr(message, field)


def _maybe_reader(read: Read | None) -> Read:
    def value(message: Any) -> Any:
        if not message.HasField(ITEM):
            return None
        return read(message.item) if read else message.item

    return value


def _choice_reader(members: dict[str, Read | None]) -> Read:
    def value(message: Any) -> Any:
        name = message.WhichOneof(CHOICE)
        if name is None:
            raise _problem(f"has nothing set; set one of {', '.join(members)}")
        read = members[name]
        return read(getattr(message, name)) if read else getattr(message, name)

    return value


def _enum_reader(name: str, values: dict[int, Any]) -> Read:
    def value(number: int) -> Any:
        if number not in values:
            raise _problem(
                f"is {number}, which {name} does not have" if number else f"is not set; choose a {name}"
            )
        return values[number]

    return value


def _text_of_bytes(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _moment(message: Any) -> str:
    try:
        return str(message.ToJsonString())
    except ValueError as error:
        raise _problem(f"is no time: {error}") from None


def _seconds(message: Any) -> float:
    return float(message.seconds + message.nanos / 1e9)


def _any(message: Any) -> Any:
    return raw_value(message)


def _paths(message: Any) -> list[str]:
    return list(message.paths)


_KNOWN: dict[Known, Read] = {
    Known.TIMESTAMP: _moment,
    Known.DURATION: _seconds,
    Known.VALUE: _any,
    Known.FIELD_MASK: _paths,
}
