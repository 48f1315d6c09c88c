from __future__ import annotations

import copy
from collections.abc import Callable
from enum import Enum
from typing import Any

import pytest
from flowrpc.component import Dict, LightningFlow, List
from flowrpc.errors import InvalidValueError, TreeError

from tests.component.doubles import Leaf, RecordedTree


class Holder(LightningFlow):
    def __init__(self, *, rows: int = 0, keys: str = "") -> None:
        self.rows = List(*(Leaf(n) for n in range(rows)))
        self.table = Dict(**{key: Leaf(n) for n, key in enumerate(keys)})


def _names(structure: Any) -> list[str]:
    """Reads the order of the items by every way there is, and checks that they agree."""
    items = list(structure.values()) if isinstance(structure, dict) else list(structure)
    assert items == list(structure._children.values())
    assert len(structure) == len(items)
    keys = list(structure._children)
    assert [item.name for item in items] == [f"{structure.name}.{key}" for key in keys]
    return keys


class StrKey(str, Enum):  # noqa: UP042 - the older kind, which prints as its name
    X = "x"


def test_numbers_are_never_used_again() -> None:
    rows = Holder(rows=2).rows
    rows.pop()
    rows.append(Leaf())
    del rows[:]
    rows.extend([Leaf(), Leaf()])
    assert _names(rows) == ["3", "4"]


@pytest.mark.parametrize(
    ("change", "keys"),
    [
        (lambda rows: rows.append(Leaf()), "0123"),
        (lambda rows: rows.insert(0, Leaf()), "3012"),
        (lambda rows: rows.insert(-1, Leaf()), "0132"),
        (lambda rows: rows.insert(99, Leaf()), "0123"),
        (lambda rows: rows.insert(-99, Leaf()), "3012"),
        (lambda rows: rows.extend(Leaf() for _ in range(2)), "01234"),
        (lambda rows: rows.__iadd__([Leaf()]), "0123"),
        (lambda rows: rows.__setitem__(1, Leaf()), "032"),
        (lambda rows: rows.__setitem__(-1, Leaf()), "013"),
        (lambda rows: rows.__setitem__(-3, Leaf()), "312"),
        (lambda rows: rows.__setitem__(1, rows[1]), "012"),
        (lambda rows: rows.__setitem__(slice(0, 2), [Leaf()]), "32"),
        (lambda rows: rows.__setitem__(slice(2, 1), [Leaf()]), "0132"),
        (lambda rows: rows.__setitem__(slice(None), [rows[2], Leaf(), rows[0]]), "230"),
        (lambda rows: rows.__setitem__(slice(None), [row for row in rows if row.size != 1]), "02"),
        (lambda rows: rows.__delitem__(0), "12"),
        (lambda rows: rows.__delitem__(-1), "01"),
        (lambda rows: rows.__delitem__(slice(None, None, 2)), "1"),
        (lambda rows: rows.pop(), "01"),
        (lambda rows: rows.pop(0), "12"),
        (lambda rows: rows.remove(rows[1]), "02"),
        (lambda rows: rows.clear(), ""),
        (lambda rows: rows.reverse(), "210"),
        (lambda rows: rows.sort(key=lambda row: -row.size), "210"),
        (lambda rows: rows.sort(key=lambda row: row.size, reverse=True), "210"),
    ],
)
def test_what_changes_a_list_keeps_names_and_items_together(change: Callable[[List], Any], keys: str) -> None:
    rows = Holder(rows=3).rows
    change(rows)
    assert _names(rows) == list(keys)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda rows: rows.append(5), TreeError),
        (lambda rows: rows.extend([Leaf(), 5]), TreeError),
        (lambda rows: rows.insert(0, None), TreeError),
        (lambda rows: rows.append(rows[0]), TreeError),
        (lambda rows: rows.extend([leaf := Leaf(), leaf]), TreeError),
        (lambda rows: rows.__setitem__(0, 5), TreeError),
        (lambda rows: rows.__setitem__(0, rows[1]), TreeError),
        (lambda rows: rows.__setitem__(slice(None), [rows[0], rows[0]]), TreeError),
        (lambda rows: rows.__setitem__(slice(None, None, 2), [Leaf(), Leaf()]), TreeError),
        (lambda rows: rows.__setitem__(9, Leaf()), IndexError),
        (lambda rows: rows.__delitem__(9), IndexError),
        (lambda rows: rows.pop(9), IndexError),
        (lambda rows: List().pop(), IndexError),
        (lambda rows: rows.remove(Leaf()), ValueError),
        (lambda rows: rows.index(rows[0], 1), ValueError),
        (lambda rows: rows.sort(), TypeError),
        (lambda rows: rows.__imul__(2), TreeError),
    ],
)
def test_what_a_list_refuses_changes_nothing(change: Callable[[List], Any], error: type[Exception]) -> None:
    rows = Holder(rows=3).rows
    before = list(rows)
    with pytest.raises(error):
        change(rows)
    assert _names(rows) == ["0", "1", "2"]
    assert list(rows) == before


