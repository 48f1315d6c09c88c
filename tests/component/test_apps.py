"""What an app object gives: its state in all shapes, its components by name."""

from __future__ import annotations

from typing import Any

import pytest
from flowrpc.component import LightningApp, LightningFlow
from flowrpc.errors import AttributeRuleError

from tests.component.doubles import Leaf, Root


class Growing(LightningFlow):
    """Makes its work while it runs, and again when its state is loaded."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def run(self) -> None:
        self.late = Leaf()

    def load_state_dict(
        self, flow_state: dict[str, Any], children_states: dict[str, Any], strict: bool = True
    ) -> None:
        self.late = Leaf()
        super().load_state_dict(flow_state, children_states, strict)


class Forgetful(Growing):
    def load_state_dict(
        self, flow_state: dict[str, Any], children_states: dict[str, Any], strict: bool = True
    ) -> None:
        LightningFlow.load_state_dict(self, flow_state, children_states, strict)


def test_the_state_is_the_roots_in_every_shape() -> None:
    app = LightningApp(Root())
    assert app.state == app.state_dict() == app.root.state
    assert app.state_vars == app.root.state_vars
    assert app.state_with_changes == app.root.state_with_changes


def test_set_state_takes_back_what_state_gave() -> None:
    changed = LightningApp(Root())
    changed.root.count = 7
    changed.root.table["b"].label = "new"  # type: ignore[attr-defined]
    app = LightningApp(Root())
    app.set_state(changed.state)
    assert app.state == changed.state
    with pytest.raises(AttributeRuleError, match="no work 'nope'"):
        app.set_state({"works": {"nope": {}}})


def test_load_state_dict_goes_through_the_flows_that_create_children() -> None:
    grown = LightningApp(Growing())
    grown.root.run()
    grown.root.count = 3
    grown.root.late.size = 9  # type: ignore[attr-defined]

    app = LightningApp(Growing())
    app.load_state_dict(grown.state_dict())
    assert app.state == grown.state


def test_load_state_dict_reaches_what_is_in_structures() -> None:
    changed = LightningApp(Root())
    changed.root.table["b"].leaves[0].size = 5  # type: ignore[attr-defined]
    app = LightningApp(Root())
    app.load_state_dict(changed.state)
    assert app.state == changed.state


def test_a_child_that_nobody_created_is_an_error_unless_that_is_wanted() -> None:
    grown = LightningApp(Growing())
    grown.root.run()
    app = LightningApp(Forgetful())
    with pytest.raises(ValueError, match="The component late wasn't instantiated for the component root"):
        app.load_state_dict(grown.state)
    app.load_state_dict(grown.state, strict=False)


def test_components_are_found_by_name() -> None:
    app = LightningApp(Root())
    assert app.get_component_by_name("root") is app.root
    assert app.get_component_by_name("root.table.b.leaf").name == "root.table.b.leaf"
    with pytest.raises(ValueError, match="begins with root"):
        app.get_component_by_name("table.b")
    with pytest.raises(AttributeError, match=r"root\.table has no child 'z'; it has a, b"):
        app.get_component_by_name("root.table.z")


def test_works_have_their_names() -> None:
    app = LightningApp(Root())
    assert [work for _, work in app.named_works] == app.works
    assert [name for name, _ in app.named_works][:2] == ["root.branch.leaf", "root.branch.leaves.0"]


def test_stop_works_is_for_works_in_an_app() -> None:
    root = Root()
    with pytest.raises(RuntimeError, match=r"root\.branch\.leaf"):
        root.stop_works(root.works())
