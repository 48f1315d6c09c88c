"""Values ⇄ `flowrpc.v1.Value`, and dicts of values ⇄ lists of `flowrpc.v1.MapEntry`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from google.protobuf.struct_pb2 import NULL_VALUE

from flowrpc.errors import InvalidValueError
from flowrpc.state.extension import Extension, extension_of
from flowrpc.state.values import MAX_BIG_INT_DIGITS, Refused, Value, copy_items, copy_value, is_plain_scalar
from flowrpc.v1 import value_pb2

INT64_MIN = -(2**63)
"""The smallest int that travels as a number; what is below travels as text."""
INT64_MAX = 2**63 - 1
"""The largest int that travels as a number; what is above travels as text."""

_BIG_INT = re.compile(rf"-?[1-9][0-9]{{0,{MAX_BIG_INT_DIGITS - 1}}}")


def encode_value(value: Value) -> value_pb2.Value:
    """Makes a message of a value."""
    message = value_pb2.Value()
    fill_value(message, value)
    return message


def fill_value(message: value_pb2.Value, value: Value) -> None:
    """Writes a value into an empty message, which is cheaper than making one and copying it there.

    Raises:
        InvalidValueError: It holds something that is no value.
    """
    fill = _FILLERS.get(type(value))
    if fill is not None:
        fill(message, value)
    elif isinstance(value, Extension):
        _fill_extension(message, value)
    else:  # a tracked container or another subclass; or no value at all, which copy_value refuses
        fill_value(message, copy_value(value, "value"))


def encode_entries(entries: Mapping[str, Value]) -> list[value_pb2.MapEntry]:
    """Makes messages of named values, in their order."""
    message = value_pb2.MapValue()
    fill_entries(message.entries, entries)
    return list(message.entries)


def fill_entries(messages: Any, entries: Mapping[str, Value]) -> None:
    """Appends named values to a repeated field of `MapEntry`, in their order."""
    for key, value in entries.items():
        entry = messages.add(key=key)
        fill_value(entry.value, value)


def fill_items(messages: Any, items: Iterable[Value]) -> None:
    """Appends values to a repeated field of `Value`."""
    for item in items:
        fill_value(messages.add(), item)


def decode_value(message: value_pb2.Value, place: str, *, depth: int = 0, grown: bool = False) -> Value:
    """Makes a value of a message, and checks all that `state.values` asks of one.

    Args:
        message: What came over the wire.
        place: Where it goes, for the error: `arguments.name`.
        depth: How many containers it will sit in.
        grown: Whether it is state already: a list may have grown larger than what may be given at once.

    Raises:
        InvalidValueError: It is none; the error's place leads to the part that is wrong.
    """
    try:
        value = raw_value(message)
    except Refused as refused:
        raise refused.error(place) from None
    return value if is_plain_scalar(value) else copy_value(value, place, depth=depth, grown=grown)


def decode_entries(
    entries: Iterable[value_pb2.MapEntry], place: str, *, grown: bool = False
) -> dict[str, Value]:
    """Makes a dict of named values; the place of each is `place.key`, see `decode_value`.

    Raises:
        InvalidValueError: One is no value, or two have the same key.
    """
    result: dict[str, Value] = {}
    for entry in entries:
        here = f"{place}.{entry.key}"
        if entry.key in result:
            raise InvalidValueError(here, "comes twice; send each key once")
        result[entry.key] = decode_value(entry.value, here, grown=grown)
    return result


def decode_items(messages: Iterable[value_pb2.Value], place: str) -> list[Value]:
    """Makes a list of values that are apart from each other; the place of each is `place[index]`.

    Raises:
        InvalidValueError: One is no value.
    """
    return [decode_value(message, f"{place}[{index}]") for index, message in enumerate(messages)]


def decode_inserted(
    messages: Iterable[value_pb2.Value], place: str, *, first: int, depth: int
) -> list[Value]:
    """Makes a list of values that one list takes in at index `first`, and counts their size together.

    Raises:
        InvalidValueError: One is no value, or they are too large.
    """
    try:
        return copy_items(_raw_items(messages, first), first=first, depth=depth)
    except Refused as refused:
        raise refused.error(place) from None


def raw_value(message: value_pb2.Value) -> Value:
    """Reads a message without the checks that `copy_value` makes: finite, deep, large.

    Raises:
        Refused: No kind is set, a key comes twice, or a big int is not canonical.
    """
    kind = message.WhichOneof("kind")
    if kind is None:
        raise Refused("has no kind that this version knows; set one of `Value.kind`")
    return _READERS[kind](message)


def _fill_null(message: value_pb2.Value, _: None) -> None:
    message.null_value = NULL_VALUE


def _fill_bool(message: value_pb2.Value, value: bool) -> None:
    message.bool_value = value


def _fill_int(message: value_pb2.Value, value: int) -> None:
    if INT64_MIN <= value <= INT64_MAX:
        message.int_value = value
    else:
        message.big_int_value = str(value)


def _fill_float(message: value_pb2.Value, value: float) -> None:
    message.double_value = value


def _fill_text(message: value_pb2.Value, value: str) -> None:
    message.string_value = value


def _fill_list(message: value_pb2.Value, value: list[Value]) -> None:
    message.list_value.SetInParent()
    fill_items(message.list_value.values, value)


def _fill_dict(message: value_pb2.Value, value: dict[str, Value]) -> None:
    message.map_value.SetInParent()
    fill_entries(message.map_value.entries, value)


def _fill_extension(message: value_pb2.Value, value: Extension) -> None:
    message.extension_value.type_name = value.extension_type()
    fill_value(message.extension_value.content, value.extension_content())


_FILLERS: dict[type, Callable[[value_pb2.Value, Any], None]] = {
    type(None): _fill_null,
    bool: _fill_bool,
    int: _fill_int,
    float: _fill_float,
    str: _fill_text,
    list: _fill_list,
    dict: _fill_dict,
}


def _read_big_int(message: value_pb2.Value) -> int:
    text = message.big_int_value
    if _BIG_INT.fullmatch(text) is None:
        problem = f"big_int_value is no canonical decimal of at most {MAX_BIG_INT_DIGITS} digits"
        raise Refused(f"{problem}; write an optional `-` and digits without leading zeros")
    number = int(text)
    if INT64_MIN <= number <= INT64_MAX:
        raise Refused(f"big_int_value {number} fits 64 bits; send it as int_value")
    return number


def _read_list(message: value_pb2.Value) -> list[Value]:
    return _raw_items(message.list_value.values, 0)


def _raw_items(messages: Iterable[value_pb2.Value], first: int) -> list[Value]:
    result: list[Value] = []
    try:
        for message in messages:
            result.append(raw_value(message))
    except Refused as refused:
        refused.inside(result, first + len(result))
        raise
    return result


def _read_map(message: value_pb2.Value) -> dict[str, Value]:
    result: dict[str, Value] = {}
    key = ""
    try:
        for entry in message.map_value.entries:
            key = entry.key
            if key in result:
                raise Refused("comes twice; send each key once")
            result[key] = raw_value(entry.value)
    except Refused as refused:
        refused.inside(result, key)
        raise
    return result


def _read_extension(message: value_pb2.Value) -> Extension:
    extension = message.extension_value
    content = raw_value(extension.content)
    try:
        return extension_of(extension.type_name, content)
    except InvalidValueError as error:
        raise Refused(str(error)) from error


_READERS: dict[str, Callable[[value_pb2.Value], Value]] = {
    "null_value": lambda message: None,
    "bool_value": lambda message: message.bool_value,
    "int_value": lambda message: message.int_value,
    "big_int_value": _read_big_int,
    "double_value": lambda message: message.double_value,
    "string_value": lambda message: message.string_value,
    "list_value": _read_list,
    "map_value": _read_map,
    "extension_value": _read_extension,
}
