"""List and Dict: components that hold components which come and go."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NoReturn, SupportsIndex

from flowrpc.component.component import Component, type_name
from flowrpc.errors import AttributeRuleError, TreeError
from flowrpc.state import Set
from flowrpc.state.records import ComponentKind, Recipe


class Structure(Component):
    """Holds components under keys. Removing one stops its works and forgets it."""

    def _finish(self, recipe: Any) -> None:
        super()._finish(Recipe(type=type_name(type(self))))

    def _define_var(self, name: str, value: Any) -> NoReturn:
        raise AttributeRuleError(
            f"{self.name}.{name}: a {type(self).__name__} holds components and has no vars"
        )

    def _check_rebuildable(self, wanted: str) -> None:
        for key, child in self._children.items():
            child._check_rebuildable(f"{wanted}.{key}")

    def _check_item(self, item: Any, key: str) -> Component:
        if not isinstance(item, Component):
            raise TreeError(
                f"{self.name}.{key}: a {type(self).__name__} holds flows and works, "
                f"not {type(item).__name__}; keep values in a var"
            )
        item._check_free(f"{self.name}.{key}", self)
        return item

    def _forget_child(self, key: str) -> None:
        self._sync()

    def _recall_child(self, key: str) -> None:
        self._sync()

    def _sync(self) -> None:
        """Makes the items equal to the children."""
        raise NotImplementedError

    def _set_framework_var(self, name: str, value: Any) -> None:
        """Records a var of the framework's own; it is written from here only."""
        old = self.__dict__.get(name)
        if self._log is not None:
            self._log.record(self, Set((name,), value), Set((name,), old) if self._log.undoable else None)
        self._var_names[name] = None
        self.__dict__[name] = value

    def _reorder(self, keys: list[str]) -> None:
        """Puts the children into this order, and records it: recovery attaches them in order of their making."""
        children = dict(self._children)
        self._children.clear()
        self._children.update({key: children[key] for key in keys})
        self._set_framework_var("_order", list(keys))

    def _restore_order(self) -> None:
        """Puts rebuilt children into the recorded order."""
        order = self.__dict__.get("_order") or []
        known = [key for key in order if key in self._children]
        children = {key: self._children[key] for key in [*known, *self._children]}
        self._children.clear()
        self._children.update(children)
        self._sync()


class List(Structure, list[Any]):
    """A list of components, named `0`, `1`, … in the order of their making; a number is never used again."""

    KIND = ComponentKind.LIST

    def __init__(self, *items: Component) -> None:
        """Takes the first items."""
        list.__init__(self)
        self._set_framework_var("_next", 0)
        for item in items:
            self.append(item)

    __hash__ = object.__hash__  # type: ignore[assignment]  # a component is itself, whatever it holds

    def append(self, item: Any) -> None:
        """Adds a component at the end."""
        self.insert(len(self), item)

    def extend(self, items: Iterable[Any]) -> None:
        """Adds components at the end, in order."""
        for item in list(items):
            self.append(item)

    def __iadd__(self, items: Iterable[Any]) -> List:  # type: ignore[misc]
        self.extend(items)
        return self

    def insert(self, index: SupportsIndex, item: Any) -> None:
        """Adds a component before the index."""
        number = self.__dict__["_next"]
        item = self._check_item(item, str(number))
        keys = list(self._children)
        position = slice(index, None).indices(len(keys))[0]
        self._place(str(number), item)
        self._set_framework_var("_next", number + 1)
        if position < len(keys):
            self._reorder([*keys[:position], str(number), *keys[position:]])
        self._sync()

    def __setitem__(self, index: Any, item: Any) -> None:
        if isinstance(index, slice):
            self._set_slice(index, list(item))
            return
        old = self[index]
        if item is not old:
            position = list.index(self, old)
            self._check_item(item, str(self.__dict__["_next"]))
            del self[position]
            self.insert(position, item)

    def _set_slice(self, index: slice, items: list[Any]) -> None:
        start, stop, step = index.indices(len(self))
        if step != 1:
            raise TreeError(f"{self.name}: components are replaced one by one, not by an extended slice")
        for item in items:
            self._check_item(item, str(self.__dict__["_next"]))
        del self[start:stop]
        for offset, item in enumerate(items):
            self.insert(start + offset, item)

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
        self._sync()

    def sort(self, *, key: Any = None, reverse: bool = False) -> None:
        """Sorts by a key of each component."""
        if key is None:
            raise TypeError(f"{self.name}: components have no order of their own; give sort a key")
        ordered = sorted(self._children.items(), key=lambda entry: key(entry[1]), reverse=reverse)
        self._reorder([name for name, _ in ordered])
        self._sync()

    def __imul__(self, count: Any) -> NoReturn:  # type: ignore[misc]
        raise TreeError(f"{self.name}: a component has one place in the tree, so a List cannot be multiplied")

    def index(self, item: Any, *bounds: Any) -> int:
        """Finds a component by identity."""
        for position in range(*slice(*bounds or (None,)).indices(len(self))):
            if self[position] is item:
                return position
        raise ValueError(f"{item!r} is not in {self.name}")

    def _sync(self) -> None:
        list.__setitem__(self, slice(None), list(self._children.values()))


class Dict(Structure, dict[str, Any]):
    """A dict of components; each is named by its key, a text without dots."""

    KIND = ComponentKind.DICT

    def __init__(self, **items: Component) -> None:
        """Takes the first items."""
        dict.__init__(self)
        for key, item in items.items():
            self[key] = item

    __hash__ = object.__hash__  # type: ignore[assignment]  # a component is itself, whatever it holds

    def __setitem__(self, key: str, item: Any) -> None:
        self._check_key(key)
        old = self._children.get(key)
        if item is old and old is not None:
            return
        self._check_item(item, key)
        if old is not None:
            self._replace(key, item)
        else:
            self._place(key, item)
        self._sync()

    def _replace(self, key: str, item: Component) -> None:
        keys = list(self._children)
        self._displace(key)
        self._place(key, item)
        if keys[-1] != key:
            self._reorder(keys)

    def _check_key(self, key: Any) -> None:
        if not isinstance(key, str):
            raise TreeError(f"{self.name}: the provided key should be a string, not {type(key).__name__}")
        if not key or "." in key:
            raise TreeError(
                f"{self.name}: the key {key!r} cannot be part of a name: it is empty or has a dot"
            )

    def __delitem__(self, key: str) -> None:
        if key not in self._children:
            raise KeyError(key)
        self._displace(key)
        self._sync()

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
        """Sets several components."""
        for key, item in dict(*others, **items).items():
            self[key] = item

    def __ior__(self, other: Any) -> Dict:  # type: ignore[override, misc]
        self.update(other)
        return self

    def _sync(self) -> None:
        dict.clear(self)
        dict.update(self, self._children)


def as_structure(value: Any) -> Structure | None:
    """Turns a plain non-empty list or dict of components into a structure."""
    if isinstance(value, Structure) or not value:
        return value if isinstance(value, Structure) else None
    if isinstance(value, list | tuple) and all(isinstance(item, Component) for item in value):
        return List(*value)
    if isinstance(value, Mapping) and all(isinstance(item, Component) for item in value.values()):
        structure = Dict()
        structure.update(value)
        return structure
    return None


def unwrapped(components: Iterable[Component]) -> Iterator[Component]:
    """Yields flows and works, and instead of structures what is in them."""
    for component in components:
        if isinstance(component, Structure):
            yield from unwrapped(component._children.values())
        else:
            yield component
