"""A list that records what happens to it."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from typing import Any, SupportsIndex

from flowrpc.state.changes import Set, Splice
from flowrpc.state.owner import Owner
from flowrpc.state.tracking import Tracked, detach, take_items, track, untrack, untrack_items
from flowrpc.state.values import SCALARS, Value, is_plain_scalar, same


class TrackedList(Tracked, list[Value], plain=list):
    """Is a list in the state of a component."""

    __slots__ = ("_hint", "_parent")

    def __init__(
        self, items: Iterable[Value] = (), parent: Tracked | Owner | None = None, hint: str | int = 0
    ) -> None:
        """Takes the items in; without a parent it is detached."""
        self._parent = parent
        self._hint = hint
        list.__init__(
            self,
            [item if type(item) in SCALARS else track(item, self, at) for at, item in enumerate(items)],
        )

    def append(self, value: Any) -> None:
        """Adds one item at the end."""
        found = self._locate()
        if found is None:
            list.append(self, value)
            return
        owner, path = found
        start = len(self)
        item = value if is_plain_scalar(value) else take_items((value,), owner, path, start)[0]
        log = owner._log
        if log is not None:
            inverse = Splice(path, start, 1, []) if log.undoable else None
            log.record(owner, Splice(path, start, 0, [item]), inverse)
        list.append(self, item if type(item) in SCALARS else track(item, self, start))

    def extend(self, values: Iterable[Any]) -> None:
        """Adds items at the end."""
        items = list(values)
        self._splice(len(self), 0, items)

    def insert(self, index: SupportsIndex, value: Any) -> None:
        """Puts one item before the index."""
        start = operator.index(index)
        size = len(self)
        self._splice(max(start + size, 0) if start < 0 else min(start, size), 0, [value])

    def pop(self, index: SupportsIndex = -1) -> Value:
        """Removes an item and returns it as a plain value."""
        if not self:
            raise IndexError("pop from empty list")
        position = self._position(index, "pop index out of range")
        item = untrack(self[position])
        self._splice(position, 1, [])
        return item

    def remove(self, value: Any) -> None:
        """Removes the first item that equals the value."""
        self._splice(self.index(value), 1, [])

    def clear(self) -> None:
        """Removes every item."""
        self._splice(0, len(self), [])

    def sort(self, *, key: Callable[[Any], Any] | None = None, reverse: bool = False) -> None:
        """Sorts the items as `list.sort` does; if a key or a comparison raises, the order stays."""
        before = list(self)
        after = sorted(before, key=key, reverse=reverse)  # type: ignore[type-var, arg-type]
        if len(before) != len(self) or any(map(operator.is_not, before, self)):
            raise ValueError("list modified during sort")
        self._rearrange(after)

    def reverse(self) -> None:
        """Turns the order of the items round."""
        self._rearrange(self[::-1])

    def __setitem__(self, index: SupportsIndex | slice, value: Any) -> None:
        if isinstance(index, slice):
            self._set_slice(index, list(value))
        else:
            self._set_item(self._position(index, "list assignment index out of range"), value)

    def __delitem__(self, index: SupportsIndex | slice) -> None:
        if not isinstance(index, slice):
            self._splice(self._position(index, "list assignment index out of range"), 1, [])
            return
        start, stop, step = index.indices(len(self))
        if step == 1:
            self._splice(start, max(stop - start, 0), [])
        else:
            after = list(self)
            del after[index]
            self._rearrange(after)

    def __iadd__(self, values: Iterable[Any]) -> TrackedList:  # type: ignore[override, misc]
        self.extend(values)
        return self

    def __imul__(self, times: SupportsIndex) -> TrackedList:
        repeated = self * times
        self._splice(min(len(self), len(repeated)), max(len(self) - len(repeated), 0), repeated[len(self) :])
        return self

    def _position(self, index: SupportsIndex, problem: str) -> int:
        position = operator.index(index)
        if position < 0:
            position += len(self)
        if not 0 <= position < len(self):
            raise IndexError(problem)
        return position

    def _set_item(self, position: int, value: Any) -> None:
        old = self[position]
        if value is old:  # what `self.rows[0] += [1]` ends in
            return
        found = self._locate()
        if found is None:
            list.__setitem__(self, position, value)
            return
        owner, path = found
        item = value if is_plain_scalar(value) else take_items((value,), owner, path, position)[0]
        if same(old, item):
            return
        log = owner._log
        if log is not None:
            way = (*path, position)
            log.record(owner, Set(way, item), Set(way, untrack(old)) if log.undoable else None)
        self._lay(position, 1, [item])

    def _set_slice(self, where: slice, values: list[Any]) -> None:
        start, stop, step = where.indices(len(self))
        if step == 1:
            self._splice(start, max(stop - start, 0), values)
            return
        positions = range(start, stop, step)
        if len(positions) != len(values):
            raise ValueError(
                f"attempt to assign sequence of size {len(values)} to extended slice of size {len(positions)}"
            )
        found = self._locate()
        if found is not None:  # every item is checked before the first one is set
            values = [take_items((v,), *found, at)[0] for at, v in zip(positions, values, strict=True)]
        for at, value in zip(positions, values, strict=True):
            self._set_item(at, value)

    def _splice(self, start: int, count: int, values: list[Any]) -> None:
        found = self._locate()
        old = self[start : start + count]
        if found is None:
            list.__setitem__(self, slice(start, start + count), values)
            return
        owner, path = found
        items = take_items(values, owner, path, start)
        if count == len(items) and all(map(same, old, items)):
            return
        log = owner._log
        if log is not None:
            inverse = Splice(path, start, len(items), untrack_items(old)) if log.undoable else None
            log.record(owner, Splice(path, start, count, items), inverse)
        self._lay(start, count, items)

    def _rearrange(self, after: list[Value]) -> None:
        """Takes over an arrangement of its own items, less some; what stays is the same object."""
        found = self._locate()
        if found is None:
            list.__setitem__(self, slice(None), after)
            return
        start, old, new = _difference(list(self), after)
        if not old:
            return
        owner, path = found
        log = owner._log
        if log is not None:
            inverse = Splice(path, start, len(new), untrack_items(old)) if log.undoable else None
            log.record(owner, Splice(path, start, len(old), untrack_items(new)), inverse)
        for item in old:
            detach(item)
        list.__setitem__(self, slice(start, start + len(old)), new)
        for at, item in enumerate(new, start):
            if isinstance(item, Tracked):
                item._parent, item._hint = self, at

    def _lay(self, start: int, count: int, items: list[Value]) -> None:
        """Replaces items without checks or record."""
        for old in self[start : start + count]:
            detach(old)
        children = [track(item, self, at) for at, item in enumerate(items, start)]
        list.__setitem__(self, slice(start, start + count), children)

    def _sees(self, child: Any) -> bool:
        """Searches outwards from the hint: what moved has rarely moved far."""
        hint, size = child._hint, len(self)
        for distance in range(max(hint, size - hint) + 1):
            for at in (hint - distance, hint + distance):
                if 0 <= at < size and self[at] is child:
                    child._hint = at
                    return True
        return False


def _difference(before: list[Value], after: list[Value]) -> tuple[int, list[Any], list[Any]]:
    """Returns where two lists of objects begin to differ, and what each has there up to their common end."""
    shortest = min(len(before), len(after))
    start = next((at for at in range(shortest) if before[at] is not after[at]), shortest)
    ends = range(1, shortest - start + 1)
    end = next((at - 1 for at in ends if before[-at] is not after[-at]), shortest - start)
    return start, before[start : len(before) - end], after[start : len(after) - end]
