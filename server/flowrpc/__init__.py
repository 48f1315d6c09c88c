"""flowrpc: write flows and works in plain Python, run them as gRPC services.

The names below are imported when they are first used, so that a client that imports `flowrpc.v1` loads no component.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flowrpc.api import Delete, Get, Patch, Post, Put
    from flowrpc.component import (
        AppInfo,
        BuildConfig,
        ClientCommand,
        CloudCompute,
        Dict,
        LightningApp,
        LightningFlow,
        LightningWork,
        List,
        Retry,
    )
    from flowrpc.component.hosting import Cancelled
    from flowrpc.errors import FlowrpcError, StorageError, WorkRunError
    from flowrpc.frontend import Frontend, StaticWebFrontend, StreamlitFrontend
    from flowrpc.storage import Drive, Path, Payload

_HOMES = {
    "AppInfo": "flowrpc.component",
    "BuildConfig": "flowrpc.component",
    "Cancelled": "flowrpc.component.hosting",
    "ClientCommand": "flowrpc.component",
    "CloudCompute": "flowrpc.component",
    "Delete": "flowrpc.api",
    "Dict": "flowrpc.component",
    "Drive": "flowrpc.storage",
    "FlowrpcError": "flowrpc.errors",
    "Frontend": "flowrpc.frontend",
    "Get": "flowrpc.api",
    "LightningApp": "flowrpc.component",
    "LightningFlow": "flowrpc.component",
    "LightningWork": "flowrpc.component",
    "List": "flowrpc.component",
    "Patch": "flowrpc.api",
    "Path": "flowrpc.storage",
    "Payload": "flowrpc.storage",
    "Post": "flowrpc.api",
    "Put": "flowrpc.api",
    "Retry": "flowrpc.component",
    "StaticWebFrontend": "flowrpc.frontend",
    "StorageError": "flowrpc.errors",
    "StreamlitFrontend": "flowrpc.frontend",
    "WorkRunError": "flowrpc.errors",
}

__all__ = [
    "AppInfo",
    "BuildConfig",
    "Cancelled",
    "ClientCommand",
    "CloudCompute",
    "Delete",
    "Dict",
    "Drive",
    "FlowrpcError",
    "Frontend",
    "Get",
    "LightningApp",
    "LightningFlow",
    "LightningWork",
    "List",
    "Patch",
    "Path",
    "Payload",
    "Post",
    "Put",
    "Retry",
    "StaticWebFrontend",
    "StorageError",
    "StreamlitFrontend",
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
