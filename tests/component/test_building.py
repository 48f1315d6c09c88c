from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest
from flowrpc.component import Dict, LightningFlow, LightningWork, List
from flowrpc.component.building import Restored, build, find, restore
from flowrpc.errors import ComponentError, TreeError
from flowrpc.state.records import ComponentKind, ComponentRecord, Recipe
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.component.doubles import Branch, Leaf, RecordedTree, Root, vars_of


class Sized(LightningWork):
    """Changes its argument in its constructor."""

    def __init__(self, sizes: list[int], *, label: str = "") -> None:
        sizes.append(0)
        self.sizes = sizes
        self.label = label

    def run(self) -> None:
        """Does nothing."""


class Team(LightningFlow):
    """Builds children of its own, and has a place for others."""

    def __init__(self, size: int = 1) -> None:
        self.spare: Any = None
        self.members = List(*(Leaf(n) for n in range(size)))


class Explosive(LightningFlow):
    """Cannot be built while the fuse is lit."""

    lit = False

    def __init__(self) -> None:
        if Explosive.lit:
            raise ValueError("boom")


def _after(change: Callable[[Any], Any], *, root: type[LightningFlow] = Root) -> list[ComponentRecord]:
    """Returns what is recorded when a fresh tree was changed like this."""
    tree = RecordedTree(root())
    change(tree.root)
    return tree.records()


def _recovered(change: Callable[[Any], Any]) -> tuple[Any, Any, Restored]:
    """Returns a tree that was changed, a fresh one that got its records, and what was left over."""
    tree = RecordedTree(Root())
    change(tree.root)
    fresh = Root()
    restored = restore(fresh, tree.records())
    return tree.root, fresh, restored


def _shape(root: Any) -> Any:
    """Lists everything that recovery has to bring back, in order."""
    return [(component.name, type(component), component._recipe) for component in root._walk()], vars_of(root)


def _rename_dict_key(root: Any) -> None:
    root.table["z"] = root.table.pop("a")


def _nest(root: Any) -> None:
    root.late = Dict(x=List(Leaf(1), Dict(y=Branch("deep"))))
    root.late["x"][1]["y"].leaves.append(Leaf(9))
    root.late["x"].reverse()


def _add_to_dynamic_flow(root: Any) -> None:
    root.late = Team(2)
    root.late.spare = Team(1)
    root.late.members.pop(0)
    root.late.members[0].found = ["x"]
    root.late.spare.members.append(Sized([1], label="l"))


def _dict_order(root: Any) -> None:
    root.table["c"] = Leaf(3)
    root.table["a"] = Leaf(4)
    del root.table["b"]
    root.table["b"] = Leaf(5)


@pytest.mark.parametrize(
    "change",
    [
        lambda root: None,
        lambda root: setattr(root, "count", 2**70),
        lambda root: root.data["a"].append({"x": None}),
        lambda root: setattr(root, "late", Branch("new")),
        lambda root: setattr(root, "late", [Leaf(3), Leaf(4)]),
        lambda root: setattr(root, "extra", Sized([1, 2], label="x")),
        lambda root: root.works_.insert(0, Leaf(7)),
        lambda root: root.works_.reverse(),
        lambda root: root.works_.pop(0),
        lambda root: root.works_.clear(),
        lambda root: root.works_.__setitem__(0, Branch("instead")),
        lambda root: root.table.__setitem__("a", Leaf(7)),
        lambda root: root.table.__setitem__("a", Branch("other kind")),
        lambda root: root.table.pop("b"),
        lambda root: root.table.clear(),
        _rename_dict_key,
        _nest,
        _add_to_dynamic_flow,
        _dict_order,
    ],
)
def test_recovery_brings_back_what_was_recorded(change: Callable[[Any], Any]) -> None:
    before, after, restored = _recovered(change)
    assert _shape(after) == _shape(before)
    assert after.state == before.state
    assert (restored.dropped, restored.missing) == ({}, [])


_OPERATIONS: dict[str, Callable[[Any, int], Any]] = {
    "append": lambda root, n: root.works_.append([Leaf(n), Branch(str(n))][n % 2]),
    "insert": lambda root, n: root.works_.insert(n - 2, Leaf(n)),
    "pop": lambda root, n: root.works_.pop() if root.works_ else None,
    "pop first": lambda root, n: root.works_.pop(0) if root.works_ else None,
    "reverse": lambda root, n: root.works_.reverse(),
    "sort": lambda root, n: root.works_.sort(
        key=lambda item: (item.KIND.value, int(item.name.split(".")[-1]) % 3)
    ),
    "set": lambda root, n: root.table.__setitem__("abcde"[n], Leaf(n)),
    "discard": lambda root, n: root.table.pop("abcde"[n], None),
    "move": lambda root, n: root.table.__setitem__("abcde"[n], root.works_.pop()) if root.works_ else None,
    "count": lambda root, n: setattr(root, "count", n),
}