def test_index_finds_by_identity_between_bounds() -> None:
    rows = Holder(rows=3).rows
    assert [
        rows.index(rows[2]),
        rows.index(rows[2], 1),
        rows.index(rows[1], 0, 2),
        rows.index(rows[1], -2),
    ] == [2, 2, 1, 1]


@pytest.mark.parametrize(
    ("change", "keys"),
    [
        (lambda table: table.__setitem__("d", Leaf()), "abcd"),
        (lambda table: table.__setitem__("a", Leaf()), "abc"),
        (lambda table: table.__setitem__("a", table["a"]), "abc"),
        (lambda table: table.update({"b": Leaf(), "x": Leaf()}), "abcx"),
        (lambda table: table.update([("x", Leaf())], y=Leaf()), "abcxy"),
        (lambda table: table.update(table), "abc"),
        (lambda table: table.__ior__({"x": Leaf()}), "abcx"),
        (lambda table: table.setdefault("x", Leaf()), "abcx"),
        (lambda table: table.setdefault("a", Leaf()), "abc"),
        (lambda table: table.__delitem__("b"), "ac"),
        (lambda table: table.pop("a"), "bc"),
        (lambda table: table.pop("x", None), "abc"),
        (lambda table: table.popitem(), "ab"),
        (lambda table: table.clear(), ""),
        (lambda table: table.__setitem__("a", table.pop("b")), "ac"),
        (lambda table: table.__setitem__("z", table.pop("a")), "bcz"),
        (lambda table: table.__setitem__(StrKey.X, Leaf()), "abcx"),
    ],
)
def test_what_changes_a_dict_keeps_names_and_items_together(change: Callable[[Dict], Any], keys: str) -> None:
    table = Holder(keys="abc").table
    change(table)
    assert _names(table) == list(keys)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            lambda table: table.__setitem__("x", 5),
            TreeError,
            r"root\.table\.x: a Dict holds flows and works, not int",
        ),
        (lambda table: table.setdefault("x"), TreeError, "not NoneType"),
        (lambda table: table.__setitem__(1, Leaf()), TreeError, "key should be a string, not int"),
        (lambda table: table.__setitem__("a.b", Leaf()), TreeError, "'a.b' cannot be part of a name"),
        (lambda table: table.__setitem__("", Leaf()), TreeError, "empty or has a dot"),
        (
            lambda table: table.__setitem__("\ud800", Leaf()),
            InvalidValueError,
            r"a key of root\.table: .*surrogate",
        ),
        (
            lambda table: table.__setitem__("a", table["b"]),
            TreeError,
            r"root\.table\.b cannot be root\.table\.a",
        ),
        (lambda table: table.update({"x": Leaf(), "y": 5}), TreeError, "not int"),
        (lambda table: table.update(x=(leaf := Leaf()), y=leaf), TreeError, "given here twice"),
        (lambda table: table.update(a=None), TreeError, "not NoneType"),
        (lambda table: table.__delitem__("x"), KeyError, "x"),
        (lambda table: table.pop("x"), KeyError, "x"),
        (lambda table: Dict().popitem(), KeyError, "root is empty"),
    ],
)
def test_what_a_dict_refuses_changes_nothing(
    change: Callable[[Dict], Any], error: type[Exception], message: str
) -> None:
    table = Holder(keys="abc").table
    before = list(table.values())
    with pytest.raises(error, match=message):
        change(table)
    assert _names(table) == ["a", "b", "c"]
    assert list(table.values()) == before


