"""Who state belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from flowrpc.state.log import ChangeLog


class Owner(Protocol):
    """Is what has vars: a component. Each var's value is in `owner.__dict__` under the var's name."""

    _log: ChangeLog | None
    """The log of the tree it is attached to."""

    _var_names: dict[str, None]
    """The vars' names in order."""


def owner_name(owner: object) -> str:
    """Names an owner for a message: its name in the tree, or its class as long as it has none."""
    name = getattr(owner, "name", None)
    return name if isinstance(name, str) and name else type(owner).__name__
