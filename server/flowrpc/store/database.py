"""The database `journal.db`: revisions, run records, first answers and what the journal is.

No sqlite3 exception leaves this file.
"""

from __future__ import annotations

import sqlite3
import uuid
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from flowrpc.errors import StoreCorruptError, StoreError, StoreFullError
from flowrpc.store import tables
from flowrpc.store.damage import damaged
from flowrpc.store.disk import DISK, Disk
from flowrpc.store.room import is_full, means_full, no_room
from flowrpc.store.tables import AnswerRow, AppliedRow, Batch, Identity, RevisionRow, RunRow

_ROWS_PER_READ = 500

_HEADER_BYTES = 100
"""The header of a SQLite file: a text, and at 18 and 19 the versions of the format for writers and readers."""

_STRANGE_TABLES = "its tables are not those that flowrpc made"

_PAGES_CHECKED_WHOLE = 1000
"""Up to this size, 4 MB, a database is checked page by page when it is opened."""

_CHECKED_ALWAYS = ("(meta)", "(runs)", "(applied)", "(answers)")

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


class Database:
    """One connection to a `journal.db`."""

    def __init__(self, path: Path, *, read_only: bool = False, disk: Disk = DISK) -> None:
        """Connects; a database that is not there is made, unless it is opened for reading.

        Raises:
            StoreError: it cannot be opened.
        """
        self.path = path
        """The file."""
        self._check_header()
        with self._translated():
            self._connection = disk.connect(path, read_only=read_only)
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
            identity = Identity(journal_id=str(meta["journal_id"]), life=int(meta["life"]))
            fits = identity.crc == meta["crc"]
        except (KeyError, ValueError) as error:
            raise StoreCorruptError(damaged(self.path, f"its table meta lacks {error}")) from error
        if not fits:
            raise StoreCorruptError(damaged(self.path, "its table meta does not fit its checksum"))
        return identity

    def create(self, identity: Identity | None = None) -> Identity:
        """Makes the tables and an identity, a new one of life 0 unless it is given, in one transaction."""
        identity = identity or Identity(journal_id=uuid.uuid4().hex, life=0)
        with self._translated(), self._transaction():
            for table in tables.TABLES:
                self._execute(table)
            meta = {"format": tables.FORMAT, "journal_id": identity.journal_id}
            meta |= {"life": identity.life, "crc": identity.crc}
            self._connection.executemany("INSERT INTO meta VALUES (?, ?)", list(meta.items()))
        return identity

    def begin_life(self, identity: Identity) -> None:
        """Writes the number of this life."""
        with self._translated(), self._transaction():
            for name, value in (("life", identity.life), ("crc", identity.crc)):
                self._execute("UPDATE meta SET value = ? WHERE name = ?", (value, name))

    def commit(self, batch: Batch) -> None:
        """Writes a batch, durable when it returns.

        Raises:
            StoreFullError: the disk is full; nothing of it is durable.
            StoreError: it may be durable or not.
        """
        try:
            self._execute("BEGIN IMMEDIATE")
            self._write(batch)
            self._make_durable()
        except (sqlite3.Error, OSError) as error:
            self._undo()
            raise self._error(error) from error

    def make_room(self) -> None:
        """Folds the log in, as far as that goes without more room: then the next commit can use its place again."""
        with suppress(sqlite3.Error):
            self._execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def revisions_after(self, number: int) -> Iterator[RevisionRow]:
        """Yields every revision after one, in order.

        It reads slice by slice and holds no transaction between them: a slow reader would keep the log from
        being folded in.

        Raises:
            StoreCorruptError: a record does not fit its checksum.
        """
        for row, fits in self.checked_revisions(number):
            if not fits:
                raise self._unfit(f"revision {row.revision}", good=row.revision - 1)
            yield row

    def checked_revisions(self, number: int) -> Iterator[tuple[RevisionRow, bool]]:
        """Yields every revision after one, in order, and whether its record fits its checksum."""
        sql = "SELECT revision, record, crc, link FROM journal WHERE revision > ? ORDER BY revision LIMIT ?"
        while rows := self._rows(sql, number, _ROWS_PER_READ):
            for revision, record, crc, link in rows:
                fits = isinstance(record, bytes) and zlib.crc32(record) == crc
                yield RevisionRow(revision, record, link), fits
            number = rows[-1][0]

    def revision_bounds(self) -> tuple[int, int]:
        """Returns the first and last revision that the journal holds; (0, 0) if it is empty."""
        ((first, last),) = self._rows("SELECT min(revision), max(revision) FROM journal")
        return first or 0, last or 0

    def runs(self) -> Iterator[RunRow]:
        """Yields every run, in the order of their ordinals."""
        for row, fits in self.checked_runs():
            if not fits:
                raise self._unfit(row.what)
            yield row

    def checked_runs(self) -> Iterator[tuple[RunRow, bool]]:
        """Yields every run, and whether it fits its checksum."""
        for *row, crc in self._rows(
            "SELECT run_id, ordinal, revision, record, crc FROM runs ORDER BY ordinal"
        ):
            yield RunRow(*row), isinstance(row[-1], bytes) and tables.record_crc(*row) == crc

    def applied(self) -> Iterator[AppliedRow]:
        """Yields how far the deltas of every run were applied whose work sent some."""
        for row, fits in self.checked_applied():
            if not fits:
                raise self._unfit(row.what)
            yield row

    def checked_applied(self) -> Iterator[tuple[AppliedRow, bool]]:
        """Yields how far deltas were applied, and whether that fits its checksum."""
        for *row, crc in self._rows("SELECT run_id, attempt, seq, revision, crc FROM applied"):
            yield AppliedRow(*row), tables.applied_crc(*row) == crc

    def answer(self, request_id: str) -> bytes | None:
        """Returns the record of the answer to a request."""
        for row, fits in self._answers("WHERE request_id = ?", request_id):
            if not fits:
                raise self._unfit(row.what)
            return row.record
        return None

    def checked_answers(self) -> Iterator[tuple[AnswerRow, bool]]:
        """Yields every answer in the order of arrival, and whether it fits its checksum."""
        return self._answers("ORDER BY rowid")

    def misshapen(self) -> list[str]:
        """Walks through every page and tells what is wrong with the shape of the database."""
        found = self._rows("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid")
        strange = [sql for (sql,) in found] != list(tables.TABLES)
        verdicts = [" ".join(str(verdict).split()) for (verdict,) in self._rows("PRAGMA integrity_check")]
        return [_STRANGE_TABLES] * strange + [verdict for verdict in verdicts if verdict != "ok"]

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

    def check_tables(self) -> None:
        """Looks for rows that are out of reach though no checksum is wrong.

        A large journal is not walked through; its revisions are counted and linked anyway.

        Raises:
            StoreCorruptError: There may be some.
        """
        found = self._rows("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid")
        if [sql for (sql,) in found] != list(tables.TABLES):
            raise StoreCorruptError(damaged(self.path, _STRANGE_TABLES))
        ((pages,),) = self._rows("PRAGMA page_count")
        for table in ("",) if pages <= _PAGES_CHECKED_WHOLE else _CHECKED_ALWAYS:
            ((verdict,), *_) = self._rows(f"PRAGMA integrity_check{table}")
            if verdict != "ok":
                raise StoreCorruptError(damaged(self.path, " ".join(str(verdict).split())))

    def _check_format(self, found: int) -> None:
        if found > tables.FORMAT:
            raise StoreError(
                f"{self.path} has format {found}, this version of flowrpc reads up to {tables.FORMAT}: "
                "install a newer version, or take another --data-dir"
            )

    def _check_header(self) -> None:
        """Looks at what SQLite takes for a database of a later version, or for none, and tells in other words.

        One that was cut off while it was made has a journal of its own, by which SQLite takes that back.
        """
        if self.path.with_name(f"{self.path.name}-journal").exists():
            return
        with suppress(OSError), self.path.open("rb") as file:
            header = file.read(_HEADER_BYTES)
            if header and (header[:16] != b"SQLite format 3\0" or not {*header[18:20]} <= {1, 2}):
                raise StoreCorruptError(damaged(self.path, "its header is not that of a database"))

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

    def _write(self, batch: Batch) -> None:
        """Writes a batch inside a transaction."""
        number, many = batch.number, self._connection.executemany
        self._execute(tables.INSERT_REVISION, (number, batch.record, zlib.crc32(batch.record), batch.link))
        if batch.runs:
            many(tables.UPSERT_RUN, [_record_row(row, number) for row in batch.runs])
        if batch.applied:
            many(tables.UPSERT_APPLIED, [_applied_row(row, number) for row in batch.applied])
        for forget in tables.FORGET_RUN if batch.forgotten_runs else ():
            many(forget, batch.forgotten_runs)
        if batch.answers:
            many(tables.INSERT_ANSWER, [_record_row(row, number) for row in batch.answers])
        if batch.delete_revisions_to:
            self._execute(tables.DELETE_REVISIONS, (batch.delete_revisions_to,))
        if batch.delete_answers_before:
            self._execute(tables.DELETE_ANSWERS, (batch.delete_answers_before, batch.delete_answers_limit))

    def _answers(self, which: str, *arguments: object) -> Iterator[tuple[AnswerRow, bool]]:
        sql = f"SELECT request_id, time, revision, record, crc FROM answers {which}"
        for *row, crc in self._rows(sql, *arguments):
            yield AnswerRow(*row), isinstance(row[-1], bytes) and tables.record_crc(*row) == crc

    def _unfit(self, what: str, *, good: int | None = None) -> StoreCorruptError:
        return StoreCorruptError(damaged(self.path, f"{what} does not fit its checksum", good=good))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._execute("BEGIN IMMEDIATE")
        try:
            yield
            self._execute("COMMIT")
        except (sqlite3.Error, OSError):
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
        except (sqlite3.Error, OSError) as error:
            raise self._error(error) from error

    def _error(self, error: sqlite3.Error | OSError) -> StoreError:
        if isinstance(error, OSError) and means_full(error):
            return StoreFullError(no_room(self.path.parent, str(error.strerror)))
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


def _record_row(row: tuple[str, int, bytes], revision: int) -> tuple[str, int, int, bytes, int]:
    key, number, record = row
    return key, number, revision, record, tables.record_crc(key, number, revision, record)


def _applied_row(row: tuple[str, int, int], revision: int) -> tuple[str, int, int, int, int]:
    return *row, revision, tables.applied_crc(*row, revision)
