"""The state of an app, for its pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flowrpc_client.app_state import AppState

__all__ = ["AppState"]


def __getattr__(name: str) -> Any:
    """Imports it when it is used: it is a client, and apps import this module for their pages alone."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from flowrpc_client import app_state

    return app_state.AppState
