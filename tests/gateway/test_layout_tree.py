"""The tree of layouts: tabs in tabs, as deep as flows show each other."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from flowrpc.component.layout import LAYOUT
from flowrpc.gateway.layout_api import layout_tree, page_of


def replica(**layouts: Any) -> Any:
    """Holds flows, by names with `_` for the dots, and the layout of each."""
    vars_of = {
        name.replace("_", "."): {} if shown is None else {LAYOUT: shown} for name, shown in layouts.items()
    }
    return SimpleNamespace(components={name: SimpleNamespace(vars=found) for name, found in vars_of.items()})


def test_tabs_hold_the_tabs_of_the_flows_that_they_show() -> None:
    tree = layout_tree(
        replica(
            root=[{"name": "A", "content": "root.a", "target": ""}],
            root_a=[
                {"name": "B", "content": "root.a.b", "target": ""},
                {"name": "web", "content": "https://x.example", "target": "https://x.example"},
            ],
            root_a_b={"target": "/view/root.a.b/"},
        ),
        "root",
    )
    (outer,) = tree["tabs"]
    inner, web = outer["layout"]["tabs"]
    assert outer["layout"]["flow"] == "root.a"
    assert inner["layout"] == {"flow": "root.a.b", "target": "/view/root.a.b/", "tabs": []}
    assert web == {"name": "web", "content": "https://x.example", "target": "https://x.example"}


def test_a_layout_that_shows_itself_or_what_is_gone_ends() -> None:
    tabs = [
        {"name": name, "content": name, "target": ""} for name in ("root", "root.a", "root.gone", "rootless")
    ]
    tree = layout_tree(replica(root=tabs, root_a=tabs), "root")
    assert [tab.get("layout", {}).get("flow") for tab in tree["tabs"]] == [None, "root.a", None, None]
    assert all("layout" not in tab for tab in tree["tabs"][1]["layout"]["tabs"])


def test_the_page_of_the_app_is_the_roots_frontend_or_docs() -> None:
    assert page_of(replica(root={"target": "/view/root/"})) == "/view/root/"
    assert page_of(replica(root=[])) == page_of(replica(root=None)) == "/docs"
