"""The state as encoded bytes: each var is encoded once, and again when it changed, however often it is read.

A read then costs joining what is there. It takes about a hundred bytes and the var's own per var, of components that
were read; what changes and is not read is given back at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from flowrpc.flow_service.parts import Parts
from flowrpc.protocol.answers import StateSnapshot
from flowrpc.state.records import ComponentRecord, Delta, Revision, Run
from flowrpc.wire.watch_bytes import head_bytes, name_bytes, run_bytes, snapshot_bytes, state_bytes, var_bytes

Item = TypeVar("Item")

PART_BYTES = 1024 * 1024
"""How large a message of a watch should be at most. One value takes 2 MiB at most, and receivers take 4 by default."""


class _Component:
    """The encoded vars of a component; those that changed are missing."""

    __slots__ = ("head", "missing", "vars")

    def __init__(self, record: ComponentRecord) -> None:
        self.head = head_bytes(record)
        self.vars: dict[str, bytes] = {}
        self.missing = set(record.vars)

    def chunks(self, record: ComponentRecord) -> Iterable[bytes]:
        """Yields the vars in their order."""
        for name in self.missing:
            if name in record.vars:
                self.vars[name] = var_bytes(name, record.vars[name])
        self.missing.clear()
        return map(self.vars.__getitem__, record.vars)

    def note(self, delta: Delta) -> None:
        for change in delta.changes:
            name: str = change.path[0]  # type: ignore[assignment]  # a path begins with a text
            self.vars.pop(name, None)
            self.missing.add(name)


class EncodedState:
    """Encodes the components and runs of one replica."""

    def __init__(self) -> None:
        """Begins with nothing encoded."""
        self._components: dict[str, _Component] = {}
        self._runs: dict[str, tuple[Run, bytes]] = {}

    def note(self, revision: Revision) -> None:
        """Forgets what a revision changed."""
        for delta in revision.deltas:
            self._note(delta)
        for run_id in [run.run_id for run in revision.runs] + list(revision.forgotten_runs):
            self._runs.pop(run_id, None)

    def state(self, snapshot: StateSnapshot) -> bytes:
        """Makes the answer to `GetState`."""
        components = [self._whole(record) for record in snapshot.components]
        runs = [self._run(run) for run in snapshot.runs]
        return state_bytes(replace(snapshot, components=(), runs=()), components, runs)

    def snapshot(self, snapshot: StateSnapshot) -> Parts:
        """Makes the messages of a watch's snapshot; its app, reason and hash go where they belong."""
        pieces = [(piece, False) for record in snapshot.components for piece in self._pieces(record)]
        pieces += [(self._run(run), True) for run in snapshot.runs]
        groups = list(_grouped(pieces, _size_of_piece)) or [[]]
        last = len(groups) - 1
        messages = [
            _message(snapshot, group, first=number == 0, last=number == last)
            for number, group in enumerate(groups)
        ]
        return Parts(messages, (snapshot.revision, snapshot.reason))

    def _note(self, delta: Delta) -> None:
        if delta.attached is not None:
            self._components.pop(delta.component, None)
        known = self._components.get(delta.component)
        if known is not None:
            known.note(delta)
        if delta.detached:
            below = delta.component + "."
            for name in [n for n in self._components if n == delta.component or n.startswith(below)]:
                del self._components[name]

    def _of(self, record: ComponentRecord) -> _Component:
        known = self._components.get(record.name)
        if known is None:
            known = self._components[record.name] = _Component(record)
        return known

    def _whole(self, record: ComponentRecord) -> bytes:
        known = self._of(record)
        return known.head + b"".join(known.chunks(record))

    def _pieces(self, record: ComponentRecord) -> Iterator[bytes]:
        """Yields the component, or entries of it whose vars add up."""
        known = self._of(record)
        head = known.head
        for group in list(_grouped(known.chunks(record), len)) or [[]]:
            yield head + b"".join(group)
            head = name_bytes(record)

    def _run(self, run: Run) -> bytes:
        known, data = self._runs.get(run.run_id, (None, b""))
        if known is not run:
            data = run_bytes(run)
            self._runs[run.run_id] = (run, data)
        return data


def _message(
    snapshot: StateSnapshot, pieces: Sequence[tuple[bytes, bool]], *, first: bool, last: bool
) -> bytes:
    part = replace(
        snapshot,
        components=(),
        runs=(),
        first=first,
        last=last,
        app=snapshot.app if first else None,
        reason=snapshot.reason if first else None,
        state_hash=snapshot.state_hash if last else "",
    )
    components = [piece for piece, of_run in pieces if not of_run]
    return snapshot_bytes(part, components, [piece for piece, of_run in pieces if of_run])


def _size_of_piece(piece: tuple[bytes, bool]) -> int:
    return len(piece[0])


def _grouped(items: Iterable[Item], size_of: Callable[[Item], int]) -> Iterator[list[Item]]:
    """Groups items, so that a group is larger than a part should be only if one item is."""
    group: list[Item] = []
    size = 0
    for item in items:
        if group and size + size_of(item) > PART_BYTES:
            yield group
            group, size = [], 0
        group.append(item)
        size += size_of(item)
    if group:
        yield group
