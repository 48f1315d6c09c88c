"""The client of flowrpc services: FlowClient, StateReplica and flowctl."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flowrpc_client.app_state import AppState as AppState
    from flowrpc_client.client import FlowClient as FlowClient
    from flowrpc_client.client_part import ClientPart as ClientPart
    from flowrpc_client.errors import ClientPartError as ClientPartError
    from flowrpc_client.errors import CommandFailed as CommandFailed
    from flowrpc_client.errors import NotReachableError as NotReachableError
    from flowrpc_client.errors import NotTrustedError as NotTrustedError
    from flowrpc_client.replica import StateReplica as StateReplica
    from flowrpc_client.request_id import new_request_id as new_request_id
    from flowrpc_client.stream import Stream as Stream

__all__ = [
    "AppState",
    "ClientPart",
    "ClientPartError",
    "CommandFailed",
    "FlowClient",
    "NotReachableError",
    "NotTrustedError",
    "StateReplica",
    "Stream",
    "new_request_id",
]

_HOMES = {
    "AppState": "app_state",
    "ClientPart": "client_part",
    "ClientPartError": "errors",
    "CommandFailed": "errors",
    "FlowClient": "client",
    "NotReachableError": "errors",
    "NotTrustedError": "errors",
    "StateReplica": "replica",
    "Stream": "stream",
    "new_request_id": "request_id",
}


def __getattr__(name: str) -> object:
    """Imports a name when it is first used, so that `flowctl --version` never loads grpc (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
