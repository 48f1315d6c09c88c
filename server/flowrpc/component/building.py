"""Building components again: from recipes, by name, and a whole tree at recovery."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

from flowrpc.component.component import Component
from flowrpc.component.structures import Structure
from flowrpc.errors import ComponentError, TreeError
from flowrpc.state import Value
from flowrpc.state.records import ComponentRecord, Recipe


def build(recipe: Recipe) -> Component:
    """Builds a component: imports its class and calls the constructor.

    Raises:
        ComponentError: There is no such class, or it is no component.
        Exception: Whatever the import or the constructor raises.
    """
    module, _, qualname = recipe.type.partition(":")
    try:
        cls: Any = reduce(getattr, qualname.split("."), importlib.import_module(module))
    except AttributeError:
        raise ComponentError(
            f"{recipe.type} cannot be built again: the module has no such class; define it at the top of the module"
        ) from None
    if not (isinstance(cls, type) and issubclass(cls, Component)):
        raise ComponentError(f"{recipe.type} is no component")
    component = cls(*recipe.args, **recipe.kwargs)
    assert isinstance(component, Component)
    return component


def find(root: Component, name: str) -> Component:
    """Finds a component by its full name.

    Raises:
        TreeError: There is none.
    """
    for component in root._walk():
        if component.name == name:
            return component
    names = [component.name for component in root._walk()]
    close = difflib.get_close_matches(name, names, n=1)
    raise TreeError(f"no component {name!r}" + (f"; did you mean {close[0]!r}?" if close else ""))


@dataclass(slots=True)
class Restored:
    """What recovery found that the code no longer has."""

    dropped: dict[str, dict[str, Value]] = field(default_factory=dict)
    """By component: vars without a place."""
    missing: list[ComponentRecord] = field(default_factory=list)
    """Components that the code no longer builds, parents first."""


def restore(root: Component, records: Iterable[ComponentRecord]) -> Restored:
    """Gives a freshly built tree the recorded components and vars. Nothing is recorded.

    Children that the constructors did not build are built from their recipes; state comes last.
    """
    restored = Restored()
    kept = list(records)
    known = {component.name: component for component in root._walk()}
    for record in kept:
        if record.name not in known:
            _rebuild(record, known, restored)
    for record in kept:
        if record.name in known:
            _restore_one(known[record.name], record, restored)
    return restored


def _rebuild(record: ComponentRecord, known: dict[str, Component], restored: Restored) -> None:
    parent_name, _, key = record.name.rpartition(".")
    parent = known.get(parent_name)
    if parent is None or record.recipe is None:
        restored.missing.append(record)
        return
    child = build(record.recipe)
    parent._place(key, child)
    if not isinstance(parent, Structure):
        parent.__dict__[key] = child
        parent._var_names.pop(key, None)
    known.update({component.name: component for component in child._walk()})


def _restore_one(component: Component, record: ComponentRecord, restored: Restored) -> None:
    if component.KIND is not record.kind:
        restored.missing.append(record)
        return
    dropped = component._restore_vars(record.vars)
    if dropped:
        restored.dropped[record.name] = dropped
    if isinstance(component, Structure):
        component._restore_order()
