"""The parts of a snapshot, put together."""

from __future__ import annotations

from dataclasses import replace

from flowrpc.protocol.answers import StateSnapshot
from flowrpc.state.records import ComponentRecord


class SnapshotParts:
    """Collects what a watch sends of one snapshot."""

    def __init__(self) -> None:
        """Begins with nothing."""
        self._parts: list[StateSnapshot] = []

    def add(self, part: StateSnapshot) -> StateSnapshot | None:
        """Takes a part; returns the whole snapshot after its last one.

        A first part begins anew: a watch that fell behind sends a snapshot in the middle of another one.
        """
        if part.first:
            self._parts.clear()
        self._parts.append(part)
        return self._whole(part) if part.last else None

    def _whole(self, last: StateSnapshot) -> StateSnapshot:
        parts, self._parts = self._parts, []
        runs = tuple(run for part in parts for run in part.runs)
        return replace(last, components=_joined(parts), runs=runs, app=parts[0].app, first=True)


def _joined(parts: list[StateSnapshot]) -> tuple[ComponentRecord, ...]:
    """A component that is split over several entries has all their vars."""
    records: dict[str, ComponentRecord] = {}
    for part in parts:
        for record in part.components:
            if record.name in records:
                records[record.name].vars.update(record.vars)
            else:
                records[record.name] = record
    return tuple(records.values())
