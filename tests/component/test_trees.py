from __future__ import annotations

from typing import Any

import pytest
from flowrpc.component import Dict, LightningApp, LightningFlow, LightningWork, List
from flowrpc.component.component import Component
from flowrpc.errors import AttributeRuleError, TreeError

from tests.component.doubles import Branch, Leaf, Root


class Open(LightningFlow):
    """Has whatever it is given."""

    def __init__(self, **attributes: Any) -> None:
        for name, value in attributes.items():
            setattr(self, name, value)


def test_names_follow_the_tree() -> None:
    assert [component.name for component in Root()._walk()] == [
        "root",
        "root.branch",
        "root.branch.leaf",
        "root.branch.leaves",
        "root.branch.leaves.0",
        "root.works_",
        "root.works_.0",
        "root.works_.1",
        "root.table",
        "root.table.a",
        "root.table.b",
        "root.table.b.leaf",
        "root.table.b.leaves",
        "root.table.b.leaves.0",
    ]


def test_one_child_under_two_names_is_refused_with_both() -> None:
    leaf = Leaf()
    root = Open(first=leaf)
    with pytest.raises(TreeError, match=r"root\.first cannot be root\.second as well; build a second one"):
        root.second = leaf
    assert list(root._children) == ["first"]


def test_a_child_cannot_move_to_another_parent() -> None:
    root = Open(left=Open(leaf=Leaf()), right=Open())
    with pytest.raises(TreeError, match=r"root\.left\.leaf cannot be root\.right\.leaf as well"):
        root.right.leaf = root.left.leaf  # type: ignore[attr-defined]


def test_cycles_are_refused() -> None:
    root = Open(inner=Open())
    with pytest.raises(TreeError, match=r"root\.me cannot be root itself: the tree would contain itself"):
        root.me = root
    with pytest.raises(TreeError, match=r"root\.inner\.up cannot be root itself"):
        root.inner.up = root  # type: ignore[attr-defined]


def test_a_structure_cannot_contain_itself() -> None:
    items = List()
    with pytest.raises(TreeError, match="contain itself"):
        items.append(items)
    assert items == []


def test_a_component_cannot_be_placed_before_it_is_built() -> None:
    root = Open()

    class Eager(LightningFlow):
        def __init__(self) -> None:
            root.eager = self

    with pytest.raises(TreeError, match=r"root\.eager: the Eager is still in its __init__"):
        Eager()
    assert root._children == {}


@pytest.mark.parametrize("value", [5, None, [], "x"])
def test_a_child_is_not_replaced(value: Any) -> None:
    root = Root()
    branch = root.branch
    for name, kind in (("branch", "flow"), ("works_", "flow")):
        with pytest.raises(AttributeRuleError, match=f"the {kind} can't be changed once defined: {name}"):
            setattr(root, name, value)
    with pytest.raises(AttributeRuleError, match="the work can't be changed once defined: leaf"):
        branch.leaf = Leaf()
    assert root.branch is branch


def test_the_same_child_may_be_assigned_again() -> None:
    root = Root()
    root.branch = root.branch
    root.works_ += [Leaf()]
    assert root.works_[2].name == "root.works_.2"


def test_a_var_of_none_may_become_a_component() -> None:
    root = Root()
    root.late = Leaf()
    assert "late" not in root.state["vars"]
    assert root.state["works"]["late"]["vars"] == {"size": 0, "found": []}
    assert root.late.name == "root.late"


def test_a_component_may_come_as_a_new_attribute_outside_init() -> None:
    root = Root()
    root.extra = Branch()
    assert root.extra.leaf.name == "root.extra.leaf"  # type: ignore[attr-defined]


@pytest.mark.parametrize("children", [Leaf(), [Leaf()], (Leaf(),), {"a": Leaf()}, [1, Leaf()]])
def test_a_work_takes_no_children(children: Any) -> None:
    work = Leaf()
    with pytest.raises(TreeError, match=r"root\.found: a LightningWork isn't allowed to take any children"):
        work.found = children
    assert work.found == []


def test_a_work_without_run_is_refused() -> None:
    class Idle(LightningWork):
        pass

    for cls in (Idle, LightningWork):
        with pytest.raises(TypeError, match=rf"The work `{cls.__name__}` is missing the `run\(\)` method"):
            cls()


