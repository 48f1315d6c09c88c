"""The base of flows, works and structures: attributes as state, and the place in the tree."""

from __future__ import annotations

import inspect
from abc import ABCMeta
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NoReturn

from flowrpc.component.markers import Attached, Detached
from flowrpc.errors import AttributeRuleError, ComponentError, InvalidValueError, TreeError
from flowrpc.state import (
    Change,
    ChangeLog,
    Extension,
    Reinsert,
    Remove,
    Set,
    Value,
    apply,
    copy_value,
    is_plain_scalar,
    same,
)
from flowrpc.state.containers import detach, track, untrack
from flowrpc.state.records import ComponentKind, ComponentRecord, Recipe
from flowrpc.storage.path import SCHEME, as_path

ROOT_NAME = "root"


class ComponentMeta(ABCMeta):
    """Sets a component up before its `__init__`, so that forgetting `super().__init__()` breaks nothing.

    It is an ABCMeta, so that users may mix abstract classes in.
    """

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        """Builds a component and notes how to build it again."""
        _check_class(cls)
        component: Any = cls.__new__(cls, *args, **kwargs)  # type: ignore[arg-type]  # cls is a Component
        component._set_up()
        recipe = _recipe(cls, args, kwargs)
        component.__init__(*args, **kwargs)
        component._finish(recipe)
        return component


