"""Reading a data directory that no service uses, without changing anything in it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from flowrpc.errors import StoreError
from flowrpc.state.replica import Replica
from flowrpc.store.database import Database
from flowrpc.store.directory import DataDirectory
from flowrpc.store.head import check_begun, read_head
from flowrpc.store.lock import unused
from flowrpc.store.replay import Replay
from flowrpc.store.snapshots import Snapshots


def read(data_dir: Path) -> Replica | None:
    """Returns the last durable state, as the next life would find it; None if the directory holds none.

    Raises:
        StoreLockedError: a service uses the directory.
        StoreCorruptError: what it holds is damaged.
        StoreError: it cannot be read.
    """
    directory = DataDirectory(data_dir)
    if not directory.database.exists():
        return None
    with unused(data_dir):
        if directory.half_empty:
            raise StoreError(f"{data_dir} is about to begin anew; start its app once to finish that")
        return _read(directory)


def _read(directory: DataDirectory) -> Replica | None:
    head = read_head(directory.head)
    with closing(Database(directory.database, read_only=True)) as database:
        identity = database.identity()
        if identity is None:
            check_begun(directory.database, head)
            return None
        database.check_tables()
        replay = Replay(database, Snapshots(directory.snapshots, identity.journal_id), identity)
        for _ in replay.steps():
            pass
        replay.add_runs()
        if head is not None:
            head.check(directory.database, replay.head)
    return replay.replica if replay.replica.revision else None
