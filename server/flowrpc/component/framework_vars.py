"""Vars of the framework's own: recorded, undone and recovered like state, and not shown among the vars."""

from __future__ import annotations

from typing import Any

from flowrpc.component.component import Component
from flowrpc.state import Remove, Set, TrackedDict, Value, same, track, untrack
from flowrpc.state.containers import detach


def framework_dict(component: Component, name: str) -> TrackedDict:
    """Returns the dict that a component keeps for the framework under a name; makes an empty one if there is none."""
    attributes: dict[str, Any] = component.__dict__
    if name not in component._var_names:
        if component._log is not None:
            inverse = Remove((name,)) if component._log.undoable else None
            component._log.record(component, Set((name,), {}), inverse)
        component._var_names[name] = None
        attributes[name] = track({}, component, name)
    kept = attributes[name]
    assert isinstance(kept, TrackedDict)
    return kept


def set_framework_var(component: Component, name: str, value: Value) -> None:
    """Sets what a component keeps for the framework under a name; what is as it was is not recorded."""
    attributes: dict[str, Any] = component.__dict__
    known = name in component._var_names
    if known and same(attributes[name], value):
        return
    if component._log is not None:
        old = Set((name,), untrack(attributes[name])) if known else Remove((name,))
        component._log.record(component, Set((name,), value), old if component._log.undoable else None)
    if known:
        detach(attributes[name])
    component._var_names[name] = None
    attributes[name] = track(value, component, name)
