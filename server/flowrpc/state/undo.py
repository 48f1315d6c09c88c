"""How an inverse takes a change back, without checks or record."""

from __future__ import annotations

from typing import Any

from flowrpc.state.changes import Inverse, Path, Refill, Reinsert, Remove, Set, Splice
from flowrpc.state.tracking import detach, track


def restore(owner: Any, inverse: Inverse) -> None:
    """Applies an inverse to the live vars of its owner, which are as they were right after the change."""
    if len(inverse.path) == 1 and not isinstance(inverse, Splice | Refill):
        _restore_var(owner, inverse)
    else:
        _restore_inside(owner, inverse)


def _restore_var(owner: Any, inverse: Set | Remove | Reinsert) -> None:
    name = str(inverse.path[0])
    detach(owner.__dict__.get(name))
    if isinstance(inverse, Remove):
        del owner.__dict__[name], owner._var_names[name]
        return
    owner.__dict__[name] = track(inverse.value, owner, name)
    if isinstance(inverse, Reinsert):
        owner._var_names[name] = None
        _move_to(owner._var_names, name, inverse.position)


def _restore_inside(owner: Any, inverse: Inverse) -> None:
    if isinstance(inverse, Splice):
        _find(owner, inverse.path)._lay(inverse.start, inverse.delete_count, inverse.insert)
    elif isinstance(inverse, Refill):
        container = _find(owner, inverse.path)
        for key, value in inverse.value.items():
            container._lay(key, value)
    else:
        _restore_entry(_find(owner, inverse.path[:-1]), inverse.path[-1], inverse)


def _restore_entry(container: Any, step: Any, inverse: Set | Remove | Reinsert) -> None:
    if isinstance(inverse, Remove):
        container._drop(step)
    elif isinstance(container, list):
        container._lay(step, 1, [inverse.value])  # type: ignore[attr-defined]
    else:
        container._lay(step, inverse.value)
        if isinstance(inverse, Reinsert):
            _move_to(container, step, inverse.position)


def _find(owner: Any, path: Path) -> Any:
    container = owner.__dict__[path[0]]
    for step in path[1:]:
        container = container[step]
    return container


def _move_to(entries: dict[str, Any], key: str, position: int) -> None:
    """Moves the last entry to a position: the entries behind it are put in again, as dicts cannot insert."""
    for later in list(entries)[position:-1]:
        value = dict.pop(entries, later)
        dict.__setitem__(entries, later, value)
