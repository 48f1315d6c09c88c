"""List and Dict: components that hold components which come and go."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NoReturn, SupportsIndex

from flowrpc.component.component import Component, type_name
from flowrpc.component.framework_vars import set_framework_var
from flowrpc.errors import AttributeRuleError, TreeError
from flowrpc.state import SCALARS, Set, Splice, Value, copy_value
from flowrpc.state.records import ComponentKind, Recipe


class Structure(Component):
    """Holds components under keys. Removing one stops its works and forgets it."""

    def _finish(self, recipe: Any) -> None:
        # Its items are no part of its recipe, so they are not inherent and need recipes of their own.
        self.__dict__.update(_initializing=False, _recipe=Recipe(type=type_name(type(self))))

    def _define_var(self, name: str, value: Any) -> NoReturn:
        raise AttributeRuleError(
            f"{self.name}.{name}: a {type(self).__name__} holds components and has no attributes"
        )

    def _assign_child(self, name: str, child: Component) -> NoReturn:
        self._define_var(name, child)

    def _check_item(self, item: Any, key: str) -> None:
        if not isinstance(item, Component):
            raise TreeError(
                f"{self.name}.{key}: a {type(self).__name__} holds flows and works, "
                f"not {type(item).__name__}; keep values in a var"
            )
        item._check_free(f"{self.name}.{key}", self)

    def _forget_child(self, key: str) -> None:
        self._sync()

    def _recall_child(self, key: str) -> None:
        self._sync()

    def _sync(self) -> None:
        """Makes the items equal to the children."""
        raise NotImplementedError

    # Framework vars: recovery attaches the items in order of their making, and these tell what came of them since

    def _reorder(self, keys: list[str]) -> None:
        """Puts the children into this order, and records it unless it goes without saying."""
        if keys != self._derived_order():
            self._record_order(keys)
        self._arrange(keys)

    def _record_order(self, keys: list[str]) -> None:
        if "_order" not in self._var_names:
            set_framework_var(self, "_order", [])
            self.__dict__["_order"] = _Order((), self)
        order: _Order = self.__dict__["_order"]
        if self._log is not None:
            inverse = Splice(("_order",), 0, len(keys), list(order)) if self._log.undoable else None
            self._log.record(self, Set(("_order",), list(keys)), inverse)
        order[:] = keys

    def _derived_order(self) -> list[str]:
        """Works the order of the children out from what is recorded."""
        known = dict.fromkeys(key for key in self.__dict__.get("_order", ()) if key in self._children)
        return [*known, *(key for key in self._made() if key not in known)]

    def _made(self) -> Iterable[str]:
        """Yields the keys in the order of their making, as far as they are not in the recorded order."""
        return self._children

    def _arrange(self, keys: Iterable[str]) -> None:
        children = {key: self._children[key] for key in keys}
        self._children.clear()
        self._children.update(children)
        self._sync()

    # Recovery

    def _take_back(self, vars: dict[str, Value], children: dict[str, Component]) -> None:
        super()._take_back(vars, children)
        self._restore_order()

    def _is_removed(self, key: str, recorded: Mapping[str, Value]) -> bool:
        """Tells whether an item that the code builds and the record lacks was removed, rather than new in the code."""
        raise NotImplementedError

    def _restore_order(self) -> None:
        """Puts rebuilt children into the recorded order."""
        if "_order" in self._var_names:
            self.__dict__["_order"] = _Order(self.__dict__["_order"], self)
        self._arrange(self._derived_order())


class _Order(list[Any]):
    """The recorded order of a structure's items, which puts them into it when `ChangeLog.undo` takes a change back."""

    def __init__(self, keys: Iterable[Any], structure: Structure) -> None:
        super().__init__(keys)
        self._structure = structure

    def _lay(self, start: int, count: int, keys: list[Any]) -> None:
        self[start : start + count] = keys
        self._structure._arrange(self._structure._derived_order())


