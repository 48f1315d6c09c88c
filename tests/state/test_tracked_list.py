"""What a tracked list records, and what it does where plain lists have rules of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flowrpc.errors import InvalidValueError
from flowrpc.state import MAX_DEPTH, Change, ChangeLog, Set, Splice, TrackedList

from tests.state.owner_double import OwnerDouble

PATH = ("names",)


@pytest.fixture
def owner() -> OwnerDouble:
    return OwnerDouble(ChangeLog(undoable=True), names=["a", "b", "c"])


def splice(start: int, count: int, *insert: Any) -> list[Change]:
    return [Splice(PATH, start, count, list(insert))]


RECORDS: list[tuple[Callable[[Any], object], list[Change]]] = [
    (lambda names: names.append("d"), splice(3, 0, "d")),
    (lambda names: names.append(("d",)), splice(3, 0, ["d"])),
    (lambda names: names.extend("de"), splice(3, 0, "d", "e")),
    (lambda names: names.extend([]), []),
    (lambda names: names.insert(1, "x"), splice(1, 0, "x")),
    (lambda names: names.insert(-1, "x"), splice(2, 0, "x")),
    (lambda names: names.insert(-9, "x"), splice(0, 0, "x")),
    (lambda names: names.insert(9, "x"), splice(3, 0, "x")),
    (lambda names: names.pop(), splice(2, 1)),
    (lambda names: names.pop(0), splice(0, 1)),
    (lambda names: names.remove("b"), splice(1, 1)),
    (lambda names: names.clear(), splice(0, 3)),
    (lambda names: names.__setitem__(-1, "x"), [Set(("names", 2), "x")]),
    (lambda names: names.__setitem__(0, "a"), []),
    (lambda names: names.__setitem__(0, ["a"]), [Set(("names", 0), ["a"])]),
    (lambda names: names.__setitem__(slice(0, 2), "xyz"), splice(0, 2, "x", "y", "z")),
    (lambda names: names.__setitem__(slice(2, 0), "x"), splice(2, 0, "x")),
    (lambda names: names.__setitem__(slice(0, 2), "ab"), []),
    (lambda names: names.__setitem__(slice(None), names), []),
    (lambda names: names.__setitem__(slice(None, None, 2), "ax"), [Set(("names", 2), "x")]),
    (lambda names: names.__delitem__(1), splice(1, 1)),
    (lambda names: names.__delitem__(slice(1, None)), splice(1, 2)),
    (lambda names: names.__delitem__(slice(2, 1)), []),
    (lambda names: names.__delitem__(slice(None, None, 2)), splice(0, 3, "b")),
    (lambda names: names.sort(), []),
    (lambda names: names.sort(reverse=True), splice(0, 3, "c", "b", "a")),
    (lambda names: names.sort(key="acb".index), splice(1, 2, "c", "b")),
    (lambda names: names.reverse(), splice(0, 3, "c", "b", "a")),
    (lambda names: names.__iadd__("d"), splice(3, 0, "d")),
    (lambda names: names.__imul__(1), []),
    (lambda names: names.__imul__(2), splice(3, 0, "a", "b", "c")),
    (lambda names: names.__imul__(0), splice(0, 3)),
    (lambda names: names.extend([*range(20)]), splice(3, 0, *range(20))),
]


@pytest.mark.parametrize(("operation", "recorded"), RECORDS)
def test_an_operation_records_what_it_did(
    owner: OwnerDouble, operation: Callable[[Any], object], recorded: list[Change]
) -> None:
    operation(owner.names)
    assert owner.changes() == recorded


def test_an_assignment_of_the_own_item_records_what_happened_in_it(owner: OwnerDouble) -> None:
    owner.names[0] = [1]
    owner.names[0] += [2]
    assert owner.changes()[1:] == [Splice(("names", 0), 1, 0, [2])]


WRONG: list[tuple[Callable[[Any], object], type[Exception], str]] = [
    (lambda names: names.pop(3), IndexError, "pop index out of range"),
    (lambda names: names.__setitem__(3, 1), IndexError, "list assignment index out of range"),
    (lambda names: names.__delitem__(-4), IndexError, "list assignment index out of range"),
    (lambda names: names.__setitem__("a", 1), TypeError, "cannot be interpreted as an integer"),
    (
        lambda names: names.__setitem__(slice(None, None, 2), "abc"),
        ValueError,
        "sequence of size 3 to extended",
    ),
    (lambda names: names.remove("x"), ValueError, "not in list"),
    (lambda names: names.extend(1), TypeError, "not iterable"),
    (lambda names: names.__imul__("a"), TypeError, "can't multiply sequence"),
    (lambda names: names.sort(key=int), ValueError, "invalid literal"),
    (lambda names: names.append({1}), InvalidValueError, r"root\.names\[3\]: set is not"),
    (lambda names: names.extend(["x", [b""]]), InvalidValueError, r"root\.names\[4\]\[0\]: bytes is not"),
    (lambda names: names.__setitem__(1, b""), InvalidValueError, r"root\.names\[1\]: bytes is not"),
    (lambda names: names.__setitem__(slice(1, 2), ["x", b""]), InvalidValueError, r"root\.names\[2\]: bytes"),
    (
        lambda names: names.__setitem__(slice(None, None, 2), ["x", b""]),
        InvalidValueError,
        r"names\[2\]: bytes",
    ),
]


@pytest.mark.parametrize(("operation", "error", "text"), WRONG)
def test_an_operation_that_raises_has_changed_nothing(
    owner: OwnerDouble, operation: Callable[[Any], object], error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        operation(owner.names)
    assert owner.names == ["a", "b", "c"]
    assert owner.changes() == []


def test_a_key_that_changes_the_list_stops_its_sorting(owner: OwnerDouble) -> None:
    def key(name: str) -> int:
        owner.names.insert(0, name)
        return -ord(name)

    with pytest.raises(ValueError, match="list modified during sort"):
        owner.names.sort(key=key)
    assert owner.names == ["c", "b", "a", "a", "b", "c"]
    assert len(owner.changes()) == 3


def test_nothing_pops_from_an_empty_list(owner: OwnerDouble) -> None:
    owner.names.clear()
    with pytest.raises(IndexError, match="pop from empty list"):
        owner.names.pop()


def test_values_that_raise_on_the_way_change_nothing(owner: OwnerDouble) -> None:
    def broken() -> Iterator[str]:
        yield "x"
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        owner.names.extend(broken())
    assert owner.names == ["a", "b", "c"]


def test_values_too_large_together_are_refused(owner: OwnerDouble) -> None:
    with pytest.raises(InvalidValueError, match=r"root\.names\[5\]: the value is larger"):
        owner.names.extend(["x" * 1_000_000] * 3)


def test_what_nests_too_deep_is_refused_where_it_is_put_in(owner: OwnerDouble) -> None:
    owner.names = []
    inner = owner.names
    for _ in range(MAX_DEPTH - 1):
        inner.append([])
        inner = inner[0]
    with pytest.raises(InvalidValueError, match="nest deeper"):
        inner.append([])
    with pytest.raises(InvalidValueError, match="nest deeper"):
        inner.extend([[]])
    inner.append(1)


def test_items_that_moved_are_found_again(owner: OwnerDouble) -> None:
    owner.names = [[n] for n in range(10)]
    item = owner.names[7]
    del owner.names[0:3]
    item.append("x")
    owner.names.insert(0, "y")
    item.append("z")
    assert owner.changes()[-3::2] == [
        Splice(("names", 4), 1, 0, ["x"]),
        Splice(("names", 5), 2, 0, ["z"]),
    ]


def test_items_know_their_index_as_soon_as_they_are_in(owner: OwnerDouble) -> None:
    owner.names.insert(0, [])
    owner.names.append([])
    owner.names.extend([[], []])
    assert [item._hint for item in owner.names if isinstance(item, TrackedList)] == [0, 4, 5, 6]


def test_sorted_items_stay_the_same_objects(owner: OwnerDouble) -> None:
    owner.names = [[3], [1], [2]]
    three = owner.names[0]
    owner.names.sort()
    assert owner.names[2] is three
    three.append(4)
    assert owner.names == [[1], [2], [3, 4]]
    assert owner.changes()[-1] == Splice(("names", 2), 1, 0, [4])


def test_items_deleted_by_a_stepped_slice_are_detached_and_the_others_stay(owner: OwnerDouble) -> None:
    owner.names = [[0], [1], [2], [3]]
    gone, kept = owner.names[0], owner.names[3]
    del owner.names[::2]
    recorded = len(owner.changes())
    gone.append("x")
    assert len(owner.changes()) == recorded
    kept.append("y")
    assert owner.names == [[1], [3, "y"]]


def test_an_item_that_was_taken_out_behind_its_back_records_nothing(owner: OwnerDouble) -> None:
    owner.names = [[0]]
    item = owner.names[0]
    list.clear(owner.names)
    item.append(1)
    assert len(owner.changes()) == 1


DETACHED: list[Callable[[Any], object]] = [
    lambda items: items.append(object),
    lambda items: items.extend([object]),
    lambda items: items.__setitem__(0, object),
    lambda items: items.__setitem__(slice(None, None, 2), [object, object]),
    lambda items: items.reverse(),
    lambda items: items.pop(),
]


@pytest.mark.parametrize("operation", DETACHED)
def test_a_detached_list_is_a_plain_one(owner: OwnerDouble, operation: Callable[[Any], object]) -> None:
    handle, plain = owner.names, ["a", "b", "c"]
    owner.names = []
    operation(handle)
    operation(plain)
    assert handle == plain
    assert owner.names == []
    assert len(owner.changes()) == 1


def test_a_list_made_by_its_class_is_detached() -> None:
    made = TrackedList("ab")
    made.append("c")
    assert made == ["a", "b", "c"]


def test_without_a_log_nothing_is_recorded_and_all_is_checked() -> None:
    owner = OwnerDouble(None, names=["b", "a"])
    owner.names.append("c")
    owner.names[0] = "d"
    owner.names.insert(0, "e")
    owner.names.sort()
    assert owner.names == ["a", "c", "d", "e"]
    with pytest.raises(InvalidValueError):
        owner.names.append(b"")


def test_without_undo_no_inverses_are_made() -> None:
    owner = OwnerDouble(ChangeLog(), names=["b", "a"])
    owner.names.append("c")
    owner.names[0] = "d"
    owner.names.insert(0, "e")
    owner.names.sort()
    assert owner._log is not None
    assert [inverse for _, _, inverse in owner._log.entries] == [None] * 4
