"""The log: who may record, and how what was recorded is taken back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from flowrpc.errors import ComponentError
from flowrpc.state import ChangeLog, Remove, Set

from tests.state.owner_double import OwnerDouble


def test_entries_are_taken_once() -> None:
    log, owner = ChangeLog(), object()
    log.record(owner, Set(("a",), 1))
    assert log.take() == [(owner, Set(("a",), 1), None)]
    assert log.take() == []


def test_undo_goes_back_to_the_mark_and_no_further() -> None:
    log = ChangeLog(undoable=True)
    owner = OwnerDouble(log, count=0, names=["a"])
    owner.count = 1
    mark = log.mark()
    owner.count = 2
    owner.names.append("b")
    owner.names = {"k": {}}
    owner.names["k"]["j"] = 1
    owner.extra = [1]
    owner._remove_var("count")
    log.undo(mark)
    assert list(owner.plain().items()) == [("count", 1), ("names", ["a"])]
    assert owner.changes() == [Set(("count",), 1)]


def test_what_was_undone_is_tracked_and_records_again() -> None:
    log = ChangeLog(undoable=True)
    owner = OwnerDouble(log, names=["a"])
    gone = owner.names
    owner.names = 0
    log.undo(0)
    owner.names.append("b")
    gone.append("c")
    assert owner.names == ["a", "b"]
    assert len(log.entries) == 1


def test_markers_of_other_rooms_undo_themselves_in_order() -> None:
    undone: list[Any] = []

    class Attached:
        def undo(self, owner: OwnerDouble) -> None:
            undone.append(owner.plain())

    log = ChangeLog(undoable=True)
    owner = OwnerDouble(log, count=0)
    owner.count = 1
    log.record(owner, Attached())
    owner.count = 2
    log.undo(0)
    assert undone == [{"count": 1}]
    assert owner.plain() == {"count": 0}


def test_what_was_recorded_without_an_inverse_cannot_be_undone() -> None:
    log = ChangeLog()
    log.record(OwnerDouble(), Remove(("a",)))
    with pytest.raises(RuntimeError, match=r"Remove.* of root was recorded while undoable was False"):
        log.undo(0)


def test_another_thread_may_not_set_state() -> None:
    log = ChangeLog(undoable=True, thread=threading.get_ident())
    owner = OwnerDouble(log, names=["a", "b"], table={"a": 1})
    operations: list[Callable[[], object]] = [
        lambda: owner.names.append("c"),
        owner.names.clear,
        owner.names.reverse,
        owner.table.clear,
        lambda: owner.table.update(a=2),
        owner.table.popitem,
        lambda: log.check_thread(owner),
    ]
    errors: list[str] = []

    def set_state() -> None:
        for operation in operations:
            try:
                operation()
            except ComponentError as error:
                errors.append(str(error))

    thread = threading.Thread(target=set_state)
    thread.start()
    thread.join(10)
    assert len(errors) == len(operations)
    assert errors[0].startswith("root: state may only be set from its own thread")
    assert owner.plain() == {"names": ["a", "b"], "table": {"a": 1}}
    assert log.entries == []


def test_its_own_thread_may_set_state() -> None:
    log = ChangeLog(thread=threading.get_ident())
    log.check_thread(None)
    log.record(None, Set(("a",), 1))
    assert len(log.entries) == 1


def test_without_a_thread_every_thread_may_set_state() -> None:
    ChangeLog().check_thread(None)


def test_undo_brings_back_what_was_and_not_what_became_of_it() -> None:
    """A container that was taken out may go on as a plain one, which the state must not see."""
    log = ChangeLog(undoable=True)
    owner = OwnerDouble(log, rows=[[1], [2]], table={"a": [1], "b": [2]})
    handles = [*owner.rows, *owner.table.values()]
    owner.rows[0] = 0
    del owner.rows[1:]
    owner.table["a"] = 0
    del owner.table["b"]
    for handle in handles:
        handle.append("x")
    log.undo(0)
    assert owner.plain() == {"rows": [[1], [2]], "table": {"a": [1], "b": [2]}}
