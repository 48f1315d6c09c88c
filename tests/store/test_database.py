"""The database's settings and its errors in words."""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from flowrpc.errors import StoreError, StoreFullError
from flowrpc.store.database import Database
from flowrpc.store.tables import Batch, RevisionRow


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """Yields a database with its tables."""
    made = Database(tmp_path / "journal.db")
    made.create()
    yield made
    made.close()


@pytest.mark.parametrize(
    ("pragma", "value"),
    [
        ("journal_mode", "wal"),
        ("synchronous", 2),
        ("wal_autocheckpoint", 1000),
        ("journal_size_limit", 8388608),
    ],
)
def test_settings_that_durability_and_bounds_stand_on(database: Database, pragma: str, value: object) -> None:
    """A kill cannot tell FULL (2) from NORMAL: only a power cut could."""
    assert database._connection.execute(f"PRAGMA {pragma}").fetchone() == (value,)


def test_full_database_says_to_make_room_and_keeps_nothing_of_the_commit(database: Database) -> None:
    pages = database._connection.execute("PRAGMA page_count").fetchone()[0]
    database._connection.execute(f"PRAGMA max_page_count = {pages}")
    batch = Batch(
        number=1, record=b"x" * 100_000, link=b"", runs=[("run", 1, b"r")], answers=[("id", 1, b"a")]
    )

    with pytest.raises(StoreError, match=r"is full .*: free some room there"):
        database.commit(batch)

    assert database.revision_bounds() == (0, 0)
    assert list(database.runs()) == []
    assert database.answer("id") is None


@pytest.mark.parametrize(
    ("number", "kind"), [(errno.ENOSPC, StoreFullError), (errno.EIO, StoreError)], ids=["full", "broken"]
)
def test_error_of_the_system_is_one_of_the_disk(
    database: Database, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[StoreError]
) -> None:
    """As a failpoint raises it."""

    def fail(database: Database) -> None:
        raise OSError(number, "as the test wants it")

    with monkeypatch.context() as patch:
        patch.setattr(Database, "_make_durable", fail)
        with pytest.raises(StoreError, match="as the test wants it") as caught:
            database.commit(Batch(number=1, record=b"x", link=b""))
    assert type(caught.value) is kind

    database.commit(Batch(number=1, record=b"y", link=b""))
    assert database.revision_bounds() == (1, 1)


def test_database_that_another_program_writes_is_refused(database: Database, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "journal.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        with pytest.raises(StoreError, match="is locked; end the other program"):
            database.commit(Batch(number=1, record=b"x", link=b""))


def test_revisions_are_read_over_slices_in_order(database: Database) -> None:
    for number in range(1, 1203):
        database.commit(Batch(number=number, record=b"%d" % number, link=b"%d" % -number))

    assert list(database.revisions_after(1)) == [
        RevisionRow(number, b"%d" % number, b"%d" % -number) for number in range(2, 1203)
    ]
