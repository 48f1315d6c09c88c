"""What the flow changed in vars of a work and cannot be applied yet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from flowrpc.state import Change, Remove, Set, Value
from flowrpc.state.fold import apply
from flowrpc.state.sizes import change_size

MAX_CHANGES = 1_000
"""How many changes of one var are held; more become one that sets the var whole."""
MAX_BYTES = 4 * 1024 * 1024
"""About how large they may be together."""


@dataclass(slots=True)
class _OfVar:
    since: int
    """The number of the first one."""
    changes: list[Change] = field(default_factory=list)
    size: int = 0


class HeldChanges:
    """Keeps changes by var, in their order.

    However long they are held, they cost no more than their bounds or the var itself: beyond, they are applied to a
    copy of the var. That says the same as they do, since a change of ours that they do not follow is refused by the
    flow, and then the var goes there whole and they are dropped.
    """

    def __init__(self) -> None:
        self._vars: dict[str, _OfVar] = {}

    def __contains__(self, var: str) -> bool:
        return var in self._vars

    def __bool__(self) -> bool:
        return bool(self._vars)

    def __len__(self) -> int:
        return sum(len(held.changes) for held in self._vars.values())

    @property
    def since(self) -> int | None:
        """The number of the first change that is held; None if none is."""
        return min((held.since for held in self._vars.values()), default=None)

    def vars(self) -> list[str]:
        """Names the vars whose changes are held."""
        return list(self._vars)

    def add(self, change: Change, number: int, current: Callable[[str], dict[str, Value]]) -> None:
        """Holds a change.

        Args:
            change: The change.
            number: Its number.
            current: Returns a plain copy of a var as it is here, by its name; nothing if there is none.

        Raises:
            InvalidChangeError: It does not fit the var, in which the two sides differ.
        """
        var = str(change.path[0])
        held = self._vars.setdefault(var, _OfVar(number))
        if len(change.path) == 1 and isinstance(change, Set | Remove):
            held.changes, held.size = [], 0
        held.changes.append(change)
        held.size += change_size(change)
        if len(held.changes) > 1 and (len(held.changes) > MAX_CHANGES or held.size > MAX_BYTES):
            _fold(held, var, current(var))

    def changes(self, var: str) -> list[Change]:
        """Returns what is held of a var."""
        held = self._vars.get(var)
        return held.changes if held is not None else []

    def take(self, var: str) -> list[Change]:
        """Gives out what is held of a var, and forgets it."""
        changes = self.changes(var)
        self._vars.pop(var, None)
        return changes

    def clear(self) -> None:
        """Forgets everything."""
        self._vars.clear()


def _fold(held: _OfVar, var: str, vars_: dict[str, Value]) -> None:
    for change in held.changes:
        apply(vars_, change)
    held.changes, held.size = [Set((var,), vars_[var])], 0
