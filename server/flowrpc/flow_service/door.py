"""The door: what a gateway, which serves the app by another protocol, reaches the flow service by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from flowrpc.component.frontend import Frontend
from flowrpc.flow_service.calls_waiting import WaitingCalls
from flowrpc.flow_service.logs import LogHub
from flowrpc.flow_service.publisher import Publisher
from flowrpc.flow_service.refusals import Refusals
from flowrpc.flow_service.routes import Route
from flowrpc.protocol.answers import AppInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """What a gateway may use of a flow service, all of it in the asyncio thread."""

    waiting: WaitingCalls
    publisher: Publisher
    tokens: Mapping[str, str]
    """The token of each role."""
    info: Callable[[], AppInfo]
    logs: LogHub
    refusals: Refusals
    passes: Callable[[], int]
    """Tells how many passes there were in this life."""


class Gateway(Protocol):
    """A gateway, as the flow service sees it."""

    def bind(self) -> str:
        """Takes the port; returns the address for people, `http://127.0.0.1:43211`. Raises StartError."""

    def set_routes(self, routes: tuple[Route, ...]) -> None:
        """Is told the routes, before the start and whenever they change."""

    def set_frontends(self, frontends: dict[str, Frontend]) -> None:
        """Is told the frontends by the name of their flow, before the start and whenever they change."""

    async def start(self) -> None:
        """Begins to serve. Raises StartError if it cannot serve the routes."""

    async def stop(self) -> None:
        """Ends every request and closes the port."""
