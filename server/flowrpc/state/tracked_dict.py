"""A dict that records what happens to it."""

from __future__ import annotations

from typing import Any

from flowrpc.state.changes import Path, Refill, Reinsert, Remove, Set
from flowrpc.state.owner import Owner
from flowrpc.state.tracking import Tracked, detach, take_entries, track, untrack
from flowrpc.state.values import SCALARS, Value, is_plain_scalar, same

_MISSING: Any = object()


class TrackedDict(Tracked, dict[str, Value], plain=dict):
    """Is a dict in the state of a component."""

    __slots__ = ("_hint", "_parent")

    def __init__(self, entries: Any = (), parent: Tracked | Owner | None = None, hint: str | int = 0) -> None:
        """Takes the entries in; without a parent it is detached."""
        self._parent = parent
        self._hint = hint
        plain: dict[str, Value] = dict(entries)
        for key, value in plain.items():
            dict.__setitem__(self, key, value if type(value) in SCALARS else track(value, self, key))

    def __setitem__(self, key: str, value: Any) -> None:
        old = self.get(key, _MISSING)
        if old is value:  # what `self.table["k"] += [1]` ends in
            return
        found = self._locate()
        if found is None:
            dict.__setitem__(self, key, value)
        elif type(key) is str and is_plain_scalar(value) and (old is not _MISSING or is_plain_scalar(key)):
            self._put(*found, key, value, old)
        else:
            self._put_all(*found, {key: value})

    def __delitem__(self, key: str) -> None:
        found = self._locate()
        if found is None or key not in self:
            dict.__delitem__(self, key)
            return
        owner, path = found
        if type(key) is not str:
            key = next(own for own in self if own == key)
        log = owner._log
        if log is not None:
            way = (*path, key)
            inverse = Reinsert(way, untrack(self[key]), self._order(key)) if log.undoable else None
            log.record(owner, Remove(way), inverse)
        self._drop(key)

    def pop(self, key: str, default: Any = _MISSING) -> Any:
        """Removes an entry and returns its value as a plain one, or the default if there is none."""
        if key not in self:
            if default is _MISSING:
                raise KeyError(key)
            return default
        value = untrack(self[key])
        del self[key]
        return value

    def popitem(self) -> tuple[str, Value]:
        """Removes the last entry and returns it with a plain value."""
        if not self:
            raise KeyError("popitem(): dictionary is empty")
        key = next(reversed(self))
        return key, self.pop(key)

    def clear(self) -> None:
        """Removes every entry."""
        found = self._locate()
        if found is not None and self:
            owner, path = found
            log = owner._log
            if log is not None:
                plain = {key: untrack(value) for key, value in self.items()} if log.undoable else {}
                log.record(owner, Set(path, {}), Refill(path, plain) if log.undoable else None)
        for value in self.values():
            detach(value)
        dict.clear(self)

    def update(self, /, *entries: Any, **named: object) -> None:
        """Sets every entry of a mapping, of pairs and of the keywords, or none if one cannot be set."""
        if len(entries) > 1:
            raise TypeError(f"update expected at most 1 argument, got {len(entries)}")
        new: dict[str, Any] = dict(*entries, **named)
        found = self._locate()
        if found is None:
            dict.update(self, new)
        else:
            self._put_all(*found, new)

    def setdefault(self, key: str, default: Any = None) -> Value:  # type: ignore[override]
        """Returns the value of the key, which is set to the default first if it is missing."""
        if key not in self:
            self[key] = default
        return self[key]

    def __ior__(self, entries: Any) -> TrackedDict:  # type: ignore[override, misc]
        self.update(entries)
        return self

    def _put_all(self, owner: Owner, path: Path, entries: dict[Any, Any]) -> None:
        for key, value in take_entries(entries, owner, path).items():
            self._put(owner, path, key, value, self.get(key, _MISSING))

    def _put(self, owner: Owner, path: Path, key: str, value: Value, old: Any) -> None:
        if same(old, value):
            return
        log = owner._log
        if log is not None:
            way = (*path, key)
            inverse: Set | Remove | None = None
            if log.undoable:
                inverse = Remove(way) if old is _MISSING else Set(way, untrack(old))
            log.record(owner, Set(way, value), inverse)
        if type(old) not in SCALARS:
            detach(old)
        dict.__setitem__(self, key, value if type(value) in SCALARS else track(value, self, key))

    def _order(self, key: str) -> int:
        """Counts the entries before this one; the last one, which `popitem` removes, is found at once."""
        return len(self) - 1 if next(reversed(self)) == key else list(self).index(key)

    def _lay(self, key: str, value: Value) -> None:
        """Sets an entry without checks or record."""
        detach(self.get(key))
        dict.__setitem__(self, key, track(value, self, key))

    def _drop(self, key: str) -> None:
        """Removes an entry without record."""
        detach(self[key])
        dict.__delitem__(self, key)

    def _sees(self, child: Any) -> bool:
        return self.get(child._hint) is child
