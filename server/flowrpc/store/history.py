"""History: the revisions that a data directory still holds, read without changing it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from flowrpc.errors import StoreCorruptError, StoreError
from flowrpc.state.records import Revision
from flowrpc.state.replica import Replica
from flowrpc.store.chain import first_link, next_link
from flowrpc.store.damage import damage_told, damaged, damaged_history
from flowrpc.store.database import Database
from flowrpc.store.directory import DataDirectory
from flowrpc.store.lock import unused
from flowrpc.store.snapshots import Snapshot, Snapshots
from flowrpc.store.tables import Identity, RevisionRow
from flowrpc.wire.journal import revision_from_bytes, snapshot_from_bytes


class History:
    """Reads the journal of a data directory that no service uses."""

    def __init__(self, directory: DataDirectory, database: Database, identity: Identity) -> None:
        """Begins to read; nothing is verified before it is read."""
        self.directory = directory
        self.database = database
        self.identity = identity
        self.first, self.last = database.revision_bounds()
        """The first and last revision of the journal; 0 if it is empty."""

    def snapshots(self) -> list[Snapshot]:
        """Returns the snapshots that verify, oldest first."""
        found = Snapshots(self.directory.snapshots, self.identity.journal_id).verified()
        return sorted(found, key=lambda snapshot: snapshot.revision)

    def bases(self) -> list[Base]:
        """Returns the states that revisions can be folded on, oldest first."""
        begin = [Base(None, self.identity)] if self.first <= 1 else []
        return [*begin, *(Base(snapshot, self.identity) for snapshot in self.snapshots())]

    def base(self, before: int | None = None) -> Base:
        """Returns the oldest of them, or the newest before a revision: what is damaged earlier does not matter then.

        Raises:
            StoreCorruptError: There is none.
        """
        found = [base for base in self.bases() if base.revision >= self.first - 1]
        if not found:
            problem = f"revisions 1 to {self.first - 1} are neither in it nor in a readable snapshot"
            raise StoreCorruptError(damaged(self.database.path, problem))
        earlier = [base for base in found if before is not None and base.revision < before]
        return earlier[-1] if earlier else found[0]

    def after(self, base: Base, until: int) -> Iterator[Revision]:
        """Yields the revisions after a base up to one, and verifies each.

        Raises:
            StoreCorruptError: One is missing or damaged; the error names it.
        """
        number, link, path = base.revision, base.link, self.database.path
        for row, fits in self.database.checked_revisions(base.revision):
            if row.revision > until:
                break
            problem = _problem(row, number, link, fits=fits)
            if problem:
                raise StoreCorruptError(damaged_history(path, problem))
            link = row.link
            with damage_told(path, f"revision {row.revision}", good=number):
                revision = revision_from_bytes(row.record)
            yield revision
            number = row.revision
        if number < min(until, self.last):
            raise StoreCorruptError(damaged_history(path, f"it ends at revision {number}"))


def _problem(row: RevisionRow, before: int, link: bytes, *, fits: bool) -> str:
    """Tells what is wrong with a revision after another one and its link; empty if nothing is."""
    if row.revision != before + 1:
        return f"revisions {before + 1} to {row.revision - 1} are missing"
    if not fits:
        return f"revision {row.revision} does not fit its checksum"
    if row.link != next_link(link, row.record):
        return f"revision {row.revision} is not the one that followed revision {before}"
    return ""


class Base:
    """A state to begin at: that of a snapshot, or nothing, before the first revision."""

    def __init__(self, snapshot: Snapshot | None, identity: Identity) -> None:
        """Takes the snapshot; None for the state before the first revision."""
        self.snapshot = snapshot
        self.revision = snapshot.revision if snapshot else 0
        self.link = snapshot.link if snapshot else first_link(identity.journal_id)

    def replica(self) -> Replica:
        """Makes a replica to fold revisions into.

        Raises:
            StoreCorruptError: The snapshot cannot be used.
        """
        if self.snapshot is None:
            return Replica()
        with damage_told(self.snapshot.path, "its payload"):
            components, app = snapshot_from_bytes(self.snapshot.payload)
        return Replica(revision=self.revision, components=components, app=app)


@contextmanager
def history(data_dir: Path) -> Iterator[History]:
    """Opens the history of a data directory, and keeps services from beginning to use it.

    Raises:
        StoreLockedError: A service uses it.
        StoreCorruptError: Nothing can be read of it.
        StoreError: It holds no journal, or cannot be read.
    """
    directory = DataDirectory(data_dir)
    with unused_journal(directory), closing(Database(directory.database, read_only=True)) as database:
        identity = database.identity()
        if identity is None:
            raise StoreError(f"{data_dir} holds no journal yet: its app has not begun")
        yield History(directory, database, identity)


@contextmanager
def unused_journal(directory: DataDirectory) -> Iterator[None]:
    """Makes sure that there is a journal, and that no service begins to use it for a while.

    Raises:
        StoreLockedError: A service uses it.
        StoreError: There is none.
    """
    if not directory.database.exists():
        raise StoreError(
            f"{directory.path} holds no journal; name the data directory of an app, or its APP.py"
        )
    with unused(directory.path):
        if directory.half_empty:
            raise StoreError(f"{directory.path} is about to begin anew; start its app once to finish that")
        yield
