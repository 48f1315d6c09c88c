"""The state of an app as a tree of attributes, for pages: `state.counter`, `state.child.names`, `state.items["0"]`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from flowrpc.protocol.run_directory import PAGE_DATA_DIR
from flowrpc.state.values import copy_value

from flowrpc_client.client import FlowClient
from flowrpc_client.errors import NotReachableError

_COMPONENTS = ("flows", "works", "structures")


class AppState:
    """Reads and sets the vars of a flow and of what is below it, as attributes.

    The state is read when it is first asked for, all of one revision, and again after something was set. To see
    what others did since, make another one; a page gets a new one at each rerun.

    A var is set as a whole: `state.names = [*state.names, "ann"]`. What is read is a copy;
    changes of it reach nobody.
    Structures are read by key: `state.shops["0"]`, `len(state.shops)`, `state.shops.items()`.

    Args:
        component: Full name of the flow.
        client: The client of the app. Without one it is the app that a page belongs to, else the one running app of
            this user.

    Raises:
        AttributeError: When an attribute is read or set: there is no such one, it is a component and not to be set, or
            the app does not answer.
    """

    def __init__(self, component: str = "root", *, client: FlowClient | None = None) -> None:
        _set(self, _source=_Source(component, client), _path=())

    @property
    def _state(self) -> dict[str, Any]:
        """The nested state, in the shape of `flow.state`: `["vars"]["counter"]`, `["flows"]["child"]`."""
        return _state_of(self)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name in ("_source", "_path"):
            raise AttributeError(name)
        state = _state_of(self)
        if name in state.get("vars", ()):
            return copy_value(state["vars"][name], f"{_name(self)}.{name}")
        group = _group_of(state, name)
        if group is not None:
            return _below(self, group, name)
        if name in _METHODS and "vars" not in state:
            return lambda: _METHODS[name](self)
        raise AttributeError(_unknown(state, name))

    def __setattr__(self, name: str, value: Any) -> None:
        state = _state_of(self)
        group = _group_of(state, name)
        if group is not None:
            raise AttributeError(
                f"You shouldn't set the {group} directly onto the state. Use its attributes instead: "
                f"{name} of {_name(self)} is a component"
            )
        if name not in state.get("vars", ()):
            raise AttributeError(_unknown(state, name))
        self._source.update(_name(self), name, value)

    def __getitem__(self, key: str | int) -> AppState:
        state = _state_of(self)
        group = _group_of(state, str(key)) if "vars" not in state else None
        if group is None:
            raise KeyError(f"{_name(self)} has no {key!r}; it has {_keys(self)}")
        return _below(self, group, str(key))

    def __contains__(self, key: object) -> bool:
        return str(key) in _keys(self)

    def __iter__(self) -> Iterator[str]:
        return iter(_keys(self))

    def __len__(self) -> int:
        return len(_keys(self))

    def __bool__(self) -> bool:
        return True

    def __dir__(self) -> list[str]:
        state = _state_of(self)
        return [*state.get("vars", ()), *_children(state)]

    def __repr__(self) -> str:
        return f"AppState({_name(self)!r})"


class _Source:
    """Where nodes of one tree have their state from."""

    def __init__(self, component: str, client: FlowClient | None) -> None:
        self.component = component
        self._given = client
        self._read: dict[str, Any] | None = None

    def state(self) -> dict[str, Any]:
        """Reads the state, or returns what was read."""
        if self._read is None:
            self._read = self._ask(lambda client: client.state(self.component))
        return self._read

    def update(self, component: str, name: str, value: Any) -> None:
        """Sets a var; the state is read anew when it is asked for next."""
        self._ask(lambda client: client.update(component, {name: value}))
        self._read = None

    def _ask(self, question: Callable[[FlowClient], Any]) -> Any:
        try:
            return question(self._given or _client_of_this_process())
        except NotReachableError as error:
            raise AttributeError(
                f"Failed to connect and fetch the app state. Is the app running? {error}"
            ) from error


@cache
def _client_of_this_process() -> FlowClient:
    """Makes the client that all states of a page's process share."""
    data_dir = os.environ.get(PAGE_DATA_DIR)
    if not data_dir:
        return FlowClient()
    return FlowClient(data_dir=data_dir, token_file=Path(data_dir) / "tokens" / "call")


def _set(node: AppState, **facts: Any) -> None:
    for name, fact in facts.items():
        object.__setattr__(node, name, fact)


def _state_of(node: AppState) -> dict[str, Any]:
    # Not in the property: Python asks __getattr__ for a property that raises AttributeError.
    state: dict[str, Any] = node._source.state()
    for group, key in node._path:
        if key not in state[group]:
            raise AttributeError(f"{_name(node)} is in the app no more; make a new AppState")
        state = state[group][key]
    return state


def _below(node: AppState, group: str, key: str) -> AppState:
    below = AppState.__new__(AppState)
    _set(below, _source=node._source, _path=(*node._path, (group, key)))
    return below


def _name(node: AppState) -> str:
    return ".".join((node._source.component, *(key for _, key in node._path)))


def _group_of(state: dict[str, Any], name: str) -> str | None:
    return next((group for group in _COMPONENTS if name in state.get(group, ())), None)


def _children(state: dict[str, Any]) -> list[str]:
    return [key for group in _COMPONENTS for key in state.get(group, ())]


def _keys(node: AppState) -> list[str]:
    """Returns the keys of a structure, or the names of the components below a flow; numbers are in order."""
    keys = _children(_state_of(node))
    return sorted(keys, key=int) if all(key.isdecimal() for key in keys) else keys


def _values(node: AppState) -> list[AppState]:
    return [node[key] for key in _keys(node)]


def _items(node: AppState) -> list[tuple[str, AppState]]:
    return [(key, node[key]) for key in _keys(node)]


_METHODS: dict[str, Callable[[AppState], list[Any]]] = {"items": _items, "keys": _keys, "values": _values}
"""What structures have as dicts do. A var or component of the same name comes first."""


def _unknown(state: dict[str, Any], name: str) -> str:
    return (
        f"Failed to access '{name}' through `AppState`. The state provides: "
        f"Variables: {list(state.get('vars', ()))}, Components: {_children(state)}"
    )
