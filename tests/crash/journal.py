"""The archive of a journal: every revision that was ever durable, kept beyond what the service keeps.

It is filled from the data directory after each end of the service, and in between, because compaction deletes what is
old. What was read once must stay as it was: a revision that comes back different was taken back and told anew.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from flowrpc.errors import StoreError
from flowrpc.store.database import Database
from flowrpc.wire.journal import run_record_from_bytes

_LOOK_BACK = 50
"""How many revisions that are known are compared again each time."""


@dataclass(slots=True, kw_only=True)
class Archive:
    """What was durable."""

    records: dict[int, bytes] = field(default_factory=dict)
    last: int = 0
    problems: list[str] = field(default_factory=list)
    """What was not as it had been."""

    def read(self, data_dir: Path) -> int:
        """Takes in what is new; returns the last revision that is there."""
        path = data_dir / "journal.db"
        if not path.exists():
            return 0
        found = 0
        with closing(Database(path, read_only=True)) as database:
            for row in database.revisions_after(max(self.last - _LOOK_BACK, 0)):
                found = row.revision
                known = self.records.setdefault(found, row.record)
                if known != row.record:
                    self.problems.append(f"revision {found} is not what it was before the end of the service")
        self.last = max(self.last, found)
        return found

    def in_order(self) -> Iterator[tuple[int, bytes]]:
        """Yields every revision in order."""
        yield from sorted(self.records.items())

    def save(self, path: Path) -> None:
        path.write_bytes(pickle.dumps((self.records, self.last, self.problems)))

    @classmethod
    def load(cls, path: Path) -> Archive:
        records, last, problems = pickle.loads(path.read_bytes())
        return cls(records=records, last=last, problems=problems)


def applied_in(data_dir: Path) -> dict[str, tuple[int, int]]:
    """Returns by run how far its newest attempt was applied, as the next life will find it.

    A run that waits for another attempt, or that ended while it did, is given the number of that one: what the last one
    sent was taken back.
    """
    path = data_dir / "journal.db"
    if not path.exists():
        return {}
    try:
        with closing(Database(path, read_only=True)) as database:
            if database.identity() is None:
                return {}
            found = {}
            for row in database.runs():
                record = run_record_from_bytes(row.record)
                run = record.run
                found[run.run_id] = (run.attempt + (not run.agent_id), record.applied_seq)
            for applied in database.applied():
                known = found.get(applied.run_id)
                if known is not None and known[0] == applied.attempt and applied.seq > known[1]:
                    found[applied.run_id] = (applied.attempt, applied.seq)
            return found
    except StoreError:
        return {}
