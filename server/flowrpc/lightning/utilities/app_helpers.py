"""Loggers, states for people, and what a class overrides."""

from __future__ import annotations

import logging
from typing import Any

__all__ = ["Logger", "is_overridden", "pretty_state"]


def Logger(name: str) -> logging.Logger:  # noqa: N802  # the name that apps import
    """Returns a logger; what it logs is in the app's log."""
    return logging.getLogger(name)


def pretty_state(state: dict[str, Any]) -> dict[str, Any]:
    """Reduces a state to what people wrote: the public vars of a component and of those below it."""
    shown: dict[str, Any] = {}
    if "vars" in state:
        shown["vars"] = {key: value for key, value in state["vars"].items() if not key.startswith("_")}
    for group in ("flows", "works", "structures"):
        if children := state.get(group):
            shown[group] = {name: pretty_state(child) for name, child in children.items()}
    return shown


def is_overridden(method_name: str, instance: object, parent: type) -> bool:
    """Tells whether the class of an object has a method of its own in place of a parent's.

    Raises:
        AttributeError: The parent has no such method.
    """
    return getattr(type(instance), method_name, None) is not getattr(parent, method_name)
