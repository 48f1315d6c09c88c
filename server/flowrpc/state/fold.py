"""How changes make new vars from old ones: on plain vars, and on the live ones of a component."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from flowrpc.errors import InvalidChangeError
from flowrpc.state.canonical import canonical_bytes
from flowrpc.state.changes import Change, Path, Remove, Set, Splice, format_path
from flowrpc.state.tracking import untrack, untrack_items
from flowrpc.state.values import SCALARS, Value


def apply(vars: dict[str, Value], change: Change) -> None:
    """Applies a change to plain vars; they take a copy, so that the change stays what it is.

    Raises:
        InvalidChangeError: The change does not fit the vars, which are as before.
    """
    path = change.path
    if type(change) is Set and len(path) == 1:
        value = change.value
        vars[_var(path)] = value if type(value) in SCALARS else untrack(value)
    else:
        _apply_inside(vars, change)


def apply_tracked(owner: Any, change: Change) -> None:
    """Applies a change to the live vars of a component, whose log records it like an assignment by its code.

    Raises:
        InvalidChangeError: The change does not fit the vars, which are as before.
        InvalidValueError: It carries a value that cannot be state, or that would nest too deep.
    """
    name = _var(change.path)
    if len(change.path) == 1 and isinstance(change, Set):
        setattr(owner, name, change.value)
        return
    if name not in owner._var_names:
        raise InvalidChangeError(name, "there is no such var")
    if len(change.path) == 1 and isinstance(change, Remove):
        owner._remove_var(name)
    else:
        _apply_inside(owner.__dict__, change)


def vars_hash(components: Iterable[tuple[str, Mapping[str, Value]]]) -> str:
    """Hashes the vars of a tree: a SHA-256 in hex, equal wherever the same state is.

    The order of the components does not matter, the order of vars and of dict keys does.

    Args:
        components: Full name and vars of each component.
    """
    digest = hashlib.sha256()
    for name, vars in sorted(components, key=lambda component: component[0]):
        digest.update(canonical_bytes([name, dict(vars)], ordered=True))
    return digest.hexdigest()


def _var(path: Path) -> str:
    name = path[0] if path else None
    if type(name) is not str:
        raise InvalidChangeError(format_path(path), "a path begins with the name of a var")
    return name


def _apply_inside(vars: dict[str, Value], change: Change) -> None:
    _var(change.path)
    if isinstance(change, Splice):
        _splice(_reach(vars, change.path), change)
        return
    container = _reach(vars, change.path[:-1])
    step = _step(container, change)
    if isinstance(change, Set):
        container[step] = untrack(change.value)
    else:
        del container[step]


def _splice(items: Any, change: Splice) -> None:
    place = format_path(change.path)
    if not isinstance(items, list):
        raise InvalidChangeError(place, "only a list can be spliced")
    _, start, count, insert = change
    if start < 0 or count < 0 or start + count > len(items):
        raise InvalidChangeError(place, f"there are no {count} items at {start} in a list of {len(items)}")
    items[start : start + count] = untrack_items(insert)


def _step(container: Any, change: Set | Remove) -> Any:
    """Checks the last step of a path: a key to be removed exists, an index to be set too."""
    step, place = change.path[-1], format_path(change.path)
    if isinstance(container, list):
        if isinstance(change, Remove):
            raise InvalidChangeError(place, "items of a list are removed by a splice")
        _get(container, step, place)
    elif not isinstance(container, dict):
        raise InvalidChangeError(place, "there is no list or dict around it")
    elif type(step) is not str:
        raise InvalidChangeError(place, "the key of a dict is a text")
    elif isinstance(change, Remove):
        _get(container, step, place)
    return step


def _reach(vars: Any, path: Path) -> Any:
    container = vars
    for depth, step in enumerate(path, 1):
        container = _get(container, step, path[:depth])
    return container


def _get(container: Any, step: str | int, place: Path | str) -> Any:
    if isinstance(container, dict) and type(step) is str and step in container:
        return container[step]
    if isinstance(container, list) and type(step) is int and 0 <= step < len(container):
        return container[step]
    raise InvalidChangeError(
        place if isinstance(place, str) else format_path(place), "there is no such place"
    )