@settings(derandomize=True, deadline=None, max_examples=150)
@given(
    st.lists(st.tuples(st.sampled_from(sorted(_OPERATIONS)), st.integers(0, 4)), max_size=12),
    st.integers(0, 12),
)
def test_recovery_in_the_middle_changes_nothing(steps: list[tuple[str, int]], restart: int) -> None:
    """A tree that was restarted goes on exactly as one that was not."""
    root: Any = Root()
    tree = RecordedTree(root)
    for number, (operation, argument) in enumerate(steps):
        if number == restart:
            before, records = _shape(root), tree.records()
            root = Root()
            assert restore(root, records) == Restored()
            assert _shape(root) == before
            tree = RecordedTree(root, records=records)
        _OPERATIONS[operation](root, argument)
    records = tree.records()
    fresh = Root()
    restore(fresh, records)
    assert _shape(fresh) == _shape(root)


def test_names_are_not_used_again_after_a_restart() -> None:
    _, after, _ = _recovered(lambda root: root.works_.clear())
    after.works_.append(Leaf())
    assert after.works_[0].name == "root.works_.2"


def test_arguments_are_noted_before_the_constructor_changes_them() -> None:
    given_sizes = [1]
    work = Sized(given_sizes, label="x")
    assert work._recipe == Recipe(type=f"{__name__}:Sized", args=([1],), kwargs={"label": "x"})
    given_sizes.append(9)
    again = build(work._recipe)
    assert (again.sizes, again.label) == ([1, 0], "x")  # type: ignore[attr-defined]


def test_vars_that_the_code_dropped_are_kept_aside() -> None:
    records = [
        replace(record, vars={**record.vars, "gone": [1]})
        if record.name in ("root", "root.branch")
        else record
        for record in _after(lambda root: setattr(root, "count", 4))
    ]
    fresh = Root()
    assert restore(fresh, records).dropped == {"root": {"gone": [1]}, "root.branch": {"gone": [1]}}
    assert (fresh.count, hasattr(fresh, "gone")) == (4, False)


def test_vars_that_are_new_in_the_code_keep_their_value() -> None:
    records = _after(lambda root: setattr(root, "count", 4))
    del records[0].vars["data"]
    fresh = Root()
    restore(fresh, records)
    assert (fresh.count, fresh.data) == (4, {"a": [1, {"b": 2}]})


def test_a_recorded_var_that_is_a_child_now_is_dropped_in_silence() -> None:
    records = _after(lambda root: None)
    records[0].vars["branch"] = 3
    fresh = Root()
    assert restore(fresh, records) == Restored()
    assert isinstance(fresh.branch, Branch)


def test_recovered_vars_are_copies_that_record() -> None:
    records = _after(lambda root: None)
    fresh: Any = Root()
    restore(fresh, records)
    tree = RecordedTree(fresh, records=records)
    fresh.data["a"].append(5)
    assert len(tree.changes()) == 1
    assert records[0].vars["data"] == {"a": [1, {"b": 2}]}


class Smaller(LightningFlow):
    """Is what became of `Root`: some children are gone, some are something else."""

    def __init__(self) -> None:
        self.count = 0
        self.branch = Leaf()
        self.works_ = Dict()
        self.table = 5


def test_what_the_code_builds_no_more_or_as_another_kind_is_missing() -> None:
    def change(root: Any) -> None:
        root.works_.append(Leaf())
        root.late = Leaf(3)

    fresh: Any = Smaller()
    restored = restore(fresh, _after(change))
    names = [record.name for record in restored.missing]
    assert names[:3] == ["root.branch", "root.branch.leaf", "root.branch.leaves"]
    assert {"root.works_", "root.works_.0", "root.works_.2", "root.table", "root.table.a"} <= set(names)
    assert restored.dropped == {"root": {"data": {"a": [1, {"b": 2}]}}}
    assert [component.name for component in fresh._walk()] == [
        "root",
        "root.branch",
        "root.works_",
        "root.late",
    ]
    assert (fresh.table, fresh.late.size) == (5, 3)


class Larger(LightningFlow):
    """Is what became of `Root`: its structures have more items."""

    def __init__(self) -> None:
        self.works_ = List(Leaf(0), Leaf(1), Leaf(2), Leaf(3))
        self.table = Dict(a=Leaf(), b=Branch(), c=Leaf(4))


