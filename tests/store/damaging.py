"""What does damage, for tests."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from flowrpc.protocol.answers import CommandOutcome
from flowrpc.protocol.stored_answer import StoredAnswer


def execute(data_dir: Path, sql: str, *arguments: object) -> list[tuple[object, ...]]:
    """Executes SQL on the database of a data directory."""
    with closing(sqlite3.connect(data_dir / "journal.db")) as connection, connection:
        return connection.execute(sql, arguments).fetchall()


def flip_a_byte(path: Path, at: int = -1) -> None:
    """Flips one bit of a file."""
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def journal_id(data_dir: Path) -> str:
    """Reads what the journal is called."""
    ((found,),) = execute(data_dir, "SELECT value FROM meta WHERE name = 'journal_id'")
    return str(found)


def answer(number: int) -> StoredAnswer:
    """Makes the answer to the n-th request."""
    outcome = CommandOutcome(result=number, revision=number)
    return StoredAnswer(request_id=f"request-{number}", digest=b"d" * 32, answer=outcome)
