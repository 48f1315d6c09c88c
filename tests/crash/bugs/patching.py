"""Replacing a function of the product, so that one that is gone is noticed."""

from __future__ import annotations

from typing import Any


def put(owner: Any, name: str, new: Any) -> Any:
    """Puts something else in the place of an attribute; returns what was there."""
    before = getattr(owner, name)
    setattr(owner, name, new)
    return before