class Component(metaclass=ComponentMeta):
    """Holds vars, children, and a place in a tree.

    Every public attribute is a var, and part of the state; `_private` attributes are not. Vars are defined in
    `__init__` and hold values as JSON has them.
    """

    KIND: ComponentKind
    """What the component is; each subclass that users see sets it."""

    _log: ChangeLog | None
    _var_names: dict[str, None]
    _children: dict[str, Component]
    _parent: Component | None
    _name: str
    _initializing: bool
    _inherent: bool  # whether a constructor further up made it, so that recovery need not
    _recipe: Recipe | InvalidValueError | None
    _context: Any

    def _set_up(self) -> None:
        self.__dict__.update(
            _log=None,
            _var_names={},
            _children={},
            _parent=None,
            _name=ROOT_NAME,
            _initializing=True,
            _inherent=False,
            _recipe=None,
            _context=None,
        )

    def _finish(self, recipe: Recipe | InvalidValueError) -> None:
        self.__dict__.update(_initializing=False, _recipe=recipe)
        for child in self._children.values():
            child._mark_inherent()

    def _mark_inherent(self) -> None:
        for component in self._walk():
            component.__dict__["_inherent"] = True

    @property
    def name(self) -> str:
        """The full name: `root`, `root.train`, `root.dags.0`."""
        return self._name

    def __setattr__(self, name: str, value: Any) -> None:
        """Sets a var, a private attribute or a child, after the rules of the component model.

        Raises:
            AttributeRuleError: The attribute may not be set, or not here.
            InvalidValueError: The value cannot be state.
            TreeError: The component has its place elsewhere.
        """
        attributes = self.__dict__
        if (
            name in attributes["_var_names"]
            and is_plain_scalar(value)
            and (type(value) is not str or value[:6] != SCHEME)
        ):
            old = attributes[name]
            # 0.0 == -0.0, and they are two values.
            if (
                type(old) is type(value)
                and old == value
                and (old or type(old) is not float or same(old, value))
            ):
                return
            log = attributes["_log"]
            if log is not None:
                log.record(self, Set((name,), value), Set((name,), untrack(old)) if log.undoable else None)
            if type(old) is not type(value):
                detach(old)
            attributes[name] = value
        elif name[:1] == "_":
            self._check_private(name)
            object.__setattr__(self, name, value)
        else:
            self._assign(name, value)

    def __delattr__(self, name: str) -> None:
        """Removes a private attribute; vars and children stay for the component's life."""
        if name.startswith("_"):
            self._check_private(name)
            object.__delattr__(self, name)
            return
        raise AttributeRuleError(f"{self.name}.{name}: state attributes cannot be deleted; set None instead")

    def _check_private(self, name: str) -> None:
        if name in _framework_names(type(self)):
            raise AttributeRuleError(
                f"{self.name}.{name}: the name is reserved, flowrpc uses it inside; choose another"
            )

    def _assign(self, name: str, value: Any) -> None:
        descriptor = getattr(type(self), name, None)
        if isinstance(descriptor, property):
            self._assign_property(name, descriptor, value)
        elif (child := self._as_child(name, value)) is not None:
            self._assign_child(name, child)
        elif name in self._var_names:
            self._assign_var(name, value)
        else:
            self._define_var(name, value)

    def _assign_property(self, name: str, descriptor: property, value: Any) -> None:
        if descriptor.fset is None:
            raise AttributeRuleError(
                f"{self.name}.{name}: the name is reserved for a property of {type(self).__name__}"
            )
        descriptor.__set__(self, value)

    def _as_child(self, name: str, value: Any) -> Component | None:
        return value if isinstance(value, Component) else None

    def _assign_child(self, name: str, child: Component) -> None:
        if self._children.get(name) is child:
            return
        if name in self._children:
            self._refuse_replacing(name)
        self._check_name(name)
        child._check_free(f"{self.name}.{name}", self)
        if name in self._var_names:
            self._remove_var(name)
        self._place(name, child)
        self.__dict__[name] = child

    def _assign_var(self, name: str, value: Any) -> None:
        old = self.__dict__[name]
        if value is old and not isinstance(value, Extension):
            return  # `self.names += [...]` ends here: the container has recorded what happened
        self._replace_var(name, self._take_in(name, value))

    def _replace_var(self, name: str, plain: Value) -> None:
        """Sets a var to what was checked, or was state before and may have grown beyond what may be given at once."""
        old = self.__dict__[name]
        if same(old, plain):
            return
        if self._log is not None:
            inverse = Set((name,), untrack(old)) if self._log.undoable else None
            self._log.record(self, Set((name,), plain), inverse)
        detach(old)
        self.__dict__[name] = track(plain, self, name)

    def _define_var(self, name: str, value: Any) -> None:
        if name in self._children:
            self._refuse_replacing(name)
        self._check_name(name)
        if not self._initializing:
            raise AttributeRuleError(
                f"Cannot set attributes that were not defined in __init__: {name}. "
                f"Define {self.name}.{name} in __init__, or name it _{name} if it is no state"
            )
        plain = self._take_in(name, value)
        self._var_names[name] = None
        self.__dict__[name] = track(plain, self, name)

    def _take_in(self, name: str, value: Any) -> Value:
        """Checks and copies what is to be a var."""
        return copy_value(as_path(value), f"{self.name}.{name}")

    def _remove_var(self, name: str) -> None:
        """Takes a var out of the state; a component takes its name."""
        position = list(self._var_names).index(name)
        old = self.__dict__[name]
        if self._log is not None:
            inverse = Reinsert((name,), untrack(old), position) if self._log.undoable else None
            self._log.record(self, Remove((name,)), inverse)
        detach(old)
        del self._var_names[name], self.__dict__[name]

    def _check_name(self, name: str) -> None:
        if not name.isidentifier():
            raise AttributeRuleError(
                f"{self.name}: {name!r} is no attribute name that Python could read back"
            )
        if name in _framework_names(type(self)):
            raise AttributeRuleError(
                f"{self.name}.{name}: the name is reserved, {type(self).__name__} has its own {name}; choose another"
            )

    def _refuse_replacing(self, name: str) -> NoReturn:
        child = self._children[name]
        kind = "work" if child.KIND is ComponentKind.WORK else "flow"
        raise AttributeRuleError(
            f"Cannot set attributes as the {kind} can't be changed once defined: {name}. "
            f"{child.name} stays for the life of {self.name}; keep components that come and go in a List or Dict"
        )

    # The place in the tree

    def _check_free(self, wanted: str, parent: Component) -> None:
        """Refuses a component that cannot take this place: it has one, would contain itself, or is lost at a restart.

        Whoever places a component asks first, before anything is changed.
        """
        if self._initializing:
            raise TreeError(
                f"{wanted}: the {type(self).__name__} is still in its __init__; place it when it is built"
            )
        if self._parent is not None:
            raise TreeError(
                f"a component has one place in the tree: {self.name} cannot be {wanted} as well; build a second one"
            )
        ancestor: Component | None = parent
        while ancestor is not None:
            if ancestor is self:
                raise TreeError(f"{wanted} cannot be {self.name} itself: the tree would contain itself")
            ancestor = ancestor._parent
        if parent._log is not None:
            parent._log.check_thread(parent)
            self._check_rebuildable(wanted)
            self._check_supported(wanted)

    def _place(self, key: str, child: Component) -> None:
        """Makes a component a child and, if this tree is recorded, records it with all it holds."""
        self._children[key] = child
        child.__dict__.update(_parent=self, _inherent=False)
        child._rename(f"{self.name}.{key}")
        if self._log is not None:
            child._enter(self._log, self._context, placed_in=self)
            self._context.placed()

    def _displace(self, key: str) -> Component:
        """Takes a child out of the tree; it keeps its vars and is free to go elsewhere."""
        child = self._children[key]
        if self._log is not None:
            names = {component: component.name for component in child._walk()}
            content = child._content() if self._log.undoable else ()
            self._log.record(child, Detached(child.name, names, self, list(self._children), content))
            self._context.displaced(names)
        del self._children[key]
        child._leave()
        return child

    def _content(self) -> tuple[tuple[Component, dict[str, Value], dict[str, Component]], ...]:
        return tuple((c, c._plain_vars(private=True), dict(c._children)) for c in self._walk())

    def _take_back(self, vars: dict[str, Value], children: dict[str, Component]) -> None:
        """Gives a component that was outside of the tree the vars and children again that it had inside."""
        for key, child in list(self._children.items()):
            if children.get(key) is not child:
                del self._children[key]
                self._forget_child(key)
                child._leave()
        self._children.clear()
        self._children.update(children)
        for name in self._var_names:
            detach(self.__dict__.pop(name))
        self._var_names.clear()
        for name, value in vars.items():
            self._var_names[name] = None
            self.__dict__[name] = track(value, self, name)
        for key, child in children.items():
            child.__dict__["_parent"] = self
            self._recall_child(key)

    def _rename(self, name: str) -> None:
        self.__dict__["_name"] = name
        for key, child in self._children.items():
            child._rename(f"{name}.{key}")

    def _enter(
        self,
        log: ChangeLog,
        context: Any,
        *,
        record: bool = True,
        dynamic: bool = True,
        placed_in: Component | None = None,
    ) -> None:
        """Begins to record this component and what is below it.

        Args:
            log: The log of the tree.
            context: What calls of works go through.
            record: Whether to record that the components are there now.
            dynamic: Whether they came after the root was built, so that recovery may have to build them again.
            placed_in: The parent that a dynamic component was just given.
        """
        if record:
            log.record(self, Attached(self._record(dynamic=dynamic), placed_in))
        self.__dict__.update(_log=log, _context=context)
        for child in self._children.values():
            child._enter(log, context, record=record, dynamic=dynamic)

    def _leave(self) -> None:
        self.__dict__["_parent"] = None
        self._rename(ROOT_NAME)
        for component in self._walk():
            component.__dict__.update(_log=None, _context=None)

    def _check_rebuildable(self, wanted: str) -> None:
        """Refuses a dynamic component that recovery could not build again."""
        if isinstance(self._recipe, InvalidValueError):
            raise TreeError(
                f"{wanted} is added while the app runs, so its constructor's arguments must be values, "
                f"to build it again after a restart: {self._recipe}"
            )
        for key, child in self._children.items():
            if not child._inherent:
                child._check_rebuildable(f"{wanted}.{key}")

    def _check_supported(self, name: str) -> None:
        """Refuses a component that needs what nothing gives it, here or below; `name` is what it will be called."""
        for key, child in self._children.items():
            child._check_supported(f"{name}.{key}")

    def _forget_child(self, key: str) -> None:
        """Drops the attribute of a child whose attachment is undone."""
        del self.__dict__[key]

    def _recall_child(self, key: str) -> None:
        """Sets the attribute of a child whose removal is undone."""
        self.__dict__[key] = self._children[key]

    def _walk(self) -> Iterator[Component]:
        """Yields this component and everything below it, parents first."""
        yield self
        for child in self._children.values():
            yield from child._walk()

    # State

    def _plain_vars(self, *, private: bool = False) -> dict[str, Value]:
        attributes = self.__dict__
        return {name: untrack(attributes[name]) for name in self._var_names if private or name[0] != "_"}

    def _changes(self) -> dict[str, Value]:
        """Returns the vars that the pass or command under way has changed so far; none outside of an app."""
        if self._context is None:
            return {}
        changed = self._context.changed_vars(self)
        return {
            name: untrack(self.__dict__[name])
            for name in changed
            if name in self._var_names and name[0] != "_"
        }

    def _record(self, *, dynamic: bool) -> ComponentRecord:
        recipe = self._recipe if dynamic and not self._inherent else None
        return ComponentRecord(
            name=self.name,
            kind=self.KIND,
            type=type_name(type(self)),
            vars=self._plain_vars(private=True),
            recipe=recipe if isinstance(recipe, Recipe) else None,
        )

    def _restore_vars(self, values: dict[str, Value]) -> dict[str, Value]:
        """Sets vars without recording and returns those that the component does not have (any more)."""
        dropped = {}
        for name, value in values.items():
            if name in self._var_names or name.startswith("_"):
                self._var_names[name] = None
                detach(self.__dict__.get(name))
                self.__dict__[name] = track(value, self, name)
            elif name not in self._children:
                dropped[name] = value
        return dropped

    def _apply_unrecorded(self, change: Change) -> None:
        """Applies a change that somebody else recorded; a container that changes is replaced by a new one."""
        var = str(change.path[0])
        if var not in self._var_names:
            return  # whoever recorded it has a var that this code has not
        values = {var: untrack(self.__dict__[var])}
        apply(values, change)
        detach(self.__dict__[var])
        self.__dict__[var] = track(values[var], self, var)

    def _set_vars(self, values: dict[str, Value]) -> None:
        for name, value in values.items():
            if not name.startswith("_"):
                setattr(self, name, value)


