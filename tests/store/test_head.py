"""The head tells a journal that lost its end from a whole one, and a power cut that took the note from both."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flowrpc.errors import StoreCorruptError, StoreError
from flowrpc.state.records import Revision
from flowrpc.store import Commit, SQLiteStore, read
from flowrpc.store.disk import Disk, Note
from flowrpc.store.head import Head, read_head

Counting = Callable[..., Revision]


@pytest.fixture
def killed(tmp_path: Path, counting: Counting) -> Iterator[Path]:
    """Yields what a kill leaves of 5 revisions: the log of the database is not folded in."""
    store = SQLiteStore(tmp_path / "data")
    store.open()
    for number in range(1, 6):
        store.commit(Commit(revision=counting(number)))
    shutil.copytree(tmp_path / "data", tmp_path / "killed")
    yield tmp_path / "killed"
    store.close()


def test_it_is_written_with_each_commit(killed: Path) -> None:
    head = read_head(killed / "head")

    assert head is not None
    assert (head.life, head.revision, len(head.link)) == (1, 5, 32)


def test_copy_without_the_log_is_refused(killed: Path) -> None:
    (killed / "journal.db-wal").unlink()

    with pytest.raises(StoreCorruptError, match="it is empty, but revision 5 was acknowledged"):
        SQLiteStore(killed).open()


def test_log_that_is_damaged_or_cut_short_is_refused(killed: Path) -> None:
    log = killed / "journal.db-wal"
    log.write_bytes(log.read_bytes()[:-100])

    with pytest.raises(StoreCorruptError, match=r"ends at revision 4, but revision 5 .*--after 4"):
        SQLiteStore(killed).open()


def test_journal_of_another_directory_is_refused(killed: Path, tmp_path: Path, counting: Counting) -> None:
    other = SQLiteStore(tmp_path / "other")
    other.open()
    other.commit(Commit(revision=counting(1)))
    other.close()
    shutil.copy(tmp_path / "other" / "journal.db", killed / "journal.db")
    (killed / "journal.db-wal").unlink()

    with pytest.raises(StoreCorruptError, match="but that of this directory is"):
        read(killed)


def test_lost_database_with_a_head_left_is_refused(killed: Path) -> None:
    (killed / "journal.db").unlink()

    with pytest.raises(StoreCorruptError, match="but the note of its last revision is there"):
        SQLiteStore(killed).open()


@pytest.mark.parametrize("content", [b"", b"\0" * 192, b"torn", b"a b c 00000000", b"\xff \xff"])
def test_torn_note_says_nothing(killed: Path, content: bytes) -> None:
    (killed / "head").write_bytes(content)

    assert SQLiteStore(killed).open().replica.revision == 5


def test_lost_note_says_nothing(killed: Path) -> None:
    (killed / "head").unlink()

    assert SQLiteStore(killed).open().replica.revision == 5


def test_old_note_says_nothing(killed: Path) -> None:
    head = read_head(killed / "head")
    assert head is not None
    old = Head(journal_id=head.journal_id, life=1, revision=2, link=b"")
    (killed / "head").write_bytes(old.to_bytes())

    assert SQLiteStore(killed).open().replica.revision == 5


def test_life_that_began_is_not_counted_again(killed: Path) -> None:
    head = read_head(killed / "head")
    assert head is not None
    later = Head(journal_id=head.journal_id, life=2, revision=5, link=head.link)
    (killed / "head").write_bytes(later.to_bytes())

    with pytest.raises(StoreCorruptError, match="it is in life 1, but life 2 had begun"):
        SQLiteStore(killed).open()


def test_note_that_cannot_be_written_fails_no_commit(
    tmp_path: Path, counting: Counting, caplog: pytest.LogCaptureFixture
) -> None:
    class Full(Disk):
        def map_note(self, path: Path, size: int) -> Note:
            raise OSError(28, "No space left on device")

    store = SQLiteStore(tmp_path / "data", disk=Full())
    store.open()
    store.commit(Commit(revision=counting(1)))
    store.close()

    assert caplog.text.count("No space left on device") == 1
    assert SQLiteStore(tmp_path / "data").open().replica.revision == 1


def test_note_that_cannot_be_read_is_told(killed: Path) -> None:
    (killed / "head").unlink()
    (killed / "head").mkdir()

    with pytest.raises(StoreError, match="head cannot be read"):
        SQLiteStore(killed).open()
