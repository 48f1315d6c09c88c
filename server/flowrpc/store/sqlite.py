"""The store of a flow service on one host: SQLite and snapshot files in a data directory."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from flowrpc.errors import StoreError, StoreFullError
from flowrpc.protocol.stored_answer import StoredAnswer
from flowrpc.store.compaction import Compactor
from flowrpc.store.database import Database
from flowrpc.store.directory import DataDirectory
from flowrpc.store.disk import DISK, Disk
from flowrpc.store.head import HeadWriter, check_begun, read_head
from flowrpc.store.interface import Commit, Recovered
from flowrpc.store.lock import DirectoryLock
from flowrpc.store.replay import Replay
from flowrpc.store.snapshots import Snapshots, remove_half_written
from flowrpc.store.tables import Identity
from flowrpc.store.writer import Backlog, Limits, Writer

_OVERDUE = 4
"""When so many snapshots should have been made, a life begins with one, which takes less time than the recovery did.

Before that its first commit has one made in the background, as any that reaches the limits.
"""


class SQLiteStore:
    """Keeps a journal in a data directory.

    Every `snapshot_revisions` revisions or `snapshot_bytes` of journal a snapshot is made in the background.
    What both of the last two snapshots hold is deleted from the journal, a slice with each commit, so that
    the directory stays bounded. Answers are kept for `answer_window`, counted from their revision's time: it
    must be as long as the service takes request ids, plus the difference of clocks that it allows.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        snapshot_revisions: int = 5000,
        snapshot_bytes: int = 16 * 1024 * 1024,
        answer_window: timedelta = timedelta(hours=24),
        disk: Disk = DISK,
    ) -> None:
        """Names the data directory; nothing is touched before `open`."""
        self._disk = disk
        self._directory = DataDirectory(data_dir, disk)
        self._lock = DirectoryLock(data_dir)
        self._limits = Limits(
            snapshot_revisions=snapshot_revisions, snapshot_bytes=snapshot_bytes, answer_window=answer_window
        )
        self._database: Database | None = None
        self._compactor: Compactor | None = None
        self._notes: HeadWriter | None = None
        self._writer: Writer | None = None
        self._failure = ""

    def open(self) -> Recovered:
        """Locks the data directory, making it if need be, and recovers what it holds."""
        self._directory.prepare()
        self._lock.acquire()
        try:
            return self._recovered()
        except BaseException:
            # The error that is on its way says what is wrong; one of closing would hide it.
            with suppress(StoreError):
                self.close()
            raise

    def commit(self, commit: Commit) -> bytes:
        """Makes a revision durable with all that belongs to it, in one transaction."""
        writer = self._working()
        if commit.revision.number != writer.revision + 1:
            raise ValueError(f"revision {commit.revision.number} does not follow {writer.revision}")
        try:
            return writer.commit(commit)
        except StoreFullError:  # nothing is in doubt, so the same may be tried again
            raise
        except BaseException as error:  # whatever it was, an interrupt too, the commit is in doubt
            self._failure = str(error)
            raise

    def answer(self, request_id: str) -> StoredAnswer | None:
        """Returns the first answer to a request, if there was one inside the window."""
        return self._working().answer(request_id)

    def write_address(self, address: str) -> None:
        """Tells those who find the directory locked where this service serves."""
        self._lock.write_address(address)

    def wait_for_snapshot(self) -> None:
        """Waits until no snapshot is being made."""
        if self._compactor is not None:
            self._compactor.wait()

    def close(self) -> None:
        """Ends the life: gives up a snapshot in the making, closes the journal and frees the directory."""
        compactor, database, notes = self._compactor, self._database, self._notes
        self._compactor = self._database = self._notes = self._writer = None
        self._failure = ""
        try:
            if compactor is not None:
                compactor.close()
            if database is not None:
                database.close()
        finally:
            if notes is not None:
                notes.close()
            self._lock.release()

    def _recovered(self) -> Recovered:
        self._directory.prepare_files()
        # Before anything is written: it makes room.
        remove_half_written(self._directory.snapshots, self._disk)
        head = read_head(self._directory.head)
        self._database = database = Database(self._directory.database, disk=self._disk)
        found = database.identity()
        if found is None:
            check_begun(database.path, head)
        else:
            database.check_tables()
        identity = found or database.create()
        snapshots = Snapshots(self._directory.snapshots, identity.journal_id, self._disk)
        replay = Replay(database, snapshots, identity)
        backlog = _backlog(replay)
        records = replay.add_runs()
        if head is not None:
            head.check(database.path, replay.head)
        identity = self._begin_life(replay, snapshots, backlog, identity)
        return Recovered(
            journal_id=identity.journal_id,
            life=identity.life,
            replica=replay.replica,
            records=records,
            seen=found is not None,
        )

    def _begin_life(
        self, replay: Replay, snapshots: Snapshots, backlog: Backlog, identity: Identity
    ) -> Identity:
        """Counts the life and makes what serves it."""
        assert self._database is not None
        identity = replace(identity, life=identity.life + 1)
        self._database.begin_life(identity)
        head = replace(replay.head, life=identity.life)
        self._notes = HeadWriter(self._directory.head, head, self._disk)
        self._compactor = Compactor(self._directory.database, snapshots, identity, self._disk)
        if backlog.reaches(self._limits, times=_OVERDUE) and self._compactor.keep(replay):
            backlog = Backlog()
        self._writer = Writer(
            self._database, self._compactor, self._limits, backlog, head=head, notes=self._notes
        )
        return identity

    def _working(self) -> Writer:
        if self._writer is None:
            raise StoreError(f"the store of {self._directory.path} is not open: call open first")
        if self._failure:
            raise StoreError(
                f"the store of {self._directory.path} failed before and must be opened again: {self._failure}"
            )
        return self._writer


def _backlog(replay: Replay) -> Backlog:
    """Folds the journal to its end and counts it."""
    backlog = Backlog()
    for record_bytes in replay.steps():
        backlog.add(record_bytes)
    return backlog