@pytest.mark.parametrize(
    ("root", "message"),
    [
        (Branch(), "does not override the `run"),
        (List(), "got List"),
        (None, "got NoneType"),
        (Root, r"not the class Root: write Root\(\)"),
    ],
)
def test_what_is_no_root_is_refused(root: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        LightningApp(root)


def test_a_part_of_another_flow_is_no_root() -> None:
    outer = Open(inner=Root())
    with pytest.raises(TreeError, match=r"root\.inner is part of another flow"):
        LightningApp(outer.inner)  # type: ignore[attr-defined]


def test_a_work_is_the_only_child_of_a_root_that_runs_it() -> None:
    app = LightningApp(Leaf())
    assert [work.name for work in app.works] == ["root.work"]
    assert app.flows == [app.root]


def test_an_unknown_log_level_is_refused() -> None:
    with pytest.raises(ValueError, match="no log level 'loud'; choose debug"):
        LightningApp(Root(), log_level="loud")


def test_an_app_shows_the_state_of_its_root() -> None:
    app = LightningApp(Root())
    assert app.state == app.root.state


def test_lists_and_dicts_of_components_become_structures() -> None:
    root = Open(rows=(Leaf(), Leaf()), table={"a": Leaf()}, plain=[], empty={})
    assert (type(root.rows), type(root.table)) == (List, Dict)  # type: ignore[attr-defined]
    assert [work.name for work in root.works()] == ["root.rows.0", "root.rows.1", "root.table.a"]
    assert root.state["vars"] == {"plain": [], "empty": {}}


def test_an_empty_list_may_become_a_structure() -> None:
    root = Open(rows=[])
    root.rows = [Leaf()]
    assert root.rows[0].name == "root.rows.0"  # type: ignore[attr-defined]
    assert root.state["vars"] == {}


def test_structures_of_structures_are_named_at_every_depth() -> None:
    root = Open(deep=List(Dict(x=List(Leaf(), Open(w=Leaf())))))
    assert [work.name for work in root.works()] == ["root.deep.0.x.0", "root.deep.0.x.1.w"]
    assert list(root.flows) == ["root.deep.0.x.1"]
    taken = root.deep.pop()  # type: ignore[attr-defined]
    assert [component.name for component in taken._walk()] == [
        "root",
        "root.x",
        "root.x.0",
        "root.x.1",
        "root.x.1.w",
    ]


def test_works_and_flows_are_found_by_name() -> None:
    root = Root()
    assert [name for name, _ in root.named_works()] == [
        "root.branch.leaf",
        "root.branch.leaves.0",
        "root.table.a",
        "root.table.b.leaf",
        "root.table.b.leaves.0",
        "root.works_.0",
        "root.works_.1",
    ]
    assert [work.name for work in root.works(recurse=False)] == [
        "root.table.a",
        "root.works_.0",
        "root.works_.1",
    ]
    assert root.flows == {"root.branch": root.branch, "root.table.b": root.table["b"]}


def test_state_has_the_shape_that_apps_read() -> None:
    state = Root().state
    assert list(state) == ["vars", "calls", "flows", "works", "structures", "changes"]
    assert state["vars"] == {"count": 0, "data": {"a": [1, {"b": 2}]}, "late": None}
    assert list(state["flows"]) == ["branch"]
    assert state["structures"]["works_"]["works"]["1"] == {
        "vars": {"size": 1, "found": []},
        "calls": {},
        "changes": {},
    }
    assert state["structures"]["table"]["flows"]["b"]["works"]["leaf"]["vars"]["size"] == 1


def test_state_is_a_copy() -> None:
    root = Root()
    root.state["vars"]["data"]["a"].append(9)
    assert root.data == {"a": [1, {"b": 2}]}


def test_state_goes_round() -> None:
    changed = Root()
    changed.count = 7
    changed.data["a"][1]["b"] = [True, 2**70]
    changed.branch.leaves[0].found = ["x"]
    changed.table["b"].label = "new"
    fresh = Root()
    fresh.set_state(changed.state)
    assert fresh.state == changed.state


def test_set_state_may_stay_at_the_top() -> None:
    changed = Root()
    changed.count, changed.branch.label = 7, "new"
    fresh = Root()
    fresh.set_state(changed.state, recurse=False)
    assert (fresh.count, fresh.branch.label) == (7, "b")


def test_set_state_keeps_what_it_is_not_given_and_skips_the_frameworks() -> None:
    root = Root()
    root.set_state({"vars": {"count": 3, "_layout": {}}})
    assert root.state["vars"] == {"count": 3, "data": {"a": [1, {"b": 2}]}, "late": None}


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"vars": {"nope": 1}}, "not defined in __init__: nope"),
        ({"vars": {"branch": 1}}, "can't be changed once defined: branch"),
        ({"flows": {"nope": {}}}, r"root has no flow 'nope' to set the state of"),
        ({"works": {"branch": {}}}, r"root has no work 'branch'"),
        ({"structures": {"works_": {"works": {"9": {}}}}}, r"root\.works_ has no work '9'"),
        (
            {"works": {}, "flows": {"branch": {"works": {"leaf": {"vars": {"x": 1}}}}}},
            r"root\.branch\.leaf\.x",
        ),
    ],
)
def test_set_state_refuses_what_is_not_there(state: dict[str, Any], message: str) -> None:
    with pytest.raises(AttributeRuleError, match=message):
        Root().set_state(state)


def test_a_component_is_in_one_tree_only_after_a_failure_too() -> None:
    leaf = Leaf()
    root = Open()
    with pytest.raises(AttributeRuleError):
        setattr(root, "run", leaf)  # noqa: B010 - mypy knows better
    root.leaf = leaf
    assert isinstance(leaf, Component)
    assert leaf._parent is root


async def _later(*_: Any) -> None: ...


def _generates(*_: Any) -> Any:
    yield


@pytest.mark.parametrize("run", [_later, _generates])
def test_a_run_that_a_call_does_not_execute_is_refused(run: Any) -> None:
    with pytest.raises(TypeError, match=r"The work `Odd` has a `run\(\)` that is async or a generator"):
        type("Odd", (LightningWork,), {"run": run})()
    with pytest.raises(TypeError, match=r"the `run\(\)` of Odd is async or a generator"):
        LightningApp(type("Odd", (LightningFlow,), {"run": run})())