def test_copies_and_sums_are_plain() -> None:
    holder = Holder(rows=2, keys="a")
    plain: list[Any] = [
        holder.rows.copy(),
        holder.rows + [Leaf()],  # noqa: RUF005 - the operator is what is tested
        holder.rows[:],
        holder.rows * 2,
        holder.table.copy(),
        holder.table | {"b": 1},
    ]
    assert [type(value) for value in plain] == [list, list, list, list, dict, dict]


def test_an_empty_structure_is_false_and_still_a_child() -> None:
    holder = Holder()
    assert not holder.rows
    assert not holder.table
    assert [child.name for child in holder._children.values()] == ["root.rows", "root.table"]


def test_equal_structures_are_different_components() -> None:
    first, second = List(), List()
    assert first == second
    assert {first: 1, second: 2}[second] == 2
    holder = Holder()
    outer = List(first, second)
    assert outer.index(second) == 1
    assert holder.rows is not second


def test_removed_items_are_free_and_keep_their_vars() -> None:
    holder = Holder(rows=2, keys="a")
    item = holder.rows.pop(0)
    item.found = [1]
    holder.table["b"] = item
    replaced = holder.table["a"]
    holder.table["a"] = Leaf()
    holder.rows.append(replaced)
    assert (item.name, item.found, replaced.name) == ("root.table.b", [1], "root.rows.2")


def test_removed_items_change_without_record() -> None:
    tree = RecordedTree(Holder(rows=2))
    item = tree.root.rows.pop()  # type: ignore[attr-defined]
    tree.commit()
    item.found = [1]
    item.found.append(2)
    assert tree.changes() == []
    assert tree.context.gone == ["root.rows.1"]


@pytest.mark.parametrize(
    "change",
    [
        lambda holder: holder.rows.sort(key=lambda row: row.size),
        lambda holder: holder.rows.__setitem__(slice(None), list(holder.rows)),
        lambda holder: holder.rows.__setitem__(0, holder.rows[0]),
        lambda holder: holder.rows.extend([]),
        lambda holder: holder.table.update(holder.table),
        lambda holder: holder.table.setdefault("a", Leaf()),
        lambda holder: holder.table.pop("x", None),
        lambda holder: List().reverse(),
    ],
)
def test_what_changes_nothing_records_nothing(change: Callable[[Any], Any]) -> None:
    """Otherwise a flow that sorts in each pass would never come to rest."""
    tree = RecordedTree(Holder(rows=3, keys="ab"))
    change(tree.root)
    assert tree.changes() == []


def test_sorting_twice_records_once() -> None:
    tree = RecordedTree(Holder(rows=3))
    for _ in range(2):
        tree.root.rows.sort(key=lambda row: -row.size)  # type: ignore[attr-defined]
    tree.commit()
    assert tree.replica.components["root.rows"].vars == {"_next": 3, "_order": ["2", "1", "0"]}
    tree.root.rows.sort(key=lambda row: -row.size)  # type: ignore[attr-defined]
    assert tree.changes() == []


def test_a_structure_may_be_subclassed_without_super_init() -> None:
    class Rows(List):
        def __init__(self) -> None:
            """Forgets super().__init__()."""

    rows = Rows()
    rows.append(Leaf())
    assert _names(rows) == ["0"]


def test_the_items_of_a_shallow_copy_are_the_same() -> None:
    rows = Holder(rows=1).rows
    assert copy.copy(list(rows))[0] is rows[0]
