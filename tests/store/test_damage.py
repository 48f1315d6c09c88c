"""Damage is told in words or gone around, never served."""

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from flowrpc.errors import StoreCorruptError, StoreError
from flowrpc.state.records import Revision, Run, RunRecord
from flowrpc.store import Applied, Commit, SQLiteStore

from tests.store.damaging import answer

Counting = Callable[..., Revision]


@pytest.fixture
def data_dir(tmp_path: Path, counting: Counting) -> Path:
    """Returns a data directory of 35 revisions with snapshots at 20 and 30, its journal pruned up to 20."""
    store = SQLiteStore(tmp_path / "data", snapshot_revisions=10)
    store.open()
    for number in range(1, 36):
        store.commit(Commit(revision=counting(number)))
        store.wait_for_snapshot()
    store.close()
    assert snapshots(tmp_path / "data") == [20, 30]
    return tmp_path / "data"


def snapshots(data_dir: Path) -> list[int]:
    return sorted(int(path.stem) for path in (data_dir / "snapshots").iterdir())


def flip_a_byte(path: Path, at: int = -1) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def flip_snapshot(data_dir: Path, revision: int, at: int = -1) -> None:
    flip_a_byte(data_dir / "snapshots" / f"{revision:020d}.snapshot", at)


def execute(data_dir: Path, sql: str, *arguments: object) -> None:
    with closing(sqlite3.connect(data_dir / "journal.db")) as connection, connection:
        assert connection.execute(sql, arguments).rowcount > 0


def recovered_counter(data_dir: Path) -> object:
    store = SQLiteStore(data_dir)
    try:
        return store.open().replica.components["root"].vars["counter"]
    finally:
        store.close()


def test_undamaged_directory_recovers(data_dir: Path) -> None:
    assert recovered_counter(data_dir) == 35


@pytest.mark.parametrize("at", [0, 8, 45, 60, -1], ids=["magic", "hash", "revision", "journal", "payload"])
def test_damaged_newest_snapshot_is_logged_and_the_older_one_taken(
    data_dir: Path, caplog: pytest.LogCaptureFixture, at: int
) -> None:
    flip_snapshot(data_dir, 30, at)

    assert recovered_counter(data_dir) == 35
    assert "passing over a damaged snapshot" in caplog.text


def test_truncated_snapshot_counts_as_damaged(data_dir: Path) -> None:
    path = data_dir / "snapshots" / f"{30:020d}.snapshot"
    path.write_bytes(path.read_bytes()[:20])

    assert recovered_counter(data_dir) == 35


def test_snapshot_that_cannot_be_read_or_removed_is_gone_around(
    data_dir: Path, counting: Counting, caplog: pytest.LogCaptureFixture
) -> None:
    path = data_dir / "snapshots" / f"{30:020d}.snapshot"
    path.unlink()
    path.mkdir()
    store = SQLiteStore(data_dir, snapshot_revisions=10)
    store.open()
    store.commit(Commit(revision=counting(36)))
    store.wait_for_snapshot()
    store.close()

    assert "cannot be read: Is a directory" in caplog.text
    assert "cannot remove an old snapshot" in caplog.text
    assert snapshots(data_dir) == [20, 30, 36]
    assert recovered_counter(data_dir) == 36


def test_snapshot_after_a_damaged_one_keeps_the_good_one(data_dir: Path, counting: Counting) -> None:
    """The damaged one goes: if it counted as one of the two, the journal would be pruned too far."""
    flip_snapshot(data_dir, 30)
    store = SQLiteStore(data_dir, snapshot_revisions=10)
    store.open()
    store.commit(Commit(revision=counting(36)))
    store.wait_for_snapshot()
    store.commit(Commit(revision=counting(37)))
    store.close()

    assert snapshots(data_dir) == [20, 36]
    flip_snapshot(data_dir, 36)
    assert recovered_counter(data_dir) == 37


def test_both_snapshots_damaged_and_the_journal_pruned_is_corrupt(data_dir: Path) -> None:
    flip_snapshot(data_dir, 20)
    flip_snapshot(data_dir, 30)

    with pytest.raises(StoreCorruptError, match=r"revisions 1 to \d+ are neither in it nor in a readable"):
        recovered_counter(data_dir)


def test_whole_journal_replaces_the_only_snapshot(tmp_path: Path, counting: Counting) -> None:
    store = SQLiteStore(tmp_path, snapshot_revisions=10)
    store.open()
    for number in range(1, 15):
        store.commit(Commit(revision=counting(number)))
        store.wait_for_snapshot()
    store.close()
    assert snapshots(tmp_path) == [10]
    flip_snapshot(tmp_path, 10)

    assert recovered_counter(tmp_path) == 14


