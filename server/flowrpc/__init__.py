"""flowrpc: write flows and works in plain Python, run them as gRPC services.

The names below are imported when they are first used, so that a client that imports `flowrpc.v1` loads no component.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flowrpc.component import Dict, LightningApp, LightningFlow, LightningWork, List, Retry
    from flowrpc.errors import FlowrpcError, StorageError, WorkRunError
    from flowrpc.storage import Drive, Path, Payload

_HOMES = {
    "Dict": "flowrpc.component",
    "Drive": "flowrpc.storage",
    "FlowrpcError": "flowrpc.errors",
    "LightningApp": "flowrpc.component",
    "LightningFlow": "flowrpc.component",
    "LightningWork": "flowrpc.component",
    "List": "flowrpc.component",
    "Path": "flowrpc.storage",
    "Payload": "flowrpc.storage",
    "Retry": "flowrpc.component",
    "StorageError": "flowrpc.errors",
    "WorkRunError": "flowrpc.errors",
}

__all__ = [
    "Dict",
    "Drive",
    "FlowrpcError",
    "LightningApp",
    "LightningFlow",
    "LightningWork",
    "List",
    "Path",
    "Payload",
    "Retry",
    "StorageError",
    "WorkRunError",
]


def __getattr__(name: str) -> Any:
    """Imports a public name (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """Lists the public names."""
    return sorted(__all__)