def type_name(cls: type) -> str:
    """Names a class as `module:qualified.name`."""
    return f"{cls.__module__}:{cls.__qualname__}"


def _recipe(cls: type, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Recipe | InvalidValueError:
    """Notes the constructor's arguments before the constructor can change them."""
    place = f"{cls.__name__}()"
    try:
        return Recipe(
            type=type_name(cls),
            args=tuple(copy_value(value, f"{place} argument {number}") for number, value in enumerate(args)),
            kwargs={name: copy_value(value, f"{place} argument {name}") for name, value in kwargs.items()},
        )
    except InvalidValueError as error:
        return error


@lru_cache(maxsize=1024)
def _framework_names(cls: type) -> frozenset[str]:
    """Returns the names that the framework's own classes below `cls` use, public and private."""
    names: set[str] = set()
    for base in filter(_is_framework, cls.__mro__):
        names.update(vars(base), inspect.get_annotations(base))
    return frozenset(name for name in names if not name.startswith(("__", "_abc_")))


@lru_cache(maxsize=1024)
def _check_class(cls: type) -> None:
    """Refuses a class that redefines what the framework relies on.

    Raises:
        ComponentError: A name of the class is used by the framework, or its objects are not compared by identity.
    """
    own = {name: base for base in cls.__mro__ if not _is_framework(base) for name in vars(base)}
    inside = {name for name in _framework_names(cls) if name.startswith("_")} | {"KIND", "name"}
    for name in sorted(inside & own.keys()):
        raise ComponentError(
            f"the class {own[name].__name__} defines {name}, which flowrpc uses inside; choose another name"
        )
    if inspect.isfunction(getattr(cls, "ready", None)):
        raise ComponentError(f"the class {cls.__name__} defines ready as a method; write @property above it")
    if getattr(cls, "__hash__", None) is not object.__hash__:
        raise ComponentError(
            f"the class {cls.__name__} defines __eq__ or __hash__, but a component equals only itself; "
            "leave them out (a dataclass needs eq=False)"
        )


def _is_framework(cls: type) -> bool:
    return cls.__module__.startswith("flowrpc.component.")
