"""Messages of an app's own contract ⇄ values of Python, for typed clients: the contract's descriptor drives it.

The descriptors are in a pool of their own: two apps, or two versions of one, may give one name to different messages.
What has no class is a message that the contract wraps something in, as `flowrpc.contract.lowering` makes them; for
Python it is what it wraps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from google.protobuf import duration_pb2, field_mask_pb2, struct_pb2, timestamp_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

from flowrpc.errors import InvalidValueError
from flowrpc.state.values import copy_value
from flowrpc.v1 import value_pb2
from flowrpc.wire.times import decode_span, decode_time, fill_span, fill_time
from flowrpc.wire.values import decode_value, fill_value

_IMPORTED = (struct_pb2, timestamp_pb2, duration_pb2, field_mask_pb2, value_pb2)
_CHOICE = "choice"
"""The oneof of a message that wraps a union."""


class TypedMessage(Protocol):
    """What the class of a message has for us."""

    __flowrpc_names__: Mapping[str, str]
    """Protobuf's names of fields by Python's, where they differ."""

    @classmethod
    def __flowrpc_make__(cls, fields: dict[str, Any]) -> TypedMessage:
        """Makes one of the fields that were sent, by Python's names."""

    def __flowrpc_fields__(self) -> dict[str, Any]:
        """Returns the fields that are to be sent, by Python's names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedMethod:
    """A method of a contract."""

    path: str
    """As gRPC calls it."""
    encode: Callable[[Mapping[str, Any]], bytes]
    """Makes a request of its fields, by protobuf's names. Raises InvalidValueError."""
    decode: Callable[[bytes], dict[str, Any]]
    """Makes the fields that were sent of a response. Raises InvalidValueError."""


