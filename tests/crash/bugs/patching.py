"""Replacing a function of the product, so that one that is gone is noticed; telling when its replacement did harm."""

from __future__ import annotations

import json
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


def strike(**facts: Any) -> None:
    """Notes that the bug did what a checker has to see: scripts go on until then, however slow the machine is."""
    with Path(os.environ[HISTORY], _STRUCK).open("a") as file:
        file.write(json.dumps(facts) + "\n")


def strikes(folder: Path) -> list[dict[str, Any]]:
    """Returns what was noted each time that the bug struck."""
    path = folder / _STRUCK
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]
