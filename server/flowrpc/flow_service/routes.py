"""The HTTP routes of an app: collected from the whole tree, and found by method and path."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from flowrpc.component.component import Component
from flowrpc.component.flow import LightningFlow
from flowrpc.component.routes import HttpMethod, owner_of
from flowrpc.errors import CallError, ComponentError

RESERVED = ("/api/v1", "/command", "/docs", "/healthz", "/login", "/openapi.json", "/readyz", "/view")
"""Paths that are the app's own, with what is below them. So is `/` itself."""

_PARAMETER = re.compile(r"{[^}]*}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A route, and what answers it."""

    verb: str
    path: str
    flow: str
    """The flow that configured it."""
    method: Callable[..., Any]
    in_flow: bool
    """Whether the method is a flow's, which the engine calls; otherwise it knows no components."""
    timeout: float
    public: bool
    options: dict[str, Any]

    @property
    def title(self) -> str:
        """The route as people read it: `POST /orders`."""
        return f"{self.verb} {self.path}"


class RouteTable:
    """All routes of a tree of flows. Of two that take the same request, the one with fewer parameters does."""

    def __init__(self, root: LightningFlow) -> None:
        """Asks every flow for its routes.

        Raises:
            ComponentError: A flow returned something else, a path is reserved, or two routes are the same.
        """
        self._routes: dict[tuple[str, str], Route] = {}
        shapes: dict[tuple[str, str], Route] = {}
        for flow in [root, *root.flows.values()]:
            for route in _routes_of(flow, root):
                clash = shapes.setdefault((route.verb, _PARAMETER.sub("{}", route.path)), route)
                if clash is not route:
                    _refuse_clash(route, clash)
                self._routes[(route.verb, route.path)] = route

    def all(self) -> tuple[Route, ...]:
        """Returns the routes in the order in which requests are compared with them."""
        return tuple(sorted(self._routes.values(), key=_generality))

    def find(self, verb: str, path: str) -> Route:
        """Finds a route by its method and path, parameters unfilled.

        Raises:
            CallError: The flow that had it is gone.
        """
        route = self._routes.get((verb, path))
        if route is None:
            raise CallError("UNKNOWN_COMPONENT", f"{verb} {path} is gone, and the flow that answered it")
        return route


def _routes_of(flow: LightningFlow, root: LightningFlow) -> Iterator[Route]:
    if type(flow).configure_api is LightningFlow.configure_api:
        return
    configured: Any = flow.configure_api()
    place = f"{flow.name}.configure_api()"
    if not isinstance(configured, list | tuple):
        raise ComponentError(
            f"{place} returned {type(configured).__name__}; return a list of Get, Post, Put, Delete and Patch"
        )
    for item in configured:
        if not isinstance(item, HttpMethod):
            raise ComponentError(f"{place}: {item!r} is no route; use Get, Post, Put, Delete or Patch")
        yield _route(flow, item, root, f"{place}: {item.VERB} {item.route}")


def _route(flow: LightningFlow, item: HttpMethod, root: LightningFlow, place: str) -> Route:
    _check_path(item.route, place)
    owner = owner_of(item.method)
    in_flow = isinstance(owner, Component)
    if in_flow:
        _check_method(owner, item.method, root, place)
    return Route(
        verb=item.VERB,
        path=item.route,
        flow=flow.name,
        method=item.method,
        in_flow=in_flow,
        timeout=item.timeout,
        public=item.public,
        options=item.options,
    )


def _check_path(path: str, place: str) -> None:
    taken = next((p for p in RESERVED if path == p or path.startswith(f"{p}/")), None)
    if taken is not None or path == "/":
        raise ComponentError(
            f"{place}: {taken or path} is reserved for the app's own pages; choose another path"
        )


def _check_method(owner: Any, method: Callable[..., Any], root: LightningFlow, place: str) -> None:
    if not isinstance(owner, LightningFlow):
        raise ComponentError(f"{place}: {owner.name} is no flow; let a method of a flow answer")
    if not any(flow is owner for flow in [root, *root.flows.values()]):
        raise ComponentError(f"{place}: the method is of a {type(owner).__name__} that is not in the tree")
    if inspect.iscoroutinefunction(method) or inspect.isasyncgenfunction(method):
        raise ComponentError(f"{place}: a method of a flow must not be async; flows are synchronous Python")


def _refuse_clash(route: Route, clash: Route) -> None:
    raise ComponentError(
        f"the route {route.title} is configured twice, by {clash.flow} and by {route.flow}; change one path"
    )


def _generality(route: Route) -> tuple[int, ...]:
    """Orders paths: a literal step goes before a parameter, a parameter before one that takes many steps."""
    return tuple(2 if ":path}" in step else int("{" in step) for step in route.path.split("/"))