class TypedMessages:
    """Encodes and decodes the messages of one contract.

    Args:
        file: The contract's FileDescriptorProto.
        types: The classes that stand for its messages (see `TypedMessage`) and enums, by name.
    """

    def __init__(self, file: bytes, types: Mapping[str, type[Any]]) -> None:
        self._pool = DescriptorPool()
        for module in _IMPORTED:
            self._pool.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
        self._package = self._pool.AddSerializedFile(file).package
        self._types = types

    def method(self, service: str, name: str) -> TypedMethod:
        """Returns a method of a service."""
        found = self._pool.FindServiceByName(f"{self._package}.{service}").FindMethodByName(name)
        make, answer = GetMessageClass(found.input_type), GetMessageClass(found.output_type)

        def encode(fields: Mapping[str, Any]) -> bytes:
            message = make()
            self._fill(message, fields, name)
            return message.SerializeToString()

        def decode(data: bytes) -> dict[str, Any]:
            try:
                return self._read(answer.FromString(data), name)
            except DecodeError as error:
                raise InvalidValueError(name, f"is no {found.output_type.name}: {error}") from None

        return TypedMethod(path=f"/{self._package}.{service}/{name}", encode=encode, decode=decode)

    # From Python

    def _fill(self, message: Any, fields: Mapping[str, Any], place: str) -> None:
        for name, value in fields.items():
            field = message.DESCRIPTOR.fields_by_name[name]
            if value is not None or _takes_none(field):
                self._fill_field(message, field, value, f"{place}.{name}")

    def _fill_field(self, message: Any, field: FieldDescriptor, value: Any, place: str) -> None:
        if _is_map(field):
            self._fill_map(getattr(message, field.name), field, value, place)
        elif field.is_repeated:
            items = getattr(message, field.name)
            for index, item in enumerate(_checked(value, Iterable, place)):
                self._add(items, field, item, f"{place}[{index}]")
        elif field.message_type is not None:
            self._fill_message(getattr(message, field.name), value, place)
        else:
            _set(message, field.name, self._scalar(field, value, place), place)

    def _fill_map(self, items: Any, field: FieldDescriptor, value: Any, place: str) -> None:
        of_value = _entry(field)
        for key, item in _checked(value, Mapping, place).items():
            here = f"{place}[{key!r}]"
            if not isinstance(key, str):
                raise InvalidValueError(here, "is no text; keys are")
            if of_value.message_type is not None:
                self._fill_message(items[key], item, here)
            else:
                _told(here, items.__setitem__, key, self._scalar(of_value, item, here))

    def _add(self, items: Any, field: FieldDescriptor, item: Any, place: str) -> None:
        if field.message_type is not None:
            self._fill_message(items.add(), item, place)
        else:
            _told(place, items.append, self._scalar(field, item, place))

    def _scalar(self, field: FieldDescriptor, value: Any, place: str) -> Any:
        if field.enum_type is None:
            wanted = _PYTHON[field.type]
            if type(value) is not wanted and not _converts(value, wanted):
                raise InvalidValueError(place, f"is {value!r}, no {wanted.__name__}")
            return value
        kind = self._types[field.enum_type.name]
        try:
            name = kind(value).name
        except ValueError:
            known = ", ".join(repr(member) for member in kind)
            raise InvalidValueError(place, f"is {value!r}, no {kind.__name__}; take one of {known}") from None
        return field.enum_type.values_by_name[_prefix(field) + name].number

    def _fill_message(self, message: Any, value: Any, place: str) -> None:
        descriptor = message.DESCRIPTOR
        message.SetInParent()
        if descriptor.full_name in _WRITERS:
            kind, write = _WRITERS[descriptor.full_name]
            write(message, _checked(value, kind, place), place)
        elif self._is_own(descriptor):
            kind = self._types[descriptor.name]
            value = _checked(value, kind, place)
            names: Mapping[str, str] = kind.__flowrpc_names__
            fields = {names.get(name, name): item for name, item in value.__flowrpc_fields__().items()}
            self._fill(message, fields, place)
        elif _CHOICE in descriptor.oneofs_by_name:
            self._fill_field(message, self._chosen(descriptor, value, place), value, place)
        elif value is not None:
            self._fill_field(message, descriptor.fields[0], value, place)

    def _chosen(self, descriptor: Descriptor, value: Any, place: str) -> FieldDescriptor:
        """Finds the member of a union that a value is: the first that it is exactly, else an int is a float."""
        for exactly in (True, False):
            for field in descriptor.fields:
                if self._fits(field, value, exactly=exactly):
                    return field
        members = ", ".join(field.name for field in descriptor.fields)
        raise InvalidValueError(place, f"is {value!r}, which is none of {members}")

    def _fits(self, field: FieldDescriptor, value: Any, *, exactly: bool) -> bool:
        message = field.message_type
        if field.enum_type is not None:
            return isinstance(value, self._types[field.enum_type.name])
        if message is None:
            kind = _PYTHON[field.type]
            return type(value) is kind or (not exactly and kind is float and type(value) is int)
        if message.full_name in _WRITERS:
            kinds = _WRITERS[message.full_name][0]
            return isinstance(value, kinds) and (kinds is not object or not exactly)
        if self._is_own(message):
            return isinstance(value, self._types[message.name])
        inner = message.fields[0]
        return isinstance(value, Mapping) if _is_map(inner) else isinstance(value, list | tuple)

    # To Python

    def _read(self, message: Any, place: str) -> dict[str, Any]:
        """Reads the fields that were sent; of those that are lists or maps nobody can tell."""
        return {
            field.name: self._read_field(message, field, f"{place}.{field.name}")
            for field in message.DESCRIPTOR.fields
            if field.is_repeated or message.HasField(field.name)
        }

    def _read_field(self, message: Any, field: FieldDescriptor, place: str) -> Any:
        value = getattr(message, field.name)
        if _is_map(field):
            inner = _entry(field)
            return {key: self._read_single(inner, item, f"{place}[{key!r}]") for key, item in value.items()}
        if field.is_repeated:
            return [self._read_single(field, item, f"{place}[{at}]") for at, item in enumerate(value)]
        return self._read_single(field, value, place)

    def _read_single(self, field: FieldDescriptor, value: Any, place: str) -> Any:
        if field.message_type is not None:
            return self._read_message(value, place)
        if field.enum_type is None:
            return value
        known = field.enum_type.values_by_number.get(value)
        name = "" if known is None else known.name.removeprefix(_prefix(field))
        kind = self._types[field.enum_type.name]
        if name not in kind.__members__:
            problem = f"is {value}, which {kind.__name__} does not have; generate the client again"
            raise InvalidValueError(place, problem)
        return kind[name]

    def _read_message(self, message: Any, place: str) -> Any:
        descriptor = message.DESCRIPTOR
        if descriptor.full_name in _READERS:
            return _READERS[descriptor.full_name](message, place)
        if self._is_own(descriptor):
            kind = self._types[descriptor.name]
            names = {proto: python for python, proto in kind.__flowrpc_names__.items()}
            fields = self._read(message, place)
            return kind.__flowrpc_make__({names.get(name, name): value for name, value in fields.items()})
        if _CHOICE in descriptor.oneofs_by_name:
            chosen = message.WhichOneof(_CHOICE)
            if chosen is None:
                raise InvalidValueError(place, "holds what this client does not know; generate it again")
            return self._read_field(message, descriptor.fields_by_name[chosen], place)
        inner = descriptor.fields[0]
        if not inner.is_repeated and not message.HasField(inner.name):
            return None
        return self._read_field(message, inner, place)

    def _is_own(self, descriptor: Descriptor) -> bool:
        return descriptor.file.package == self._package and descriptor.name in self._types


