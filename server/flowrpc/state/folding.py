"""Folding: of all that happened to one component, only what still matters is kept."""

from __future__ import annotations

from flowrpc.state.changes import Change, Path, Remove, Set


class Folded:
    """Folds the changes of one component, so that replaying what is left gives the same vars, order included.

    A change of a whole var drops what came before it; a nested set replaces an earlier one of the same path
    if only sets as deep came between. Vars are independent of each other but for the order of their
    definition, which is the order of `_vars`.
    """

    __slots__ = ("_vars",)

    def __init__(self) -> None:
        self._vars: dict[str | int, Set | _VarChanges] = {}

    def add(self, change: Change) -> None:
        """Adds the next change."""
        path = change.path
        name = path[0]
        held = self._vars.get(name)
        if type(change) is Set and len(path) == 1 and type(held) is not _VarChanges:
            self._vars[name] = change
            return
        if type(held) is not _VarChanges:
            held = self._vars[name] = _VarChanges(held)  # type: ignore[arg-type]
        if held.removed and type(change) is Set:
            self._vars[name] = self._vars.pop(name)  # defined anew, so it is the last var
        held.add(change)

    def changes(self) -> list[Change]:
        """Returns what is left, in an order in which it can be replayed."""
        changes: list[Change] = []
        for held in self._vars.values():
            changes += held.changes if isinstance(held, _VarChanges) else [held]
        return changes

    def discard(self, var: str) -> None:
        """Forgets what was changed in a var, if anything was."""
        self._vars.pop(var, None)

    def clear(self) -> None:
        """Forgets everything."""
        self._vars.clear()

    def __len__(self) -> int:
        return sum(len(held.changes) if isinstance(held, _VarChanges) else 1 for held in self._vars.values())

    def __bool__(self) -> bool:
        return bool(self._vars)


class _VarChanges:
    """Keeps the changes of one var to which more happened than being set."""

    __slots__ = ("_kept", "_sets", "changes")

    def __init__(self, first: Set | None) -> None:
        self.changes: list[Change] = [] if first is None else [first]
        self._kept = 0  # how many of the first changes stay when the whole var is set: up to its removal
        self._sets: dict[Path, int] = {}  # where the nested sets at the end are, all as deep as each other

    @property
    def removed(self) -> bool:
        """Whether the last change removed the var."""
        return 0 < self._kept == len(self.changes)

    def add(self, change: Change) -> None:
        if len(change.path) > 1 or not isinstance(change, Set | Remove):
            self._add_nested(change)
        elif isinstance(change, Set):
            self._start_over(change)
        else:
            self._remove(change)

    def _start_over(self, *changes: Change) -> None:
        self.changes[self._kept :] = changes
        self._sets.clear()

    def _remove(self, change: Remove) -> None:
        if self._kept:
            self._start_over()
            return
        first = self.changes[0] if self.changes else None
        # If a set comes first it may have defined the var: without it there is nothing to remove.
        defined = isinstance(first, Set) and len(first.path) == 1
        self._start_over(*((Set(change.path, None), change) if defined else (change,)))
        self._kept = len(self.changes)

    def _add_nested(self, change: Change) -> None:
        if type(change) is not Set:
            self._sets.clear()
            self.changes.append(change)
            return
        path = change.path
        if self._sets and len(next(iter(self._sets))) != len(path):
            self._sets.clear()
        # Sets as deep as each other are of the same place or independent, so the earlier one may change.
        at = self._sets.setdefault(path, len(self.changes))
        self.changes[at : at + 1] = [change]
