"""The state of a component and what is below it, in the shape of a contract's message: nested, by Python's names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flowrpc.state.records import ComponentRecord


def state_of(components: Iterable[ComponentRecord]) -> dict[str, Any]:
    """Nests the vars of components, parents first; what is the framework's own is left out."""
    built: dict[str, dict[str, Any]] = {}
    first: dict[str, Any] | None = None
    for record in components:
        node = built[record.name] = {name: value for name, value in record.vars.items() if name[0] != "_"}
        first = node if first is None else first
        parent, _, key = record.name.rpartition(".")
        if parent in built:
            built[parent][key] = node
    return first or {}
