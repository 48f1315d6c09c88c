"""What can happen to the vars of a component."""

from __future__ import annotations

import json
from typing import NamedTuple, TypeAlias

from flowrpc.state.values import Value

Path: TypeAlias = tuple[str | int, ...]
"""The way to a place in the vars: the var's name, then keys of dicts and indices of lists."""


class Set(NamedTuple):
    """Sets a var, a dict entry or a list item; a var or a key that is missing is added at the end."""

    path: Path
    value: Value


class Remove(NamedTuple):
    """Removes a var or a dict entry. Items of lists are removed by a `Splice`."""

    path: Path


class Splice(NamedTuple):
    """Replaces a run of list items by others."""

    path: Path
    start: int
    delete_count: int
    insert: list[Value]


class Reinsert(NamedTuple):
    """Puts a removed var or dict entry back where it was. It only undoes, and is never sent or stored."""

    path: Path
    value: Value
    position: int


class Refill(NamedTuple):
    """Puts the entries of a cleared dict back into the same dict. It only undoes, as `Reinsert` does."""

    path: Path
    value: dict[str, Value]


Change: TypeAlias = Set | Remove | Splice
"""What is recorded, stored and sent. Nobody mutates a value inside it."""

Inverse: TypeAlias = Change | Reinsert | Refill
"""What takes a change back."""


def format_path(path: Path) -> str:
    """Writes a path as readers know it: `names[3]["k"]`."""
    var, *steps = path or ("",)
    return f"{var}{''.join(f'[{json.dumps(step, ensure_ascii=False)}]' for step in steps)}"
