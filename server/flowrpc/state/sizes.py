"""How large values are, roughly: for bounds that must not cost what encoding would."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from flowrpc.state.changes import Change, Set, Splice
from flowrpc.state.extension import Extension

_SCALAR_BYTES = 16
_UTF8_BYTES = 4


def rough_size(value: object) -> int:
    """Returns about how many bytes a value takes when it is sent; of texts that are not ASCII, at most."""
    if isinstance(value, str):
        return _SCALAR_BYTES + len(value) * (1 if value.isascii() else _UTF8_BYTES)
    if isinstance(value, list):
        return _SCALAR_BYTES + sum(map(rough_size, value))
    if isinstance(value, dict):
        return _SCALAR_BYTES + sum(rough_size(key) + rough_size(item) for key, item in value.items())
    if isinstance(value, Extension):
        return _SCALAR_BYTES + rough_size(value.extension_content())
    if type(value) is int:
        return _SCALAR_BYTES + value.bit_length() // 3  # large ones are sent as text
    return _SCALAR_BYTES


def change_size(change: Change) -> int:
    """Returns about how many bytes a change takes when it is sent."""
    size = sum(map(rough_size, change.path))
    if isinstance(change, Set):
        size += rough_size(change.value)
    elif isinstance(change, Splice):
        size += rough_size(change.insert)
    return size


def parts(changes: Iterable[Change], limit: int) -> Iterator[tuple[Change, ...]]:
    """Cuts changes into parts of about `limit` bytes at most; a change that is larger alone is a part of its own."""
    part: list[Change] = []
    size = 0
    for change in changes:
        cost = change_size(change)
        if part and size + cost > limit:
            yield tuple(part)
            part, size = [], 0
        part.append(change)
        size += cost
    if part:
        yield tuple(part)
