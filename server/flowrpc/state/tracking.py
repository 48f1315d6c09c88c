"""How a tracked container knows where it is, and what is checked before it takes something in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, SupportsIndex

from flowrpc.state.changes import Path
from flowrpc.state.owner import Owner, owner_name
from flowrpc.state.values import SCALARS, Refused, Value, copy_entries, copy_items, is_plain_scalar

_FEW = 16  # so many plain scalars are never too large together

_CLASSES: dict[type, Any] = {}


class Tracked:
    """Is what lists and dicts that record have in common."""

    __slots__ = ()

    _parent: Any
    """The `Tracked` or `Owner` it is in; None once it is detached."""

    _hint: Any
    """Where it was last seen in there: a var's name, a key or an index."""

    def __init_subclass__(cls, *, plain: type) -> None:
        """Makes `track` use this class for a type of plain containers."""
        _CLASSES[plain] = _CLASSES[cls] = cls

    def _locate(self) -> tuple[Owner, Path] | None:
        """Finds the owner and the path from it; None if it is detached, or anything around it is."""
        parent = self._parent
        if parent is None:
            return None
        if isinstance(parent, Tracked):
            return self._locate_in(parent)
        if parent.__dict__.get(self._hint) is not self:
            return None
        return parent, (self._hint,)

    def _locate_in(self, parent: Tracked) -> tuple[Owner, Path] | None:
        around = parent._locate()
        if around is None or not parent._sees(self):
            return None
        owner, path = around
        return owner, (*path, self._hint)

    def _sees(self, child: Tracked) -> bool:
        """Tells whether the child is in here, and corrects its hint."""
        raise NotImplementedError

    def __copy__(self) -> Any:
        return self.copy()  # type: ignore[attr-defined]

    def __deepcopy__(self, memo: object) -> Any:
        return untrack(self)  # type: ignore[arg-type]

    def __reduce_ex__(self, protocol: SupportsIndex) -> Any:
        plain = untrack(self)  # type: ignore[arg-type]
        return type(plain), (plain,)


def track(value: Value, parent: Tracked | Owner | None, hint: str | int) -> Value:
    """Copies a plain value into tracked containers.

    Args:
        value: A value that `copy_value` returned, or one that a change holds.
        parent: The container or owner it goes into.
        hint: The var's name, key or index that it will have there.
    """
    kind = _CLASSES.get(type(value))
    return value if kind is None else kind(value, parent, hint)


def detach(value: object) -> None:
    """Makes a value that was taken out of state record no more; scalars need nothing."""
    if isinstance(value, Tracked):
        value._parent = None


def untrack(value: Value) -> Value:
    """Copies a value into plain lists and dicts."""
    if type(value) in SCALARS:
        return value
    if isinstance(value, list):
        return [untrack(item) for item in value]
    if isinstance(value, dict):
        return {key: untrack(item) for key, item in value.items()}
    return value


def untrack_items(items: Iterable[Value]) -> list[Value]:
    """Copies a run of list items into plain values."""
    return [untrack(item) for item in items]


def take_items(items: Sequence[Any], owner: Owner, path: Path, first: int) -> list[Value]:
    """Checks and copies what goes into the list at the path, from index `first` on.

    Raises:
        InvalidValueError: One of the items cannot be state.
    """
    if len(items) <= _FEW and all(map(is_plain_scalar, items)):
        return list(items)
    try:
        return copy_items(items, first=first, depth=len(path))
    except Refused as refused:
        raise refused.error(place_of(owner, path)) from None


def take_entries(entries: dict[Any, object], owner: Owner, path: Path) -> dict[str, Value]:
    """Checks and copies what goes into the dict at the path.

    Raises:
        InvalidValueError: One of the keys or values cannot be state.
    """
    try:
        return copy_entries(entries, depth=len(path))
    except Refused as refused:
        raise refused.error(place_of(owner, path)) from None


def place_of(owner: Owner, path: Path) -> str:
    """Writes where a path leads as the user's program would: `root.names[3]['k']`."""
    var, *steps = path
    return f"{owner_name(owner)}.{var}{''.join(f'[{step!r}]' for step in steps)}"
