"""Building components again: from recipes, by name, and a whole tree at recovery."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

from flowrpc.component.component import ROOT_NAME, Component
from flowrpc.component.flow import LightningFlow
from flowrpc.component.structures import Structure
from flowrpc.component.work import LightningWork
from flowrpc.errors import ComponentError, TreeError
from flowrpc.state import Value, untrack
from flowrpc.state.records import ComponentKind, ComponentRecord, Recipe


def build(recipe: Recipe) -> Component:
    """Builds a component: imports its class and calls the constructor.

    Raises:
        ComponentError: There is no such class, or it is no component.
        Exception: Whatever the import or the constructor raises.
    """
    module_name, _, qualname = recipe.type.partition(":")
    module = importlib.import_module(module_name)
    try:
        cls: Any = reduce(getattr, qualname.split("."), module)
    except AttributeError:
        raise ComponentError(
            f"{recipe.type} cannot be built again: the module has no such class; define it at the top of the module"
        ) from None
    if not (isinstance(cls, type) and issubclass(cls, Component)):
        raise ComponentError(f"{recipe.type} is no component")
    # Copies, because a constructor may keep and change what it is given.
    args, kwargs = (
        [untrack(value) for value in recipe.args],
        {name: untrack(value) for name, value in recipe.kwargs.items()},
    )
    component = cls(*args, **kwargs)
    assert isinstance(component, Component)
    return component


def builder_of(work: LightningWork) -> Component | None:
    """Returns the component whose recipe builds a work: itself or the nearest around it; None: the root builds it.

    A work whose constructor got what is no value, a `Retry` maybe, is built again by what built it.
    """
    component: Component = work
    while component._parent is not None:
        if isinstance(component._recipe, Recipe) and not isinstance(component, Structure):
            return component
        component = component._parent
    return None


def take_out(built: Component, name: str, work: str) -> Component:
    """Finds a work in what the recipe of the component `name` built; both names are those that they have in the app.

    Raises:
        TreeError: It is not in there.
    """
    return built if name in ("", work) else find(built, ROOT_NAME + work.removeprefix(name))


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
    loaded: set[str] = field(default_factory=set)
    """Names of components whose state was set by a `load_state_dict` of user code."""


def restore(root: Component, records: Iterable[ComponentRecord]) -> Restored:
    """Gives a freshly built tree the recorded components and vars. Nothing is recorded.

    Children that the constructors did not build are built from their recipes; items of structures that were removed or
    replaced are so again; state comes last.

    Raises:
        ComponentError: A component cannot be built again.
    """
    recovery = _Recovery(root, list(records))
    for record in recovery.records:
        recovery.place(record)
    for record in recovery.records:
        recovery.fill(record)
    return recovery.restored


class _Recovery:
    """Recovers one tree."""

    def __init__(self, root: Component, records: list[ComponentRecord]) -> None:
        root._mark_inherent()
        self.records = records
        self.restored = Restored()
        self._recorded = {record.name for record in records}
        self._known: dict[str, Component] = {component.name: component for component in root._walk()}
        self._missing: set[str] = set()

    def place(self, record: ComponentRecord) -> None:
        """Makes the recorded component be there, if the code still has a place for it; parents come first."""
        parent_name, _, key = record.name.rpartition(".")
        parent, component = self._known.get(parent_name), self._known.get(record.name)
        if parent_name in self._missing:
            self._miss(record)
        elif component is not None and not _is_replaced(component, record):
            if component.KIND is not record.kind:
                self._miss(record)
        elif parent is None or record.recipe is None:
            self._miss(record)
        else:
            self._rebuild(parent, key, record, record.recipe)
        self._take_out_removed(record)
        self._load(record)

    def fill(self, record: ComponentRecord) -> None:
        """Sets the recorded vars."""
        if record.name in self._missing:
            return
        component = self._known[record.name]
        values = record.vars
        if record.name in self.restored.loaded:  # user code set the others
            values = {name: value for name, value in values.items() if name.startswith("_")}
        dropped = component._restore_vars(values)
        if dropped:
            self.restored.dropped[record.name] = dropped
        if isinstance(component, Structure):
            component._restore_order()

    def _load(self, record: ComponentRecord) -> None:
        """Lets a flow that overrides `load_state_dict` load its state and make its children."""
        flow = self._known.get(record.name)
        if not isinstance(flow, LightningFlow) or record.name in self._missing | self.restored.loaded:
            return
        if type(flow).load_state_dict is LightningFlow.load_state_dict:
            return
        below = f"{record.name}."
        children = {
            other.name.removeprefix(below): _own_state(other)
            for other in self.records
            if other.name.startswith(below) and other.kind in (ComponentKind.FLOW, ComponentKind.WORK)
        }
        try:
            flow.load_state_dict(_own_state(record), children, strict=False)
        except Exception as error:
            raise ComponentError(
                f"{record.name}.load_state_dict() raised {type(error).__name__}: {error}; mend it and start again, "
                "the recorded state is as it was"
            ) from error
        for component in flow._walk():
            self._known[component.name] = component
            self.restored.loaded.add(component.name)

    def _miss(self, record: ComponentRecord) -> None:
        self._missing.add(record.name)
        self.restored.missing.append(record)

    def _rebuild(self, parent: Component, key: str, record: ComponentRecord, recipe: Recipe) -> None:
        if record.name in self._known:
            self._take_out(parent, key)
        child = _build_again(record.name, recipe)
        if child.KIND is not record.kind:
            self._miss(record)
            return
        parent._place(key, child)
        if not isinstance(parent, Structure):
            parent.__dict__[key] = child
            parent._var_names.pop(key, None)
        self._known.update({component.name: component for component in child._walk()})

    def _take_out_removed(self, record: ComponentRecord) -> None:
        """Takes out what the code builds into a structure but the app had removed."""
        structure = self._known.get(record.name)
        if not isinstance(structure, Structure) or record.name in self._missing:
            return
        for key, child in list(structure._children.items()):
            if child.name not in self._recorded and structure._is_removed(key, record.vars):
                self._take_out(structure, key)

    def _take_out(self, parent: Component, key: str) -> None:
        for component in parent._children[key]._walk():
            del self._known[component.name]
        parent._displace(key)


def _is_replaced(component: Component, record: ComponentRecord) -> bool:
    """Tells whether the app had put another component where the code builds one: only structures allow that."""
    in_structure = isinstance(component._parent, Structure)
    return in_structure and record.recipe is not None and record.recipe != component._recipe


def _own_state(record: ComponentRecord) -> dict[str, Any]:
    """Writes a record in the shape that `state_dict` has."""
    vars_ = {name: untrack(value) for name, value in record.vars.items() if not name.startswith("_")}
    return {"vars": vars_, "calls": {}, "flows": {}, "works": {}, "structures": {}, "changes": {}}


def _build_again(name: str, recipe: Recipe) -> Component:
    try:
        return build(recipe)
    except Exception as error:
        raise ComponentError(
            f"{name} was added while the app ran and cannot be built again by {recipe.type}: "
            f"{type(error).__name__}: {error}; bring the class back as it was"
        ) from error