_PYTHON = {
    FieldDescriptor.TYPE_BOOL: bool,
    FieldDescriptor.TYPE_INT64: int,
    FieldDescriptor.TYPE_DOUBLE: float,
    FieldDescriptor.TYPE_STRING: str,
    FieldDescriptor.TYPE_BYTES: bytes,
}
_WRITERS: dict[str, tuple[type[Any], Callable[[Any, Any, str], None]]] = {
    "google.protobuf.Timestamp": (datetime, lambda message, time, place: fill_time(message, time)),
    "google.protobuf.Duration": (timedelta, lambda message, span, place: fill_span(message, span)),
    "google.protobuf.FieldMask": (list, lambda message, paths, place: message.paths.extend(paths)),
    "flowrpc.v1.Value": (object, lambda message, value, place: fill_value(message, copy_value(value, place))),
}
"""Of messages that are values of Python their types, and what fills them."""
_READERS: dict[str, Callable[[Any, str], Any]] = {
    "google.protobuf.Timestamp": decode_time,
    "google.protobuf.Duration": decode_span,
    "google.protobuf.FieldMask": lambda message, place: list(message.paths),
    "flowrpc.v1.Value": decode_value,
}


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def _entry(field: FieldDescriptor) -> FieldDescriptor:
    """Returns the field of a map's values."""
    entry: Any = field.message_type
    value: FieldDescriptor = entry.fields_by_name["value"]
    return value


def _takes_none(field: FieldDescriptor) -> bool:
    """Tells whether None is a value of a field, rather than its absence."""
    message = field.message_type
    return message is not None and not field.is_repeated and message.full_name == "flowrpc.v1.Value"


def _prefix(field: FieldDescriptor) -> str:
    """Returns what the names of an enum's values begin with: that of the first one ends in UNSPECIFIED."""
    enum: Any = field.enum_type
    name: str = enum.values_by_number[0].name
    return name.removesuffix("UNSPECIFIED")


def _converts(value: Any, wanted: type[Any]) -> bool:
    """Tells whether a value is as good as one of a type: ints are floats, but no bool is an int."""
    if isinstance(value, bool):
        return False
    return isinstance(value, (int, float) if wanted is float else wanted)


def _checked(value: Any, kind: type[Any], place: str) -> Any:
    if not isinstance(value, kind) or (kind is Iterable and isinstance(value, str | bytes | Mapping)):
        wanted = {Iterable: "list", Mapping: "dict"}.get(kind, kind.__name__)
        raise InvalidValueError(place, f"is {value!r}, no {wanted}")
    if isinstance(value, datetime) and value.tzinfo is None:
        raise InvalidValueError(place, f"is {value!r}, which has no time zone; take datetime.now(UTC)")
    return value


def _set(message: Any, name: str, value: Any, place: str) -> None:
    _told(place, setattr, message, name, value)


def _told(place: str, write: Callable[..., None], *arguments: Any) -> None:
    """Writes a scalar; what protobuf says of one that does not fit is told with its place."""
    try:
        write(*arguments)
    except (TypeError, ValueError) as error:
        raise InvalidValueError(place, f"does not fit the contract: {error}") from None
