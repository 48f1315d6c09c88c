"""What a tracked dict records, and what it does where plain dicts have rules of their own."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any

import pytest
from flowrpc.errors import InvalidValueError
from flowrpc.state import Change, ChangeLog, Remove, Set, Splice, TrackedDict

from tests.state.owner_double import OwnerDouble


class Key(enum.StrEnum):
    A = "a"
    Z = "z"


@pytest.fixture
def owner() -> OwnerDouble:
    return OwnerDouble(ChangeLog(undoable=True), table={"a": 1, "b": [2], "c": 3})


A, B, C, Z = ("table", "a"), ("table", "b"), ("table", "c"), ("table", "z")

RECORDS: list[tuple[Callable[[Any], object], list[Change]]] = [
    (lambda table: table.__setitem__("a", 2), [Set(A, 2)]),
    (lambda table: table.__setitem__("a", 1), []),
    (lambda table: table.__setitem__("a", True), [Set(A, True)]),
    (lambda table: table.__setitem__("b", (2,)), []),
    (lambda table: table.__setitem__("b", table["b"]), []),
    (lambda table: table.__setitem__("z", {"k": ()}), [Set(Z, {"k": []})]),
    (lambda table: table.__setitem__(Key.Z, 1), [Set(Z, 1)]),
    (lambda table: table.__setitem__("\u00e9", 1), [Set(("table", "\u00e9"), 1)]),
    (lambda table: table.__delitem__("a"), [Remove(A)]),
    (lambda table: table.__delitem__(Key.A), [Remove(A)]),
    (lambda table: table.pop("b"), [Remove(B)]),
    (lambda table: table.pop("z", None), []),
    (lambda table: table.popitem(), [Remove(C)]),
    (lambda table: table.clear(), [Set(("table",), {})]),
    (lambda table: table.update({"a": 1, "b": 2}, z=3), [Set(B, 2), Set(Z, 3)]),
    (lambda table: table.update([("a", 2), ("a", 3)]), [Set(A, 3)]),
    (lambda table: table.update(), []),
    (lambda table: table.update(self=1), [Set(("table", "self"), 1)]),
    (lambda table: table.setdefault("a", 5), []),
    (lambda table: table.setdefault("z"), [Set(Z, None)]),
    (lambda table: table.__ior__({"z": 1}), [Set(Z, 1)]),
]


@pytest.mark.parametrize(("operation", "recorded"), RECORDS)
def test_an_operation_records_what_it_did(
    owner: OwnerDouble, operation: Callable[[Any], object], recorded: list[Change]
) -> None:
    operation(owner.table)
    assert owner.changes() == recorded
    assert all(type(key) is str for key in owner.table)


def test_an_assignment_of_the_own_value_records_what_happened_in_it(owner: OwnerDouble) -> None:
    owner.table["b"] += [3]
    assert owner.changes() == [Splice(B, 1, 0, [3])]


def test_a_default_that_was_set_is_tracked(owner: OwnerDouble) -> None:
    owner.table.setdefault("z", []).append(1)
    assert owner.changes() == [Set(Z, []), Splice(Z, 0, 0, [1])]


WRONG: list[tuple[Callable[[Any], object], type[Exception], str]] = [
    (lambda table: table.__delitem__("z"), KeyError, "z"),
    (lambda table: table.pop("z"), KeyError, "z"),
    (lambda table: table.__setitem__([], 1), TypeError, "unhashable"),
    (lambda table: table.update({"a": 2}, {}), TypeError, "update expected at most 1 argument, got 2"),
    (lambda table: table.update([("a", 2), 5]), TypeError, "cannot convert"),
    (lambda table: table.__setitem__(1, 2), InvalidValueError, r"root\.table\[1\]: int keys turn into text"),
    (lambda table: table.__setitem__("z", b""), InvalidValueError, r"root\.table\['z'\]: bytes is not"),
    (lambda table: table.__setitem__("\ud800", 1), InvalidValueError, "lone surrogate"),
    (lambda table: table.update(a=2, z=[b""]), InvalidValueError, r"root\.table\['z'\]\[0\]: bytes is not"),
    (lambda table: table.setdefault("z", b""), InvalidValueError, r"root\.table\['z'\]: bytes is not"),
]


@pytest.mark.parametrize(("operation", "error", "text"), WRONG)
def test_an_operation_that_raises_has_changed_nothing(
    owner: OwnerDouble, operation: Callable[[Any], object], error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        operation(owner.table)
    assert owner.table == {"a": 1, "b": [2], "c": 3}
    assert owner.changes() == []


def test_nothing_pops_from_an_empty_dict(owner: OwnerDouble) -> None:
    owner.table.clear()
    with pytest.raises(KeyError, match="dictionary is empty"):
        owner.table.popitem()


def test_clearing_an_empty_dict_records_nothing(owner: OwnerDouble) -> None:
    owner.table.clear()
    owner.table.clear()
    assert len(owner.changes()) == 1


def test_a_cleared_dict_stays_the_one_in_state_when_that_is_undone(owner: OwnerDouble) -> None:
    handle = owner.table
    handle.clear()
    assert owner._log is not None
    owner._log.undo(0)
    assert owner.table is handle
    assert list(handle.items()) == [("a", 1), ("b", [2]), ("c", 3)]


def test_what_was_in_a_cleared_dict_is_detached(owner: OwnerDouble) -> None:
    inner = owner.table["b"]
    owner.table.clear()
    inner.append(1)
    assert len(owner.changes()) == 1


@pytest.mark.parametrize("key", ["a", "b", "c"])
def test_an_undone_removal_puts_the_entry_back_in_its_place(owner: OwnerDouble, key: str) -> None:
    kept = owner.table["b"]
    del owner.table[key]
    assert owner._log is not None
    owner._log.undo(0)
    assert list(owner.table.items()) == [("a", 1), ("b", [2]), ("c", 3)]
    assert (owner.table["b"] is kept) is (key != "b")


DETACHED: list[Callable[[Any], object]] = [
    lambda table: table.__setitem__(1, object),
    lambda table: table.update({1: object}),
    lambda table: table.__delitem__("a"),
    lambda table: table.pop("a"),
    lambda table: table.clear(),
]


@pytest.mark.parametrize("operation", DETACHED)
def test_a_detached_dict_is_a_plain_one(owner: OwnerDouble, operation: Callable[[Any], object]) -> None:
    handle: Any = owner.table
    plain = {"a": 1, "b": [2], "c": 3}
    owner.table = 0
    operation(handle)
    operation(plain)
    assert handle == plain
    assert len(owner.changes()) == 1


def test_a_dict_made_by_its_class_is_detached() -> None:
    made = TrackedDict.fromkeys(["a"])
    made["b"] = 1
    assert made == {"a": None, "b": 1}


def test_without_a_log_nothing_is_recorded_and_all_is_checked() -> None:
    owner = OwnerDouble(None, table={"a": 1})
    owner.table["b"] = {}
    del owner.table["a"]
    assert owner.table == {"b": {}}
    owner.table.clear()
    assert owner.table == {}
    with pytest.raises(InvalidValueError):
        owner.table["c"] = b""


def test_without_undo_no_inverses_are_made() -> None:
    owner = OwnerDouble(ChangeLog(), table={"a": 1})
    owner.table["b"] = 1
    del owner.table["a"]
    owner.table.clear()
    assert owner._log is not None
    assert [inverse for _, _, inverse in owner._log.entries] == [None] * 3
