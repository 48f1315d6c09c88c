"""The import paths of Lightning App: `lightning.app` and `lightning_app` become `flowrpc.lightning`.

Nothing else in flowrpc imports this room; docs/migrating.md says what else changes for an app. Names and modules are
imported when they are first used, so that `import flowrpc.lightning as L` is all that `L.storage.Path` needs.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flowrpc.component import (
        BuildConfig,
        CloudCompute,
        Dict,
        LightningApp,
        LightningFlow,
        LightningWork,
        List,
    )

_NAMES = ("BuildConfig", "CloudCompute", "Dict", "LightningApp", "LightningFlow", "LightningWork", "List")
_MODULES = (
    "api",
    "components",
    "core",
    "frontend",
    "runners",
    "storage",
    "structures",
    "testing",
    "utilities",
)

__all__ = ["BuildConfig", "CloudCompute", "Dict", "LightningApp", "LightningFlow", "LightningWork", "List"]


def __getattr__(name: str) -> Any:
    """Imports a name or a module of this room; `app` is the room itself, for `L.app.storage.Path`."""
    if name == "app":
        return sys.modules[__name__]
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    if name in _NAMES:
        return getattr(import_module("flowrpc.component"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}; docs/migrating.md has all paths")


def __dir__() -> list[str]:
    """Lists what there is."""
    return sorted([*_NAMES, *_MODULES])
