"""What tracked containers share with plain ones, and what they do not."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import pytest
from flowrpc.errors import InvalidValueError
from flowrpc.state import ChangeLog, Tracked, TrackedDict, TrackedList, detach, track, untrack

from tests.state.owner_double import OwnerDouble


@pytest.fixture
def owner() -> OwnerDouble:
    return OwnerDouble(ChangeLog(undoable=True), rows=[[1], {"a": [2]}], table={"a": {"b": 1}})


def test_they_are_lists_and_dicts(owner: OwnerDouble) -> None:
    assert isinstance(owner.rows, list)
    assert isinstance(owner.table, dict)
    assert owner.rows == [[1], {"a": [2]}]
    assert json.loads(json.dumps(owner.table)) == {"a": {"b": 1}}


def test_assignment_copies_in(owner: OwnerDouble) -> None:
    mine = [1, [2]]
    owner.rows = mine
    mine[1].append(3)  # type: ignore[attr-defined]
    owner.rows.append(4)
    assert (mine, owner.rows) == ([1, [2, 3]], [1, [2], 4])


def test_a_container_put_in_twice_is_two(owner: OwnerDouble) -> None:
    owner.rows.append(owner.rows[0])
    owner.rows[0].append("x")
    assert owner.rows == [[1, "x"], {"a": [2]}, [1]]


def test_a_list_can_be_put_into_itself_as_a_copy(owner: OwnerDouble) -> None:
    owner.rows.append(owner.rows)
    assert owner.rows == [[1], {"a": [2]}, [[1], {"a": [2]}]]


def test_what_a_change_holds_is_never_mutated(owner: OwnerDouble) -> None:
    owner.rows.append([1])
    owner.rows[-1].append(2)
    assert owner.changes()[0][3] == [[1]]  # type: ignore[misc]


def test_what_is_taken_out_is_plain(owner: OwnerDouble) -> None:
    assert type(owner.rows.pop()) is dict
    assert type(owner.table.pop("a")) is dict
    owner.table["z"] = [1]
    assert type(owner.table.popitem()[1]) is list


@pytest.mark.parametrize("way", ["copy", "module", "slice", "plus"])
def test_a_shallow_copy_is_plain_and_shares_what_is_inside(owner: OwnerDouble, way: str) -> None:
    copies: dict[str, Any] = {
        "copy": owner.rows.copy(),
        "module": copy.copy(owner.rows),
        "slice": owner.rows[:],
        "plus": owner.rows + [],  # noqa: RUF005
    }
    assert type(copies[way]) is list
    assert copies[way][0] is owner.rows[0]


def test_a_shallow_copy_of_a_dict_is_plain_and_shares_what_is_inside(owner: OwnerDouble) -> None:
    for copied in (owner.table.copy(), copy.copy(owner.table), owner.table | {}):
        assert type(copied) is dict
        assert copied["a"] is owner.table["a"]


@pytest.mark.parametrize("deep", [copy.deepcopy, untrack, lambda value: pickle.loads(pickle.dumps(value))])
def test_a_deep_copy_is_plain_to_the_bottom(owner: OwnerDouble, deep: Any) -> None:
    rows, table = deep(owner.rows), deep(owner.table)
    assert [type(rows), type(rows[0]), type(rows[1]), type(rows[1]["a"])] == [list, list, dict, list]
    assert [type(table), type(table["a"])] == [dict, dict]
    assert (rows, table) == (owner.rows, owner.table)


def test_a_detached_container_takes_what_is_inside_with_it(owner: OwnerDouble) -> None:
    inner = owner.rows[1]["a"]
    detach(owner.rows)
    inner.append(3)
    assert owner.changes() == []


def test_a_container_whose_var_was_replaced_unseen_records_nothing(owner: OwnerDouble) -> None:
    handle = owner.rows
    owner.__dict__["rows"] = 0
    handle.append(1)
    assert owner.changes() == []


def test_an_entry_that_was_taken_out_behind_its_back_records_nothing(owner: OwnerDouble) -> None:
    inner = owner.table["a"]
    dict.clear(owner.table)
    inner["c"] = 1
    assert owner.changes() == []


def test_track_copies_tracked_containers_too(owner: OwnerDouble) -> None:
    other = track(owner.rows, None, "x")
    assert isinstance(other, TrackedList)
    assert other is not owner.rows
    assert other[0] is not owner.rows[0]
    assert isinstance(track({}, None, "x"), TrackedDict)
    assert track(5, None, "x") == 5


def test_an_owner_without_a_name_is_named_by_its_class() -> None:
    class Nameless(OwnerDouble):
        name = ""

    owner = Nameless(None, rows=[])
    with pytest.raises(InvalidValueError, match=r"^Nameless\.rows\[0\]"):
        owner.rows.append(b"")


def test_what_is_tracked_says_how_its_children_are_found() -> None:
    with pytest.raises(NotImplementedError):
        Tracked()._sees(Tracked())


TAKING_OUT: list[tuple[str, Any]] = [
    ("rows", lambda owner: owner.rows.pop(0)),
    ("rows", lambda owner: owner.rows.clear()),
    ("rows", lambda owner: owner.rows.__setitem__(0, 5)),
    ("rows", lambda owner: owner.rows.__delitem__(slice(None, None, 2))),
    ("rows", lambda owner: owner.rows.__setitem__(slice(0, 1), [])),
    ("table", lambda owner: owner.table.pop("a")),
    ("table", lambda owner: owner.table.clear()),
    ("table", lambda owner: owner.table.update(a=5)),
]


@pytest.mark.parametrize(("name", "operation"), TAKING_OUT)
def test_a_container_that_is_taken_out_lets_go_of_the_state(
    owner: OwnerDouble, name: str, operation: Any
) -> None:
    """Its old parent is neither kept alive by it nor searched for it."""
    container = getattr(owner, name)
    handle = container[0] if name == "rows" else container["a"]
    operation(owner)
    assert handle._parent is None


def test_undoing_lets_go_of_what_had_been_put_in(owner: OwnerDouble) -> None:
    assert owner._log is not None
    owner.rows = [[5]]
    owner.table["a"] = {}
    owner.table["z"] = []
    handles = [owner.rows, owner.table["a"], owner.table["z"]]
    owner._log.undo(0)
    assert [handle._parent for handle in handles] == [None] * 3