class List(Structure, list[Any]):
    """A list of components, named `0`, `1`, … in the order of their making; a number is never used again."""

    KIND = ComponentKind.LIST

    def __init__(self, *items: Component) -> None:
        """Takes the first items."""
        list.__init__(self)
        self.extend(items)

    def _set_up(self) -> None:
        super()._set_up()
        set_framework_var(self, "_next", 0)

    __hash__ = object.__hash__  # type: ignore[assignment]  # a component is itself, whatever it holds

    def append(self, item: Any) -> None:
        """Adds a component at the end."""
        self.insert(len(self), item)

    def extend(self, items: Iterable[Any]) -> None:
        """Adds components at the end, in order, or none if one cannot be added."""
        self[len(self) :] = items

    def __iadd__(self, items: Iterable[Any]) -> List:  # type: ignore[misc]
        self.extend(items)
        return self

    def insert(self, index: SupportsIndex, item: Any) -> None:
        """Adds a component before the index."""
        self[index:index] = [item]

    def __setitem__(self, index: Any, item: Any) -> None:
        if isinstance(index, slice):
            self._set_slice(index, list(item))
            return
        old, position = self[index], operator.index(index) % len(self)
        if item is not old:
            self._set_slice(slice(position, position + 1), [item])

    def _set_slice(self, index: slice, items: list[Any]) -> None:
        """Replaces a run of components; those that are in it already stay, and keep their names."""
        keys = list(self._children)
        start, stop, step = index.indices(len(keys))
        if step != 1:
            raise TreeError(f"{self.name}: components are replaced one by one, not by an extended slice")
        stop = max(start, stop)
        names = {id(self._children[key]): key for key in keys[start:stop]}
        self._check_items(items, names)
        kept = {names[id(item)] for item in items if id(item) in names}
        for key in keys[start:stop]:
            if key not in kept:
                self._displace(key)
        placed = [names.get(id(item)) or self._add(item) for item in items]
        self._reorder([*keys[:start], *placed, *keys[stop:]])

    def _check_items(self, items: Sequence[Any], names: Mapping[int, str]) -> None:
        for number, item in enumerate(items, self.__dict__["_next"]):
            if id(item) not in names:
                self._check_item(item, str(number))
        if len({id(item) for item in items}) < len(items):
            raise TreeError(
                f"{self.name}: a component has one place in the tree, and one is given here twice"
            )

    def _add(self, item: Component) -> str:
        number = self.__dict__["_next"]
        while (
            str(number) in self._children
        ):  # the code builds more items than it did when the app was recorded
            number += 1
        self._place(str(number), item)
        set_framework_var(self, "_next", number + 1)
        return str(number)

    def _displace(self, key: str) -> Component:
        if int(key) >= self.__dict__["_next"]:
            set_framework_var(self, "_next", int(key) + 1)
        return super()._displace(key)

    def __delitem__(self, index: Any) -> None:
        keys = list(self._children)[index]
        for key in keys if isinstance(index, slice) else [keys]:
            self._displace(key)
        self._sync()

    def pop(self, index: SupportsIndex = -1) -> Any:
        """Removes a component and returns it, free to go elsewhere."""
        item = self[index]
        del self[index]
        return item

    def remove(self, item: Any) -> None:
        """Removes a component."""
        del self[self.index(item)]

    def clear(self) -> None:
        """Removes all components."""
        del self[:]

    def reverse(self) -> None:
        """Reverses the order."""
        self._reorder(list(self._children)[::-1])

    def sort(self, *, key: Any = None, reverse: bool = False) -> None:
        """Sorts by a key of each component."""
        if key is None:
            raise TypeError(f"{self.name}: components have no order of their own; give sort a key")
        ordered = sorted(self._children.items(), key=lambda entry: key(entry[1]), reverse=reverse)
        self._reorder([name for name, _ in ordered])

    def __imul__(self, count: Any) -> NoReturn:  # type: ignore[misc]
        raise TreeError(f"{self.name}: a component has one place in the tree, so a List cannot be multiplied")

    def index(self, item: Any, *bounds: Any) -> int:
        """Finds a component by identity, between the bounds if there are any."""
        start, stop = (*bounds, None, None)[:2]
        for position in range(*slice(start, stop).indices(len(self))):
            if self[position] is item:
                return position
        raise ValueError(f"{item!r} is not in {self.name}")

    def _made(self) -> Iterable[str]:
        return sorted(self._children, key=int)

    def _is_removed(self, key: str, recorded: Mapping[str, Value]) -> bool:
        made = recorded.get("_next")
        return isinstance(made, int) and int(key) < made

    def _sync(self) -> None:
        list.__setitem__(self, slice(None), list(self._children.values()))


