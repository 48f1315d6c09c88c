"""The database `journal.db`: revisions, run records, first answers and what the journal is.

No sqlite3 exception leaves this file.
"""

from __future__ import annotations

import sqlite3
import uuid
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flowrpc.errors import InvalidChangeError, StoreCorruptError, StoreError, StoreFullError
from flowrpc.store.room import is_full, no_room

FORMAT = 1
"""Version of the tables and of what they hold; a larger one is refused."""

_ROWS_PER_READ = 500

# A commit is durable when it returns (FULL); the log of the database is folded in every 1,000 pages of 4 KiB
# and cut back to 8 MiB, so that it cannot fill the disk.
_SETTINGS = """
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA foreign_keys = OFF;
    PRAGMA busy_timeout = 500;
    PRAGMA wal_autocheckpoint = 1000;
    PRAGMA journal_size_limit = 8388608;
"""

_TABLES = (
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID",
    "CREATE TABLE journal (revision INTEGER PRIMARY KEY, record BLOB NOT NULL, crc INTEGER NOT NULL)",
    "CREATE TABLE runs (run_id TEXT PRIMARY KEY, ordinal INTEGER NOT NULL, record BLOB NOT NULL,"
    " crc INTEGER NOT NULL) WITHOUT ROWID",
    # Apart from the records, which may be large: this changes with every delta of a work.
    "CREATE TABLE applied (run_id TEXT PRIMARY KEY, attempt INTEGER NOT NULL, seq INTEGER NOT NULL)"
    " WITHOUT ROWID",
    # With row numbers: they keep the order of arrival, by which old answers are found without another index.
    "CREATE TABLE answers (request_id TEXT PRIMARY KEY, time INTEGER NOT NULL, record BLOB NOT NULL,"
    " crc INTEGER NOT NULL)",
)

