"""The layout of a flow: what `configure_layout` returned, as plain values that clients read.

A layout is a list of tabs, `{"name", "content", "target"}`: the content is the name of a child flow, or an address; the
target is the address to show, empty if there is none yet. The layout of a flow with a frontend is `{"target"}`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from flowrpc.component.component import Component
from flowrpc.component.flow import LightningFlow
from flowrpc.component.frontend import Frontend
from flowrpc.component.work import LightningWork
from flowrpc.state import Value, copy_value

LAYOUT = "_layout"
"""The framework's var of a flow that holds its layout."""
VIEWS = "/view"
"""Where the frontends of flows are served."""


class Collected(NamedTuple):
    """What a flow configured."""

    layout: Value
    frontend: Frontend | None = None


def view_path(flow: str) -> str:
    """Tells where the frontend of a flow is served: `/view/root.child/`."""
    return f"{VIEWS}/{flow}/"


def configures_layout(flow: LightningFlow) -> bool:
    """Tells whether a flow has a layout of its own."""
    return type(flow).configure_layout is not LightningFlow.configure_layout


def collect_layout(flow: LightningFlow) -> Collected:
    """Asks a flow for its layout.

    Raises:
        TypeError: It returned something else.
        ValueError: A tab shows nothing that can be shown.
        Exception: Whatever the user's code raises.
    """
    configured: Any = flow.configure_layout()
    if isinstance(configured, Frontend):
        return _of_frontend(flow, configured)
    entries = [configured] if isinstance(configured, dict) else configured
    if not isinstance(entries, list | tuple) or not all(isinstance(entry, dict) for entry in entries):
        raise TypeError(
            f"The return value of configure_layout() in `{type(flow).__name__}` is an unsupported layout format: "
            f"{configured!r}; return a Frontend, a dict, or a list of dicts such as dict(name=…, content=self.child)"
        )
    return _of_entries(flow, entries)


def _of_frontend(flow: LightningFlow, frontend: Frontend) -> Collected:
    return Collected({"target": view_path(flow.name)}, frontend)


def _of_entries(flow: LightningFlow, entries: Any) -> Collected:
    tabs: list[Value] = []
    for entry in entries:
        shown = _content(flow, entry)
        if isinstance(shown, Frontend):
            if len(entries) > 1:
                raise TypeError(
                    f"The tab containing a `{type(entry['content']).__name__}` must be the only tab in the layout "
                    f"of {flow.name}: the work shows a Frontend"
                )
            return _of_frontend(flow, shown)
        tabs.append(copy_value({**entry, **shown}, f"tab {len(tabs)}"))
    return Collected(tabs)


def _content(flow: LightningFlow, entry: dict[str, Any]) -> dict[str, Value] | Frontend:
    """Makes of what a tab shows the content and the target, or the frontend that is to be the layout."""
    place = f"`{type(flow).__name__}.configure_layout()`"
    if "content" not in entry:
        raise ValueError(
            f"A dictionary returned by {place} is missing a key 'content'. "
            "For the value, choose either a reference to a child flow or a URL"
        )
    content = entry["content"]
    if isinstance(content, LightningFlow) and _is_below(flow, content):
        return {"name": entry.get("name", _last_part(content)), "content": content.name, "target": ""}
    if isinstance(content, LightningWork):
        return _of_work(entry, content)
    if isinstance(content, str):
        return _of_address(content)
    raise ValueError(
        f"A dictionary returned by {place} contains an unsupported entry: {{'content': {content!r}}}. "
        "Set the `content` key to a flow below this one, a work or a URL"
    )


def _of_address(address: str) -> dict[str, Value]:
    # One that begins with a slash is a work's address that is not known yet, with a path behind it.
    return {"content": address, "target": "" if address.startswith("/") else address}


def _of_work(entry: dict[str, Any], work: LightningWork) -> dict[str, Value] | Frontend:
    configured: Any = work.configure_layout()
    if isinstance(configured, Frontend):
        return configured
    if not (configured is None or isinstance(configured, str)):
        raise TypeError(
            f"The return value of configure_layout() in `{type(work).__name__}` is of an unsupported type: "
            f"{type(configured).__name__}; return a URL, a Frontend, or None for nothing"
        )
    return {"name": entry.get("name", _last_part(work)), **_of_address(configured or "")}


def _is_below(flow: LightningFlow, content: LightningFlow) -> bool:
    above: Component | None = content._parent
    while above is not None and above is not flow:
        above = above._parent
    return above is flow


def _last_part(component: LightningFlow | LightningWork) -> str:
    return component.name.rpartition(".")[2]