class Dict(Structure, dict[str, Any]):
    """A dict of components; each is named by its key, a text without dots."""

    KIND = ComponentKind.DICT

    def __init__(self, **items: Component) -> None:
        """Takes the first items."""
        dict.__init__(self)
        self.update(items)

    __hash__ = object.__hash__  # type: ignore[assignment]  # a component is itself, whatever it holds

    def __setitem__(self, key: str, item: Any) -> None:
        key = self._check_key(key)
        if item is None or item is not self._children.get(key):
            self._check_item(item, key)
            self._put(key, item)

    def _put(self, key: str, item: Component) -> None:
        keys = list(self._children)
        if key in self._children:
            self._forget(key)
        else:
            keys.append(key)
        self._place(key, item)
        self._reorder(keys)

    def _check_key(self, key: Any) -> str:
        if not isinstance(key, str):
            raise TreeError(f"{self.name}: the provided key should be a string, not {type(key).__name__}")
        plain = str.__str__(key)
        copy_value(plain, f"a key of {self.name}")  # raises if UTF-8 cannot carry it
        if not plain or "." in plain:
            raise TreeError(
                f"{self.name}: the key {plain!r} cannot be part of a name: it is empty or has a dot"
            )
        return plain

    def __delitem__(self, key: str) -> None:
        if key not in self._children:
            raise KeyError(key)
        self._forget(key)
        self._sync()

    def _forget(self, key: str) -> None:
        """Takes an item out, and notes it if the code would build it again after a restart."""
        removed = self.__dict__.get("_removed", ())
        if self._log is not None and self._children[key]._inherent and key not in removed:
            set_framework_var(self, "_removed", [*removed, key])
        self._displace(key)

    def pop(self, key: str, *default: Any) -> Any:
        """Removes a component and returns it, free to go elsewhere."""
        if key not in self._children and default:
            return default[0]
        item = self[key]
        del self[key]
        return item

    def popitem(self) -> tuple[str, Any]:
        """Removes the newest component."""
        if not self:
            raise KeyError(f"{self.name} is empty")
        key = next(reversed(self._children))
        return key, self.pop(key)

    def clear(self) -> None:
        """Removes all components."""
        for key in list(self):
            del self[key]

    def setdefault(self, key: str, default: Any = None) -> Any:
        """Returns the component of the key, and adds this one if there is none."""
        if key not in self:
            self[key] = default
        return self[key]

    def update(self, *others: Any, **items: Any) -> None:
        """Sets several components, or none if one cannot be set."""
        new = {self._check_key(key): item for key, item in dict(*others, **items).items()}
        new = {key: item for key, item in new.items() if item is None or item is not self._children.get(key)}
        for key, item in new.items():
            self._check_item(item, key)
        if len({id(item) for item in new.values()}) < len(new):
            raise TreeError(
                f"{self.name}: a component has one place in the tree, and one is given here twice"
            )
        for key, item in new.items():
            self._put(key, item)

    def __ior__(self, other: Any) -> Dict:  # type: ignore[override, misc]
        self.update(other)
        return self

    def _is_removed(self, key: str, recorded: Mapping[str, Value]) -> bool:
        removed = recorded.get("_removed")
        return isinstance(removed, list) and key in removed

    def _sync(self) -> None:
        dict.clear(self)
        dict.update(self, self._children)


def as_structure(value: Any, place: str) -> Structure | None:
    """Turns a plain list or dict of components into a structure; None if there are no components in it.

    Raises:
        TreeError: It holds values as well, or components that have a place already.
    """
    if not isinstance(value, Mapping | list | tuple):
        return None
    items = list(value.values()) if isinstance(value, Mapping) else value
    if not any(isinstance(item, Component) for item in items if type(item) not in SCALARS):
        return None
    for item in items:
        if not isinstance(item, Component):
            raise TreeError(
                f"{place}: mixes components with {type(item).__name__}; a list or dict holds either components or "
                "values (write List(…) or Dict(…) for components inside it)"
            )
    if isinstance(value, Mapping):
        structure = Dict()
        structure.update(value)
        return structure
    return List(*items)


def unwrapped(components: Iterable[Component]) -> Iterator[Component]:
    """Yields flows and works, and instead of structures what is in them."""
    for component in components:
        if isinstance(component, Structure):
            yield from unwrapped(component._children.values())
        else:
            yield component
