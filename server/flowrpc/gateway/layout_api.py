"""The layout of the app, as one tree: what a page draws tabs of."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from starlette.responses import Response

from flowrpc.component.layout import LAYOUT
from flowrpc.flow_service.door import Door
from flowrpc.gateway.replies import Json
from flowrpc.state.replica import Replica


def add_layout_api(app: FastAPI, door: Door) -> None:
    """Adds it to an application."""

    @app.get(
        "/api/v1/layout", tags=["state"], summary="Tells what is shown of the app: tabs, and tabs in tabs."
    )
    async def get_layout() -> Response:
        replica = door.publisher.replica
        return Json({"revision": replica.revision, "layout": layout_tree(replica, "root")})


def layout_tree(replica: Replica, flow: str) -> dict[str, Any]:
    """Makes the layout of a flow with those of the flows that its tabs show: `{"flow", "target", "tabs"}`."""
    record = replica.components.get(flow)
    layout = record.vars.get(LAYOUT, []) if record is not None else []
    if isinstance(layout, dict):
        return {"flow": flow, "target": layout.get("target", ""), "tabs": []}
    assert isinstance(layout, list), "a layout is a list of tabs or a dict"
    return {"flow": flow, "target": "", "tabs": [_tab(replica, tab, flow) for tab in layout]}


def _tab(replica: Replica, tab: Any, flow: str) -> dict[str, Any]:
    content = tab.get("content", "")
    # Only flows below show up: so it ends, whatever a client wrote into the state.
    if isinstance(content, str) and content.startswith(f"{flow}.") and content in replica.components:
        return {**tab, "layout": layout_tree(replica, content)}
    return dict(tab)


def page_of(replica: Replica) -> str:
    """Tells where the page of the app is: its root's frontend, or /docs while there is none."""
    return layout_tree(replica, "root")["target"] or "/docs"
