"""What is recorded equals what happened, and can be taken back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from flowrpc.component import Dict, LightningFlow, List
from flowrpc.component.component import Component
from flowrpc.component.markers import Attached, Detached
from flowrpc.errors import ComponentError, TreeError
from flowrpc.state import Remove, Set, Splice
from hypothesis import settings, strategies
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.component.doubles import Branch, Leaf, RecordedTree, Root, snapshot, vars_of
from tests.state.owner_double import values

picks = strategies.integers(0, 5)
keys = strategies.sampled_from(["a", "b", "c"])


def _of(root: Component, kind: Any, pick: int) -> Any:
    """Picks one of the tree's components of a kind; there is always one."""
    found = [component for component in root._walk() if isinstance(component, kind)]
    return found[pick % len(found)]


def _new(pick: int) -> Any:
    kinds: list[Callable[[], Component]] = [
        Leaf,
        Branch,
        List,
        Dict,
        lambda: List(Leaf()),
        lambda: Dict(a=Branch()),
    ]
    return kinds[pick]()


class RecordedTreeMachine(RuleBasedStateMachine):
    """Does to a recorded tree what user code does, commits, and takes back."""

    def __init__(self) -> None:
        super().__init__()
        self.tree = RecordedTree(Root())
        self.root: Any = self.tree.root
        self.mark = self.tree.log.mark()
        self.before = snapshot(self.root)
        self.free: list[Component] = []

    @rule(pick=picks, value=values)
    def set_var(self, pick: int, value: Any) -> None:
        component = _of(self.root, Leaf | LightningFlow, pick)
        name = next(iter(component._var_names), None)
        if name is not None:
            setattr(component, name, value)

    @rule(pick=picks, value=values)
    def put_inside(self, pick: int, value: Any) -> None:
        leaf = _of(self.root, Leaf, pick)
        if not isinstance(leaf.found, list):
            leaf.found = []
        leaf.found.append(value)

    @rule(key=keys, value=values)
    def put_key(self, key: str, value: Any) -> None:
        if not isinstance(self.root.data, dict):
            self.root.data = {}
        self.root.data[key] = value

    @rule(key=keys)
    def drop_key(self, key: str) -> None:
        if isinstance(self.root.data, dict):
            self.root.data.pop(key, None)

    @rule(pick=picks, kind=picks)
    def attach(self, pick: int, kind: int) -> None:
        flow = _of(self.root, LightningFlow, pick)
        name = "spare" if "spare" in flow._var_names else f"extra{len(flow._children)}"
        if name not in flow._children:
            setattr(flow, name, self._item(kind))

    @rule(pick=picks, at=strategies.integers(-2, 4), kind=picks)
    def insert(self, pick: int, at: int, kind: int) -> None:
        _of(self.root, List, pick).insert(at, self._item(kind))

    @rule(pick=picks, kind=picks)
    def append(self, pick: int, kind: int) -> None:
        _of(self.root, List, pick).append(self._item(kind))

    @rule(pick=picks, kinds=strategies.lists(picks, max_size=2), start=picks, stop=picks)
    def set_slice(self, pick: int, kinds: list[int], start: int, stop: int) -> None:
        rows = _of(self.root, List, pick)
        gone = rows[start:stop]
        kept = gone[::-2]
        rows[start:stop] = [*kept, *(_new(kind) for kind in kinds)]
        self.free += [item for item in gone if item not in kept]

    @rule(pick=picks, at=picks, kind=picks)
    def replace(self, pick: int, at: int, kind: int) -> None:
        rows = _of(self.root, List, pick)
        if at < len(rows):
            self.free.append(rows[at])
            rows[at] = _new(kind)

    @rule(pick=picks, at=picks)
    def pop(self, pick: int, at: int) -> None:
        rows = _of(self.root, List, pick)
        if at < len(rows):
            self.free.append(rows.pop(at))

    @rule(pick=picks)
    def clear(self, pick: int) -> None:
        rows = _of(self.root, List, pick)
        self.free += list(rows)
        rows.clear()

    @rule(pick=picks)
    def reverse(self, pick: int) -> None:
        _of(self.root, List, pick).reverse()

    @rule(pick=picks)
    def sort(self, pick: int) -> None:
        _of(self.root, List, pick).sort(key=lambda item: (type(item).__name__, id(item) // 16 % 2))

    @rule(pick=picks, key=keys, kind=picks)
    def set_item(self, pick: int, key: str, kind: int) -> None:
        table = _of(self.root, Dict, pick)
        if key in table:
            self.free.append(table[key])
        table[key] = _new(kind)

    @rule(pick=picks, key=keys)
    def pop_item(self, pick: int, key: str) -> None:
        table = _of(self.root, Dict, pick)
        if key in table:
            self.free.append(table.pop(key))

    @rule(pick=picks)
    def pop_last(self, pick: int) -> None:
        table = _of(self.root, Dict, pick)
        if table:
            self.free.append(table.popitem()[1])

    @rule()
    def set_state(self) -> None:
        self.root.set_state(Root().state, recurse=False)

    @precondition(lambda self: self.free)
    @rule(value=values)
    def change_what_was_removed(self, value: Any) -> None:
        for component in self.free[-1]._walk():
            for name in list(component._var_names)[:1]:
                if name not in ("_next", "_order", "_removed"):
                    setattr(component, name, value)

    @rule()
    def commit(self) -> None:
        self.tree.commit()
        assert self.replicated() == vars_of(self.root)
        assert all(
            record.kind is component.KIND
            for record, component in zip(self._sorted_records(), self._sorted_components(), strict=True)
        )
        self.mark_here()

    @rule()
    def mark_here(self) -> None:
        self.mark = self.tree.log.mark()
        self.before = snapshot(self.root)
        self.free.clear()

    @rule()
    def undo(self) -> None:
        self.tree.log.undo(self.mark)
        assert snapshot(self.root) == self.before
        self.free.clear()

    @invariant()
    def every_component_is_recorded_and_named_by_its_place(self) -> None:
        for component in self.root._walk():
            assert component._log is self.tree.log
            for key, child in component._children.items():
                assert (child._parent, child.name) == (component, f"{component.name}.{key}")
        for component in self.free:
            assert component._log is None or component._parent is not None

    @invariant()
    def the_order_can_be_worked_out_again(self) -> None:
        for structure in self.root._walk():
            if isinstance(structure, List | Dict):
                assert structure._derived_order() == list(structure._children)

    def replicated(self) -> dict[str, Any]:
        """The replica's vars, as `vars_of` lists those of a tree."""
        return {name: list(record.vars.items()) for name, record in self.tree.replica.components.items()}

    def _item(self, kind: int) -> Component:
        """Takes something that was removed rather than a new thing, if there is any."""
        return self.free.pop() if self.free and kind == 0 else _new(kind)

    def _sorted_records(self) -> list[Any]:
        return sorted(self.tree.replica.components.values(), key=lambda record: record.name)

    def _sorted_components(self) -> list[Component]:
        return sorted(self.root._walk(), key=lambda component: component.name)


RecordedTreeMachine.TestCase.settings = settings(
    derandomize=True, deadline=None, max_examples=150, stateful_step_count=25
)
test_a_recorded_tree = RecordedTreeMachine.TestCase


def _tree() -> tuple[RecordedTree, Any]:
    tree = RecordedTree(Root())
    return tree, tree.root


def test_vars_are_recorded_as_what_happened() -> None:
    tree, root = _tree()
    root.count = 1
    root.count = 1
    root.data["a"].append(3)
    root.data["c"] = None
    root.branch.label = "x"
    root.data = {"new": [1]}
    assert tree.changes() == [
        Set(("count",), 1),
        Splice(("data", "a"), 2, 0, [3]),
        Set(("data", "c"), None),
        Set(("label",), "x"),
        Set(("data",), {"new": [1]}),
    ]


def test_an_attachment_is_recorded_with_all_that_comes_along() -> None:
    tree, root = _tree()
    root.late = Branch("new")
    removed, *attached = tree.changes()
    assert removed == Remove(("late",))
    assert [(entry.record.name, entry.parent) for entry in attached if isinstance(entry, Attached)] == [
        ("root.late", root),
        ("root.late.leaf", None),
        ("root.late.leaves", None),
        ("root.late.leaves.0", None),
    ]
    assert [entry.record.recipe is None for entry in attached if isinstance(entry, Attached)] == [
        False,
        True,
        True,
        True,
    ]
    assert tree.context.placements == 1


def test_items_of_a_dynamic_structure_have_recipes_of_their_own() -> None:
    tree, root = _tree()
    root.late = [Branch("new")]
    records = [entry.record for entry in tree.changes() if isinstance(entry, Attached)]
    assert [record.name for record in records if record.recipe] == ["root.late", "root.late.0"]


def test_a_detachment_is_recorded_once_for_the_subtree() -> None:
    tree, root = _tree()
    del root.table["b"]
    noted, detached = tree.changes()
    assert noted == Set(("_removed",), ["b"])
    assert isinstance(detached, Detached)
    assert detached.name == "root.table.b"
    assert tree.context.gone == [
        "root.table.b",
        "root.table.b.leaf",
        "root.table.b.leaves",
        "root.table.b.leaves.0",
    ]


def test_a_failed_attachment_changes_and_records_nothing() -> None:
    tree, root = _tree()
    before = snapshot(root)
    for attach in (
        lambda: setattr(root, "late", Leaf(object())),
        lambda: setattr(root, "late", List(Leaf(object()))),
        lambda: root.works_.__setitem__(0, Leaf(object())),
        lambda: root.works_.extend([Leaf(), Leaf(object())]),
        lambda: root.table.__setitem__("a", Leaf(object())),
        lambda: root.table.update(c=Leaf(), d=Leaf(object())),
    ):
        with pytest.raises(
            TreeError, match=r"added while the app runs.* must be values.*Leaf\(\) argument 0: object"
        ):
            attach()
        assert snapshot(root) == before
        assert tree.changes() == []


def test_what_a_dynamic_flow_was_given_later_must_be_rebuildable_too() -> None:
    _, root = _tree()
    branch = Branch()
    branch.extra = Leaf(object())
    with pytest.raises(TreeError, match=r"root\.late\.extra is added while the app runs"):
        root.late = branch


class Builds(LightningFlow):
    """Has a static child whose argument is no value."""

    def __init__(self) -> None:
        self.rows = [Leaf(object())]


def test_static_children_take_any_arguments() -> None:
    tree, root = _tree()
    root.late = Builds()
    tree.commit()
    assert tree.replica.components["root.late.rows.0"].recipe is None


def test_another_thread_can_change_nothing() -> None:
    tree, root = _tree()
    before = snapshot(root)
    tree.log.thread = threading.get_ident()
    refused: list[str] = []

    def work() -> None:
        for change in (
            lambda: setattr(root, "count", 5),
            lambda: setattr(root, "late", Leaf()),
            lambda: root.works_.append(Leaf()),
            root.works_.pop,
            root.works_.reverse,
            root.table.popitem,
        ):
            try:
                change()
            except ComponentError as error:
                refused.append(str(error))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert len(refused) == 6
    assert all("state may only be set from its own thread" in message for message in refused)
    assert snapshot(root) == before


def test_a_log_that_is_not_undoable_keeps_no_inverses() -> None:
    tree, root = _tree()
    tree.log.undoable = False
    root.count = 1
    root.late = None
    root.late = Leaf()
    root.works_.reverse()
    root.works_.pop()
    assert [inverse for _, _, inverse in tree.log.entries] == [None] * len(tree.log.entries)
    tree.commit()
    assert {name: list(r.vars.items()) for name, r in tree.replica.components.items()} == vars_of(root)


def test_undo_takes_back_what_was_done_to_a_removed_component() -> None:
    """Nothing records it outside of the tree, so it is put back as it was inside."""
    tree, root = _tree()
    before = snapshot(root)
    branch = root.table.pop("b")
    branch.label = "changed"
    branch.leaves[0].found = [1]
    branch.leaves.pop()
    branch.leaves.append(Leaf(8))
    branch.spare = stranger = Leaf(9)
    tree.log.undo(0)
    assert snapshot(root) == before
    assert (branch.spare, stranger._parent, tree.log.entries) == (None, None, [])
    branch.leaves[0].found.append(2)
    assert tree.changes() == [Splice(("found",), 0, 0, [2])]


def test_undo_puts_a_reordered_list_back_in_its_order() -> None:
    tree, root = _tree()
    root.works_.reverse()
    mark, before = tree.log.mark(), snapshot(root)
    root.works_.append(Leaf(5))
    root.works_.append(Leaf(6))
    root.works_.sort(key=lambda item: -item.size)
    root.works_[1:3] = []
    tree.log.undo(mark)
    assert snapshot(root) == before
    tree.log.undo(0)
    assert [item.name for item in root.works_] == ["root.works_.0", "root.works_.1"]
    assert "_order" not in root.works_._var_names


def test_a_child_that_comes_and_goes_in_one_revision_leaves_nothing() -> None:
    tree, root = _tree()
    root.table["b"].label = "x"
    root.table["b"].spare = Leaf()
    root.table["b"].leaves.pop()
    del root.table["b"]
    tree.commit()
    assert set(tree.replica.components) == set(vars_of(root))


@pytest.mark.parametrize(
    ("old", "new", "changes"), [(0.0, 0.0, 0), (-0.0, -0.0, 0), (0.0, -0.0, 1), (0.0, 0, 1)]
)
def test_a_zero_is_changed_by_another_zero_only(old: float, new: float, changes: int) -> None:
    """A flow that sets 0.0 in each pass settles."""

    class Zero(LightningFlow):
        def __init__(self) -> None:
            self.share = old

    tree = RecordedTree(Zero())
    tree.log.take()
    tree.root.share = new

    assert len(tree.log.take()) == changes