def test_items_that_are_new_in_the_code_stay_and_removed_ones_stay_away() -> None:
    def change(root: Any) -> None:
        root.works_.pop(0)
        root.table.pop("a")

    fresh: Any = Larger()
    records = _after(change)
    restore(fresh, records)
    assert ([item.name[12:] for item in fresh.works_], list(fresh.table)) == (["1", "2", "3"], ["b", "c"])
    tree = RecordedTree(fresh, records=records)
    fresh.works_.append(Leaf())
    del fresh.works_[-2:]
    fresh.works_.append(Leaf())
    assert [item.name[12:] for item in fresh.works_] == ["1", "2", "5"]
    tree.commit()
    again: Any = Larger()
    restore(again, tree.replica.components.values())
    assert [item.name[12:] for item in again.works_] == ["1", "2", "5"]


def test_an_item_that_is_new_in_the_code_stays_away_once_removed() -> None:
    records = _after(lambda root: None)
    fresh: Any = Larger()
    restore(fresh, records)
    tree = RecordedTree(fresh, records=records)
    fresh.works_.pop()
    again: Any = Larger()
    restore(again, tree.records())
    assert [item.name[12:] for item in again.works_] == ["0", "1", "2"]


def test_a_dynamic_child_is_what_the_code_builds_now() -> None:
    """An attribute is not replaced while an app runs, so one that the code builds itself is the same child."""
    fresh: Any = Smaller()
    records = _after(lambda root: setattr(root, "branch", Leaf(5)), root=_Rootless)
    restore(fresh, records)
    assert (fresh.branch.size, fresh.branch._recipe.args) == (5, ())


class _Rootless(LightningFlow):
    def __init__(self) -> None:
        self.count = 1


def test_a_class_that_became_another_kind_is_missing() -> None:
    records = _after(lambda root: setattr(root, "late", Leaf()))
    changed = [
        replace(record, kind=ComponentKind.FLOW) if record.name == "root.late" else record
        for record in records
    ]
    fresh: Any = Root()
    assert [record.name for record in restore(fresh, changed).missing] == ["root.late"]
    assert fresh.late is None


@pytest.mark.parametrize(
    ("type_", "problem"),
    [
        (f"{__name__}:Gone", "ComponentError: .* the module has no such class"),
        ("tests.component.nowhere:Leaf", "ModuleNotFoundError: No module named 'tests.component.nowhere'"),
        ("pathlib:Path", "pathlib:Path is no component"),
        (f"{__name__}:_after", "is no component"),
        (f"{__name__}:Sized", "TypeError: .*missing 1 required positional argument: 'sizes'"),
    ],
)
def test_what_cannot_be_built_again_is_told_with_its_name(type_: str, problem: str) -> None:
    records = [
        replace(record, recipe=Recipe(type=type_)) if record.name == "root.late" else record
        for record in _after(lambda root: setattr(root, "late", Leaf()))
    ]
    with pytest.raises(ComponentError, match=rf"^root\.late was added while the app ran .*{problem}"):
        restore(Root(), records)


def test_what_a_constructor_raises_is_the_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    records = _after(lambda root: root.works_.append(Explosive()))
    monkeypatch.setattr(Explosive, "lit", True)
    with pytest.raises(ComponentError, match=r"root\.works_\.2 .*ValueError: boom") as caught:
        restore(Root(), records)
    assert isinstance(caught.value.__cause__, ValueError)


def test_local_classes_cannot_be_built_again() -> None:
    class Local(Leaf):
        pass

    recipe = Local()._recipe
    assert isinstance(recipe, Recipe)
    with pytest.raises(ComponentError, match="define it at the top of the module"):
        build(recipe)


def test_an_error_at_import_is_not_taken_for_a_missing_class(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(ModuleType):
        def __getattr__(self, name: str) -> Any:
            raise KeyError(name)

    monkeypatch.setitem(sys.modules, "tests_component_broken", Broken("tests_component_broken"))
    with pytest.raises(KeyError):
        build(Recipe(type="tests_component_broken:X"))


def test_components_are_found_by_name() -> None:
    root = Root()
    assert find(root, "root.table.b.leaf") is root.table["b"].leaf
    with pytest.raises(TreeError, match=r"no component 'root\.brunch'; did you mean 'root\.branch'\?"):
        find(root, "root.brunch")
    with pytest.raises(TreeError, match=r"no component 'xyz'$"):
        find(root, "xyz")