_INSERT_REVISION = "INSERT INTO journal VALUES (?, ?, ?)"
_UPSERT_RUN = (
    "INSERT INTO runs VALUES (?, ?, ?, ?)"
    " ON CONFLICT (run_id) DO UPDATE SET record = excluded.record, crc = excluded.crc"
)
_UPSERT_APPLIED = (
    "INSERT INTO applied VALUES (?, ?, ?)"
    " ON CONFLICT (run_id) DO UPDATE SET attempt = excluded.attempt, seq = excluded.seq"
)
_FORGET_RUN = ("DELETE FROM runs WHERE run_id = ?", "DELETE FROM applied WHERE run_id = ?")
_INSERT_ANSWER = "INSERT INTO answers VALUES (?, ?, ?, ?)"
_DELETE_REVISIONS = "DELETE FROM journal WHERE revision <= ?"
_DELETE_ANSWERS = (
    "DELETE FROM answers WHERE time < ? AND rowid IN (SELECT rowid FROM answers ORDER BY rowid LIMIT ?)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What a journal is."""

    journal_id: str
    life: int


@dataclass(slots=True, kw_only=True)
class Batch:
    """What one transaction writes."""

    number: int
    record: bytes
    runs: list[tuple[str, int, bytes]] = field(default_factory=list)
    """Id, ordinal and record of each run."""
    applied: list[tuple[str, int, int]] = field(default_factory=list)
    """Id, attempt and newest applied sequence number of each run that got on."""
    forgotten_runs: list[tuple[str]] = field(default_factory=list)
    """Id of each run that is deleted."""
    answers: list[tuple[str, int, bytes]] = field(default_factory=list)
    """Request id, time in microseconds since 1970 and record of each answer."""
    delete_revisions_to: int = 0
    """Deletes revisions up to this one; 0 for none."""
    delete_answers_before: int = 0
    """Deletes answers of an earlier time, in microseconds since 1970; 0 for none."""
    delete_answers_limit: int = 0


class Database:
    """One connection to a `journal.db`."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        """Connects; a database that is not there is made, unless it is opened for reading.

        Raises:
            StoreError: it cannot be opened.
        """
        self.path = path
        """The file."""
        with self._translated():
            # The thread that opens a store need not be the one that uses it; they never do at the same time.
            self._connection = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}",
                uri=True,
                isolation_level=None,
                check_same_thread=False,
            )
        self._execute: Callable[..., sqlite3.Cursor] = self._connection.execute
        if not read_only:
            self._prepare()

    def identity(self) -> Identity | None:
        """Returns what the journal is; None if the database is new."""
        with self._translated():
            if not self._execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
                return None
            meta = dict(self._execute("SELECT name, value FROM meta").fetchall())
        try:
            self._check_format(int(meta["format"]))
            return Identity(journal_id=str(meta["journal_id"]), life=int(meta["life"]))
        except (KeyError, ValueError) as error:
            raise StoreCorruptError(damaged(self.path, f"its table meta lacks {error}")) from error

    def create(self) -> Identity:
        """Makes the tables and a new identity of life 0, in one transaction."""
        identity = Identity(journal_id=uuid.uuid4().hex, life=0)
        with self._translated(), self._transaction():
            for table in _TABLES:
                self._execute(table)
            meta = [("format", FORMAT), ("journal_id", identity.journal_id), ("life", 0)]
            self._connection.executemany("INSERT INTO meta VALUES (?, ?)", meta)
        return identity

    def begin_life(self, life: int) -> None:
        """Writes the number of this life."""
        with self._translated(), self._transaction():
            self._execute("UPDATE meta SET value = ? WHERE name = 'life'", (life,))

    def commit(self, batch: Batch) -> None:
        """Writes a batch, durable when it returns.

        Raises:
            StoreFullError: the disk is full; nothing of it is durable.
            StoreError: it may be durable or not.
        """
        try:
            self._execute("BEGIN IMMEDIATE")
            self._execute(_INSERT_REVISION, (batch.number, batch.record, zlib.crc32(batch.record)))
            if batch.runs:
                self._connection.executemany(_UPSERT_RUN, (_with_crc(row) for row in batch.runs))
            if batch.applied:
                self._connection.executemany(_UPSERT_APPLIED, batch.applied)
            for forget in _FORGET_RUN if batch.forgotten_runs else ():
                self._connection.executemany(forget, batch.forgotten_runs)
            if batch.answers:
                self._connection.executemany(_INSERT_ANSWER, (_with_crc(row) for row in batch.answers))
            if batch.delete_revisions_to:
                self._execute(_DELETE_REVISIONS, (batch.delete_revisions_to,))
            if batch.delete_answers_before:
                self._execute(_DELETE_ANSWERS, (batch.delete_answers_before, batch.delete_answers_limit))
            self._make_durable()
        except sqlite3.Error as error:
            self._undo()
            raise self._error(error) from error

    def make_room(self) -> None:
        """Folds the log in, as far as that goes without more room: then the next commit can use its place again."""
        with suppress(sqlite3.Error):
            self._execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def revisions_after(self, number: int) -> Iterator[tuple[int, bytes]]:
        """Yields number and record of every revision after one, in order.

        It reads slice by slice and holds no transaction between them: a slow reader would keep the log from
        being folded in.

        Raises:
            StoreCorruptError: a record does not fit its checksum.
        """
        sql = "SELECT revision, record, crc FROM journal WHERE revision > ? ORDER BY revision LIMIT ?"
        while rows := self._rows(sql, number, _ROWS_PER_READ):
            for revision, record, crc in rows:
                yield revision, self._verified(record, crc, f"revision {revision}")
            number = rows[-1][0]

    def revision_bounds(self) -> tuple[int, int]:
        """Returns the first and last revision that the journal holds; (0, 0) if it is empty."""
        ((first, last),) = self._rows("SELECT min(revision), max(revision) FROM journal")
        return first or 0, last or 0

    def runs(self) -> Iterator[bytes]:
        """Yields every run record, in the order of their ordinals."""
        for run_id, record, crc in self._rows("SELECT run_id, record, crc FROM runs ORDER BY ordinal"):
            yield self._verified(record, crc, f"run {run_id}")

    def applied(self) -> list[tuple[str, int, int]]:
        """Returns id, attempt and newest applied sequence number of every run whose work sent deltas."""
        return self._rows("SELECT run_id, attempt, seq FROM applied")

    def answer(self, request_id: str) -> bytes | None:
        """Returns the record of the answer to a request."""
        for record, crc in self._rows("SELECT record, crc FROM answers WHERE request_id = ?", request_id):
            return self._verified(record, crc, f"the answer to {request_id}")
        return None

    def oldest_answer_time(self) -> int | None:
        """Returns the time of the oldest answer in microseconds since 1970; None if there is none."""
        for (time,) in self._rows("SELECT time FROM answers ORDER BY rowid LIMIT 1"):
            return int(time)
        return None

    def close(self) -> None:
        """Closes the connection."""
        with self._translated():
            self._connection.close()

    def _make_durable(self) -> None:
        self._execute("COMMIT")

    def _check_format(self, found: int) -> None:
        if found > FORMAT:
            raise StoreError(
                f"{self.path} has format {found}, this version of flowrpc reads up to {FORMAT}: "
                "install a newer version, or take another --data-dir"
            )

    def _prepare(self) -> None:
        try:
            with self._translated():
                self._connection.executescript(_SETTINGS)
        except StoreError:
            self._connection.close()
            raise

    def _rows(self, sql: str, *arguments: object) -> list[tuple[Any, ...]]:
        with self._translated():
            return self._execute(sql, arguments).fetchall()

    def _verified(self, record: object, crc: int, what: str) -> bytes:
        if not isinstance(record, bytes) or zlib.crc32(record) != crc:
            raise StoreCorruptError(damaged(self.path, f"{what} does not fit its checksum"))
        return record

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._execute("BEGIN IMMEDIATE")
        try:
            yield
            self._execute("COMMIT")
        except sqlite3.Error:
            self._undo()
            raise

    def _undo(self) -> None:
        """Rolls back what is open; if that fails too, closing does it."""
        with suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._execute("ROLLBACK")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self._error(error) from error

    def _error(self, error: sqlite3.Error) -> StoreError:
        extended = getattr(error, "sqlite_errorcode", 0)
        code = extended & 0xFF
        if code == sqlite3.SQLITE_FULL or (extended in _UNWRITTEN and is_full(self.path.parent)):
            return StoreFullError(no_room(self.path.parent, str(error)))
        if code in _DAMAGE:
            return StoreCorruptError(damaged(self.path, str(error)))
        return StoreError(f"{self.path}: {error}; {_NEXT_STEPS.get(code, 'check the disk and start again')}")


# Our statements fit our tables: SQLite finds them wrong (ERROR) only where the tables are not ours any more.
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)

_UNWRITTEN = (
    sqlite3.SQLITE_IOERR_WRITE,
    sqlite3.SQLITE_IOERR_SHMSIZE,
    sqlite3.SQLITE_IOERR_SHMOPEN,
    sqlite3.SQLITE_CANTOPEN,
)
"""How SQLite tells that a file could not be made longer: for want of room, or for another reason.

Not among them is a failed sync. After one, nobody knows what is on the disk.
"""

_NEXT_STEPS = {
    sqlite3.SQLITE_READONLY: "give this user a directory of its own with --data-dir",
    sqlite3.SQLITE_CANTOPEN: "give this user a directory of its own with --data-dir",
    sqlite3.SQLITE_PERM: "give this user a directory of its own with --data-dir",
    sqlite3.SQLITE_BUSY: "end the other program that has it open",
    sqlite3.SQLITE_LOCKED: "end the other program that has it open",
}


@contextmanager
def damage_told(path: Path, what: str) -> Iterator[None]:
    """Turns what decoding and folding raise into a StoreCorruptError.

    The checksum fitted, so it was written like this: by a fault of ours, or by someone else.
    """
    try:
        yield
    except (ValueError, InvalidChangeError) as error:
        raise StoreCorruptError(damaged(path, f"{what} cannot be used ({error})")) from error


def damaged(path: Path, problem: str) -> str:
    """Words the message of a StoreCorruptError."""
    return (
        f"{path} is damaged: {problem}; restore the data directory from a backup, or begin anew with --fresh"
    )


def _with_crc(row: tuple[str, int, bytes]) -> tuple[str, int, bytes, int]:
    return (*row, zlib.crc32(row[2]))
