"""The store of a flow service on one host: SQLite and snapshot files in a data directory."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from flowrpc.errors import StoreError, StoreFullError
from flowrpc.protocol.stored_answer import StoredAnswer
from flowrpc.store.compaction import Compactor
from flowrpc.store.database import Database, Identity
from flowrpc.store.directory import DataDirectory
from flowrpc.store.interface import Commit, Recovered
from flowrpc.store.lock import DirectoryLock
from flowrpc.store.replay import Replay
from flowrpc.store.snapshots import Snapshots
from flowrpc.store.writer import Backlog, Limits, Writer


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
    ) -> None:
        """Names the data directory; nothing is touched before `open`."""
        self._directory = DataDirectory(data_dir)
        self._lock = DirectoryLock(data_dir)
        self._limits = Limits(
            snapshot_revisions=snapshot_revisions, snapshot_bytes=snapshot_bytes, answer_window=answer_window
        )
        self._database: Database | None = None
        self._compactor: Compactor | None = None
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
        compactor, database = self._compactor, self._database
        self._compactor = self._database = self._writer = None
        self._failure = ""
        try:
            if compactor is not None:
                compactor.close()
            if database is not None:
                database.close()
        finally:
            self._lock.release()

    def _recovered(self) -> Recovered:
        self._directory.prepare_files()
        self._database = database = Database(self._directory.database)
        found = database.identity()
        identity = found or database.create()
        snapshots = Snapshots(self._directory.snapshots, identity.journal_id)
        self._compactor = Compactor(self._directory.database, snapshots)
        replay = Replay(database, snapshots)
        self._writer = Writer(database, self._compactor, self._limits, _backlog(replay))
        return self._begin_life(identity, replay, seen=found is not None)

    def _begin_life(self, identity: Identity, replay: Replay, *, seen: bool) -> Recovered:
        assert self._database is not None
        records = replay.add_runs()
        self._database.begin_life(identity.life + 1)
        return Recovered(
            journal_id=identity.journal_id,
            life=identity.life + 1,
            replica=replay.replica,
            records=records,
            seen=seen,
        )

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
