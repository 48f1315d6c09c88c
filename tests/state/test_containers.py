"""Tracked containers against plain ones: any operation, at any depth, in any order."""

from __future__ import annotations

import copy
import json
import operator
import pickle
from collections.abc import Callable
from typing import Any

from flowrpc.errors import InvalidValueError
from flowrpc.state import (
    ChangeLog,
    Folded,
    TrackedDict,
    TrackedList,
    Value,
    apply,
    apply_tracked,
    same,
    untrack,
    vars_hash,
)
from flowrpc.state.extension import extension_json
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.state.owner_double import OwnerDouble, deterministic, keys, values

Operation = Callable[[Any], Any]

indices = st.integers(-4, 4)
bounds = st.none() | indices
slices = st.builds(slice, bounds, bounds, st.sampled_from([None, 1, 2, -1, -2, 3]))
items = st.lists(values, max_size=3)
entries = st.dictionaries(keys, values, max_size=3)


def calls(name: str, *arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[Operation]:
    return st.builds(lambda *given: operator.methodcaller(name, *given), *arguments)


def sorted_by_text(reverse: bool) -> Operation:
    return lambda container: container.sort(key=repr_of_plain, reverse=reverse)


def repr_of_plain(value: Value) -> str:
    return repr(untrack(value))


on_lists = st.one_of(
    calls("append", values),
    calls("extend", items),
    calls("insert", indices, values),
    calls("__setitem__", indices, values),
    calls("__setitem__", slices, items),
    calls("__delitem__", indices),
    calls("__delitem__", slices),
    calls("pop"),
    calls("pop", indices),
    calls("remove", values),
    calls("reverse"),
    calls("sort"),
    st.builds(sorted_by_text, st.booleans()),
    calls("__iadd__", items),
    calls("__imul__", st.integers(-1, 3)),
    calls("clear"),
)
on_dicts = st.one_of(
    calls("__setitem__", keys, values),
    calls("__setitem__", keys, values),
    calls("__delitem__", keys),
    calls("pop", keys),
    calls("pop", keys, values),
    calls("popitem"),
    calls("update", entries),
    calls("update", entries.map(lambda entries: list(entries.items()))),
    calls("setdefault", keys, values),
    calls("__ior__", entries),
    calls("clear"),
)


def outcome(operation: Operation, container: Any) -> tuple[type | None, Any]:
    """Runs an operation; its result, or the type of its error, is what must not differ."""
    try:
        result = operation(container)
    except Exception as error:  # noqa: BLE001  # any error counts, if the other side raises the same
        return type(error), None
    return None, None if result is container else untrack(result)


class TrackedState(RuleBasedStateMachine):
    """One owner, its plain model, and the vars that it began with."""

    @initialize(x=values, y=values)
    def begin(self, x: Value, y: Value) -> None:
        self.owner = OwnerDouble(ChangeLog(undoable=True), x=x, y=y, rows=[[1, 2], {"a": [3]}, 4])
        self.began = self.owner.plain()
        self.model = self.owner.plain()
        self.undone: list[dict[str, Value]] = []
        self.handles: list[Any] = []

    def pick(self, data: st.DataObject) -> list[Any]:
        """Draws the way to a container; empty if there is none."""
        containers: list[list[Any]] = []
        todo: list[tuple[list[Any], Any]] = [([name], value) for name, value in self.model.items()]
        for way, value in todo:
            if isinstance(value, list | dict):
                containers.append(way)
                steps = value.items() if isinstance(value, dict) else enumerate(value)
                todo += [([*way, step], inner) for step, inner in steps]
        return data.draw(st.sampled_from(containers)) if containers else []

    def follow(self, root: Any, way: list[Any]) -> Any:
        for step in way:
            root = root[step]
        return root

    @rule(data=st.data(), times=st.integers(1, 4))
    def operate(self, data: st.DataObject, times: int) -> None:
        for _ in range(times):
            way = self.pick(data)
            if way:
                self.operate_at(way, data)

    def operate_at(self, way: list[Any], data: st.DataObject) -> None:
        live = self.follow(self.owner.__dict__, way)
        model: Any = untrack(self.model)
        plain = self.follow(model, way)
        operation = data.draw(on_lists if isinstance(plain, list) else on_dicts)
        self.keep_handles(live, data)
        expected = outcome(operation, plain)
        assert repr(outcome(operation, live)) == repr(expected)
        if expected[0] is None:  # a list that raises while sorting is in disorder; ours is as before
            self.model = untrack(model)  # type: ignore[assignment]

    def keep_handles(self, live: Any, data: st.DataObject) -> None:
        inner = live if isinstance(live, list) else live.values()
        self.handles += [value for value in inner if isinstance(value, list | dict)]
        del self.handles[:-10]

    @rule(data=st.data(), bad=st.sampled_from([object(), {1: 2}, float("nan"), b""]))
    def refuse(self, data: st.DataObject, bad: object) -> None:
        """Fails in the middle of an operation, which changes nothing."""
        way = self.pick(data)
        if not way:
            return
        live = self.follow(self.owner.__dict__, way)
        recorded = len(self.owner.changes())
        refused = False
        try:
            self.put_in(live, bad, data)
        except InvalidValueError:
            refused = True
        assert refused
        assert len(self.owner.changes()) == recorded

    def put_in(self, live: Any, bad: object, data: st.DataObject) -> None:
        if isinstance(live, dict):
            live.update({"a": 5, "z": bad})
        elif live and data.draw(st.booleans()):
            live[::-1] = [5, *live[1:], bad][-len(live) :]
        else:
            live.extend([5, bad])

    @rule(name=st.sampled_from(["x", "y", "z"]), value=values)
    def assign(self, name: str, value: Value) -> None:
        setattr(self.owner, name, value)
        self.model[name] = untrack(value)

    @rule(data=st.data(), name=st.sampled_from(["x", "y", "z"]))
    def assign_a_part(self, data: st.DataObject, name: str) -> None:
        """Assigns a tracked container elsewhere, which copies it."""
        way = self.pick(data)
        if way:
            setattr(self.owner, name, self.follow(self.owner.__dict__, way))
            self.model[name] = untrack(self.follow(self.model, way))

    @rule(name=st.sampled_from(["x", "y", "z"]))
    def remove_var(self, name: str) -> None:
        if name in self.model:
            self.owner._remove_var(name)
            del self.model[name]

    @rule(data=st.data())
    def use_an_old_handle(self, data: st.DataObject) -> None:
        """Changes state through a handle if it is still in it, and else only itself."""
        if not self.handles:
            return
        handle = data.draw(st.sampled_from(range(len(self.handles))))
        handle = self.handles[handle]
        found = handle._locate()
        recorded = len(self.owner.changes())
        handle.clear()
        if found is None:
            assert len(self.owner.changes()) == recorded
        else:
            self.follow(self.model, list(found[1])).clear()

    @rule()
    def mark(self) -> None:
        """Starts anew from here, so that the next undo comes back to here."""
        self.began = self.owner.plain()
        assert self.owner._log is not None
        self.owner._log.take()

    @rule()
    def undo(self) -> None:
        assert self.owner._log is not None
        self.owner._log.undo(0)
        self.model = untrack(self.began)  # type: ignore[assignment]

    def check_model(self) -> None:
        live: Any = {name: self.owner.__dict__[name] for name in self.owner._var_names}
        assert same(live, self.model)
        assert json.dumps(live, default=extension_json) == json.dumps(self.model, default=extension_json)
        for copied in (copy.deepcopy(live), pickle.loads(pickle.dumps(live))):
            assert repr(copied) == repr(self.model)
            assert_plain(copied)

    def check_replay(self) -> None:
        changes = self.owner.changes()
        folded = Folded()
        for change in changes:
            folded.add(change)
        for replayed in (changes, folded.changes()):
            vars: dict[str, Value] = untrack(self.began)  # type: ignore[assignment]
            for change in replayed:
                apply(vars, change)
            assert repr(vars) == repr(self.model)
            assert vars_hash([("root", vars)]) == vars_hash([("root", self.owner.plain())])

    def check_tracked_replay(self) -> None:
        other = OwnerDouble(ChangeLog(undoable=True), **self.began)
        for change in self.owner.changes():
            apply_tracked(other, change)
        assert repr(other.plain()) == repr(self.model)

    def check_undo(self) -> None:
        """Takes everything back on a second owner to which the same happened."""
        other = OwnerDouble(ChangeLog(undoable=True), **self.began)
        for change in self.owner.changes():
            apply_tracked(other, change)
        assert other._log is not None
        other._log.undo(0)
        assert repr(other.plain()) == repr(self.began)

    @invariant()
    def agrees(self) -> None:
        if hasattr(self, "owner"):
            self.check_model()
            self.check_replay()
            self.check_tracked_replay()
            self.check_undo()


def assert_plain(value: Any) -> None:
    assert type(value) not in (TrackedList, TrackedDict)
    if isinstance(value, list | dict):
        for inner in value.values() if isinstance(value, dict) else value:
            assert_plain(inner)


TrackedState.TestCase.settings = settings(deterministic, max_examples=200, stateful_step_count=30)
TestTrackedState = TrackedState.TestCase
