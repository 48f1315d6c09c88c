"""Names that apps import and that are not here: whoever imports one is told the way out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def without(module: str, ways_out: Mapping[str, str]) -> Callable[[str], Any]:
    """Makes the `__getattr__` of a module (PEP 562) that lacks names which apps import.

    Args:
        module: The module's name.
        ways_out: What to do instead, by name.
    """

    def getattr_of_module(name: str) -> Any:
        if name in ways_out:
            raise ImportError(f"{module} has no {name}: {ways_out[name]} (docs/migrating.md)", name=module)
        raise AttributeError(f"module {module!r} has no attribute {name!r}")

    return getattr_of_module
