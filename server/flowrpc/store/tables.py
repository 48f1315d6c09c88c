"""The tables of `journal.db`, what is written to them, and the checksums of their rows."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field

FORMAT = 1
"""Version of the tables and of what they hold; a larger one is refused."""

TABLES = (
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID",
    "CREATE TABLE journal (revision INTEGER PRIMARY KEY, record BLOB NOT NULL, crc INTEGER NOT NULL,"
    " link BLOB NOT NULL)",
    # Runs, applied and answers name the revision whose transaction wrote them.
    "CREATE TABLE runs (run_id TEXT PRIMARY KEY, ordinal INTEGER NOT NULL, revision INTEGER NOT NULL,"
    " record BLOB NOT NULL, crc INTEGER NOT NULL) WITHOUT ROWID",
    # Apart from the records, which may be large: this changes with every delta of a work.
    "CREATE TABLE applied (run_id TEXT PRIMARY KEY, attempt INTEGER NOT NULL, seq INTEGER NOT NULL,"
    " revision INTEGER NOT NULL, crc INTEGER NOT NULL) WITHOUT ROWID",
    # With row numbers: they keep the order of arrival, by which old answers are found without another index.
    "CREATE TABLE answers (request_id TEXT PRIMARY KEY, time INTEGER NOT NULL, revision INTEGER NOT NULL,"
    " record BLOB NOT NULL, crc INTEGER NOT NULL)",
)

INSERT_REVISION = "INSERT INTO journal VALUES (?, ?, ?, ?)"
UPSERT_RUN = (
    "INSERT INTO runs VALUES (?, ?, ?, ?, ?) ON CONFLICT (run_id) DO UPDATE"
    " SET ordinal = excluded.ordinal, revision = excluded.revision, record = excluded.record, crc = excluded.crc"
)
UPSERT_APPLIED = (
    "INSERT INTO applied VALUES (?, ?, ?, ?, ?) ON CONFLICT (run_id) DO UPDATE"
    " SET attempt = excluded.attempt, seq = excluded.seq, revision = excluded.revision, crc = excluded.crc"
)
FORGET_RUN = ("DELETE FROM runs WHERE run_id = ?", "DELETE FROM applied WHERE run_id = ?")
INSERT_ANSWER = "INSERT INTO answers VALUES (?, ?, ?, ?, ?)"
DELETE_REVISIONS = "DELETE FROM journal WHERE revision <= ?"
DELETE_ANSWERS = (
    "DELETE FROM answers WHERE time < ? AND rowid IN (SELECT rowid FROM answers ORDER BY rowid LIMIT ?)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What a journal is."""

    journal_id: str
    life: int

    @property
    def crc(self) -> int:
        """The checksum of what is in the table meta."""
        return zlib.crc32(f"{FORMAT} {self.journal_id} {self.life}".encode())


@dataclass(slots=True, kw_only=True)
class Batch:
    """What one transaction writes."""

    number: int
    record: bytes
    link: bytes
    """The link of the revision in the hash chain."""
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


@dataclass(frozen=True, slots=True)
class RevisionRow:
    """A row of the table journal."""

    revision: int
    record: bytes
    link: bytes


@dataclass(frozen=True, slots=True)
class RunRow:
    """A row of the table runs."""

    run_id: str
    ordinal: int
    revision: int
    record: bytes

    @property
    def what(self) -> str:
        """Names it, for errors."""
        return f"run {self.run_id}"


@dataclass(frozen=True, slots=True)
class AppliedRow:
    """A row of the table applied."""

    run_id: str
    attempt: int
    seq: int
    revision: int

    @property
    def what(self) -> str:
        """Names it, for errors."""
        return f"what was applied of run {self.run_id}"


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """A row of the table answers."""

    request_id: str
    time: int
    revision: int
    record: bytes

    @property
    def what(self) -> str:
        """Names it, for errors."""
        return f"the answer to {self.request_id}"


def record_crc(key: str, number: int, revision: int, record: bytes) -> int:
    """Makes the checksum of a run or an answer, its key and its numbers included."""
    return zlib.crc32(record, zlib.crc32(f"{key} {number} {revision}".encode()))


def applied_crc(run_id: str, attempt: int, seq: int, revision: int) -> int:
    """Makes the checksum of a row of the table applied."""
    return zlib.crc32(f"{run_id} {attempt} {seq} {revision}".encode())
