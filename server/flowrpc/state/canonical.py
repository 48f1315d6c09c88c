"""One encoding of values as bytes, for hashing: equal bytes mean the same value.

Each value is a tag, a length or count where it has one, and its content. Nothing reads it back.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from flowrpc.state.extension import Extension

if TYPE_CHECKING:
    from flowrpc.state.values import Value

_DOUBLE = struct.Struct(">d")


def canonical_bytes(value: Value, *, ordered: bool = False) -> bytes:
    """Encodes a value; `ordered` makes the order of dict keys count.

    Raises:
        TypeError: It is no value, which `copy_value` would have refused.
    """
    parts: list[bytes] = []
    _encode(value, ordered, parts)
    return b"".join(parts)


def _encode(value: Value, ordered: bool, parts: list[bytes]) -> None:
    if isinstance(value, list):
        parts.append(b"l%d:" % len(value))
        for item in value:
            _encode(item, ordered, parts)
    elif isinstance(value, dict):
        _encode_dict(value, ordered, parts)
    elif isinstance(value, Extension):
        parts.append(b"x" + _scalar(value.extension_type()))
        _encode(value.extension_content(), ordered, parts)
    else:
        parts.append(_scalar(value))


def _encode_dict(entries: dict[str, Value], ordered: bool, parts: list[bytes]) -> None:
    parts.append(b"d%d:" % len(entries))
    for key in entries if ordered else sorted(entries):
        parts.append(_scalar(key))
        _encode(entries[key], ordered, parts)


def _scalar(value: object) -> bytes:
    if isinstance(value, str):
        text = value.encode()
        return b"s%d:%b" % (len(text), text)
    if value is None or isinstance(value, bool):
        return {None: b"n", True: b"t", False: b"f"}[value]
    if isinstance(value, int):
        return b"i%x;" % value
    if isinstance(value, float):
        return b"r" + _DOUBLE.pack(value)
    raise TypeError(f"{value!r} is no value of state")
