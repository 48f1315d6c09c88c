"""A SQLite store whose statements fail."""

from __future__ import annotations

import sqlite3
from typing import Any

from flowrpc.store import SQLiteStore


def failing_at(store: SQLiteStore, statement: str, code: int, times: int = 1) -> None:
    """Makes the next executions of a statement fail with a code of SQLite."""
    database = store._database
    assert database is not None
    real, left = database._execute, times

    def execute(sql: str, *arguments: Any) -> sqlite3.Cursor:
        nonlocal left
        if sql.startswith(statement) and left:
            left -= 1
            error = sqlite3.OperationalError("it failed")
            error.sqlite_errorcode = code
            raise error
        return real(sql, *arguments)

    database._execute = execute