@pytest.mark.parametrize(
    ("sql", "problem"),
    [
        (
            "UPDATE journal SET record = zeroblob(20) WHERE revision = 33",
            "revision 33 does not fit its checksum",
        ),
        ("DELETE FROM journal WHERE revision = 33", "revisions 33 to 33 are neither"),
        ("DELETE FROM journal WHERE revision > 25", "it ends at revision 25, before snapshot 30"),
        ("DELETE FROM journal", "it ends at revision 0, before snapshot 30"),
        ("DELETE FROM meta WHERE name = 'journal_id'", "its table meta lacks 'journal_id'"),
        (
            "UPDATE meta SET value = 'other' WHERE name = 'journal_id'",
            "its table meta does not fit its checksum",
        ),
        ("UPDATE meta SET value = 7 WHERE name = 'life'", "its table meta does not fit its checksum"),
        ("ALTER TABLE journal RENAME TO gone", "its tables are not those"),
    ],
)
def test_damaged_journal_is_refused_in_words(data_dir: Path, sql: str, problem: str) -> None:
    with closing(sqlite3.connect(data_dir / "journal.db")) as connection, connection:
        connection.execute(sql)

    with pytest.raises(StoreCorruptError, match=re.escape(problem)):
        recovered_counter(data_dir)


def test_record_of_another_revision_is_refused_though_its_checksum_fits(data_dir: Path) -> None:
    execute(
        data_dir,
        "UPDATE journal SET (record, crc) = (SELECT record, crc FROM journal WHERE revision = 34)"
        " WHERE revision = 33",
    )

    with pytest.raises(StoreCorruptError, match="revision 33 is not the one that followed revision 32"):
        recovered_counter(data_dir)


@pytest.mark.parametrize("name", ["runs", "answers"])
def test_damaged_run_record_or_answer_is_refused(data_dir: Path, name: str) -> None:
    execute(data_dir, f"INSERT INTO {name} VALUES ('id', 1, 1, x'00', 1)")
    store = SQLiteStore(data_dir)

    with pytest.raises(StoreCorruptError, match=r"id does not fit its checksum.*--fresh"):  # noqa: PT012 - either may
        store.open()
        store.answer("id")
    store.close()


@pytest.mark.parametrize("table", ["runs", "applied", "answers"])
def test_lost_row_of_a_large_database_is_refused(
    tmp_path: Path, counting: Counting, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    """No checksum is wrong, and no revision after the snapshot tells of it; a large one is not walked through."""
    store = SQLiteStore(tmp_path, snapshot_revisions=1)
    store.open()
    runs = [Run(run_id=f"r{number}", work="root.w", call_key="k", agent_id="far") for number in range(2)]
    store.commit(
        Commit(
            revision=replace(counting(1), runs=tuple(runs)),
            records=tuple(RunRecord(run=run, ordinal=number) for number, run in enumerate(runs)),
            applied=tuple(Applied(run_id=run.run_id, attempt=0, seq=5) for run in runs),
            answers=(answer(1), answer(2)),
        )
    )
    store.wait_for_snapshot()
    store.close()
    monkeypatch.setattr("flowrpc.store.database._PAGES_CHECKED_WHOLE", 0)
    assert recovered_counter(tmp_path) == 1

    lose_a_row(tmp_path / "journal.db", table)

    with pytest.raises(StoreCorruptError, match=r"journal\.db is damaged: .*page"):
        recovered_counter(tmp_path)


def lose_a_row(path: Path, table: str) -> None:
    """Lets the page of a small table hold one row less than is on it."""
    with closing(sqlite3.connect(path)) as connection:
        ((page,),) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,))
        ((page_bytes,),) = connection.execute("PRAGMA page_size")
    content = bytearray(path.read_bytes())
    content[(page - 1) * page_bytes + 4] -= 1  # the count of its cells: two bytes at 3
    path.write_bytes(content)


def test_file_that_is_no_database_is_refused(data_dir: Path) -> None:
    (data_dir / "journal.db").write_bytes(b"not a database" * 1000)

    with pytest.raises(StoreCorruptError, match=r"journal\.db is damaged"):
        recovered_counter(data_dir)


def test_lost_database_with_snapshots_left_is_refused(data_dir: Path) -> None:
    (data_dir / "journal.db").unlink()

    with pytest.raises(StoreCorruptError, match="missing or empty, but snapshots of it are there"):
        recovered_counter(data_dir)


def test_newer_format_is_refused_by_name(data_dir: Path) -> None:
    execute(data_dir, "UPDATE meta SET value = 2 WHERE name = 'format'")

    with pytest.raises(StoreError, match=r"has format 2.*reads up to 1.*newer version"):
        recovered_counter(data_dir)


def test_refused_directory_is_unlocked_again(data_dir: Path) -> None:
    execute(data_dir, "UPDATE meta SET value = 2 WHERE name = 'format'")
    with pytest.raises(StoreError):
        recovered_counter(data_dir)
    execute(data_dir, "UPDATE meta SET value = 1 WHERE name = 'format'")

    assert recovered_counter(data_dir) == 35
