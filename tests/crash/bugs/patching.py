"""Replacing a function of the product, so that one that is gone is noticed; telling when its replacement did harm."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

HISTORY = "TORTURE_HISTORY"
"""The folder of the histories, in the environment."""
_STRUCK = "struck"


def put(owner: Any, name: str, new: Any) -> Any:
    """Puts something else in the place of an attribute; returns what was there."""
    before = getattr(owner, name)
    setattr(owner, name, new)
    return before


def strike() -> None:
    """Notes that the bug did what a checker has to see: scripts go on until then, however slow the machine is."""
    with Path(os.environ[HISTORY], _STRUCK).open("a") as file:
        file.write(".")


def strikes(folder: Path) -> int:
    """Counts how often the bug struck."""
    path = folder / _STRUCK
    return path.stat().st_size if path.exists() else 0
