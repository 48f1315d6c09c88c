"""Converters of lists, tuples and dicts, and of unions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flowrpc.component.conversion.converter import (
    ANY,
    DICT,
    FLOAT,
    INT,
    LIST,
    PLAIN,
    Converter,
    Misfit,
    converting,
    must_be,
)
from flowrpc.state import Value


def list_of(item: Converter) -> Converter:
    """Makes the converter of `list[item]`."""
    if item is ANY:
        return LIST
    return converting(f"list[{item.name}]", {list}, lambda value: _items(value, item))


def tuple_of(item: Converter) -> Converter:
    """Makes the converter of `tuple[item, ...]`, which a list is made into."""
    return converting(f"tuple[{item.name}, ...]", {list}, lambda value: tuple(_items(value, item)))


def fixed_tuple(parts: Sequence[Converter]) -> Converter:
    """Makes the converter of `tuple[a, b]`: a list of exactly these parts."""
    name = f"tuple[{', '.join(part.name for part in parts) or '()'}]"

    def convert(value: list[Value]) -> Any:
        if len(value) != len(parts):
            raise must_be(f"{name}, {len(parts)} long", value)
        return tuple(part.take_at(f"[{index}]", value[index]) for index, part in enumerate(parts))

    return converting(name, {list}, convert)


def dict_of(item: Converter) -> Converter:
    """Makes the converter of `dict[str, item]`."""
    if item is ANY:
        return DICT

    def convert(value: dict[str, Value]) -> Any:
        if item.exact.issuperset(map(type, value.values())):
            return value
        return {key: item.take_at(f"[{key!r}]", part) for key, part in value.items()}

    return converting(f"dict[str, {item.name}]", {dict}, convert)


def _items(values: list[Value], item: Converter) -> list[Any]:
    if item.exact.issuperset(map(type, values)):
        return values
    return [item.take_at(f"[{index}]", value) for index, value in enumerate(values)]


def union(members: Sequence[Converter]) -> Converter:
    """Makes the converter of `a | b`: the first member that takes a value decides.

    An int stays one in `float | int`, too.
    """
    if INT in members:
        members = sorted(members, key=lambda member: member is FLOAT)
    takers = {kind: [m for m in members if kind in m.exact or kind in m.takes] for kind in PLAIN}
    exact = frozenset(kind for kind in PLAIN if takers[kind] and kind in takers[kind][0].exact)
    takes = frozenset(kind for kind in PLAIN if takers[kind]) - exact
    name = "Any" if ANY in members else " | ".join(member.name for member in members)

    def convert(value: Value) -> Any:
        misfits = []
        for member in takers.get(type(value), ()):
            try:
                return member.take(value)
            except Misfit as misfit:
                misfits.append(misfit)
        # With several members that take such values, each would tell another story.
        raise must_be(name, value, misfits[0] if len(misfits) == 1 else None)

    return Converter(name, exact, takes, convert)
