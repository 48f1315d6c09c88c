"""The hash chain: a record that does not belong there is found by its link, though every checksum fits."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from flowrpc.errors import StoreCorruptError
from flowrpc.state.records import Revision
from flowrpc.store import Commit, SQLiteStore, read
from flowrpc.store.chain import first_link, next_link
from flowrpc.wire.journal import revision_bytes

Counting = Callable[..., Revision]


@pytest.fixture
def data_dir(tmp_path: Path, counting: Counting) -> Path:
    """Returns a data directory of 9 revisions, with a snapshot at 5."""
    store = SQLiteStore(tmp_path, snapshot_revisions=5)
    store.open()
    for number in range(1, 10):
        store.commit(Commit(revision=counting(number)))
        store.wait_for_snapshot()
    store.close()
    return tmp_path


def execute(data_dir: Path, sql: str, *arguments: object) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(data_dir / "journal.db")) as connection, connection:
        return connection.execute(sql, arguments).fetchall()


def replace_record(data_dir: Path, number: int, record: bytes) -> None:
    """Replaces a record by one whose checksum is right."""
    execute(
        data_dir,
        "UPDATE journal SET record = ?, crc = ? WHERE revision = ?",
        record,
        zlib.crc32(record),
        number,
    )


def test_links_are_made_of_the_journal_and_of_every_record(data_dir: Path) -> None:
    ((journal_id,),) = execute(data_dir, "SELECT value FROM meta WHERE name = 'journal_id'")
    link = first_link(str(journal_id))
    for record, found in execute(data_dir, "SELECT record, link FROM journal ORDER BY revision"):
        assert isinstance(record, bytes)
        link = next_link(link, record)
        assert found == link


def test_changed_record_with_a_right_checksum_is_found(data_dir: Path, counting: Counting) -> None:
    replace_record(data_dir, 7, revision_bytes(counting(7, text="changed")))

    with pytest.raises(StoreCorruptError, match=r"revision 7 is not the one.* --after 6 --output"):
        SQLiteStore(data_dir).open()


def test_record_and_link_of_another_history_are_found(data_dir: Path, counting: Counting) -> None:
    record = revision_bytes(counting(7, text="changed"))
    replace_record(data_dir, 7, record)
    execute(
        data_dir,
        "UPDATE journal SET link = ? WHERE revision = 7",
        next_link(first_link("other"), record),
    )

    with pytest.raises(StoreCorruptError, match="revision 7 is not the one that followed revision 6"):
        SQLiteStore(data_dir).open()


def test_changed_link_is_found(data_dir: Path) -> None:
    execute(data_dir, "UPDATE journal SET link = zeroblob(32) WHERE revision = 8")

    with pytest.raises(StoreCorruptError, match="revision 8 is not the one"):
        read(data_dir)


def test_first_revision_after_a_snapshot_is_linked_to_it(data_dir: Path, counting: Counting) -> None:
    replace_record(data_dir, 6, revision_bytes(counting(6, text="changed")))

    with pytest.raises(StoreCorruptError, match="revision 6 is not the one that followed revision 5"):
        read(data_dir)


def test_removed_last_revision_was_acknowledged(data_dir: Path) -> None:
    execute(data_dir, "DELETE FROM journal WHERE revision = 9")

    with pytest.raises(StoreCorruptError, match="it ends at revision 8, but revision 9 was acknowledged"):
        read(data_dir)


def test_changed_last_revision_with_a_right_link_is_not_the_acknowledged_one(
    data_dir: Path, counting: Counting
) -> None:
    record = revision_bytes(counting(9, text="changed"))
    ((before,),) = execute(data_dir, "SELECT link FROM journal WHERE revision = 8")
    assert isinstance(before, bytes)
    replace_record(data_dir, 9, record)
    execute(data_dir, "UPDATE journal SET link = ? WHERE revision = 9", next_link(before, record))

    with pytest.raises(StoreCorruptError, match="revision 9 is not the one that was acknowledged"):
        SQLiteStore(data_dir).open()
