"""A disk that is full or fails, as the store tells of it: what may be tried again, and what not."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from flowrpc.errors import StoreError, StoreFullError
from flowrpc.state.records import Revision
from flowrpc.store import Commit, MemoryStore, SQLiteStore, Store
from flowrpc.store import database as module
from flowrpc.store.room import is_full

from tests.store.failing import failing_at

Counting = Callable[..., Revision]


def make_full(patch: pytest.MonkeyPatch, *, full: bool = True) -> None:
    patch.setattr(module, "is_full", lambda folder: full)


@pytest.fixture
def store(tmp_path: Path) -> SQLiteStore:
    return SQLiteStore(tmp_path / "data")


def revisions_of(store: Store) -> int:
    store.close()
    revision = store.open().replica.revision
    store.close()
    return revision


@pytest.mark.parametrize("statement", ["BEGIN", "INSERT", "COMMIT"])
def test_a_commit_that_found_no_room_may_be_tried_again(
    store: SQLiteStore, counting: Counting, statement: str
) -> None:
    store.open()
    store.commit(Commit(revision=counting(1)))
    failing_at(store, statement, sqlite3.SQLITE_FULL, times=2)

    for _ in range(2):
        with pytest.raises(StoreFullError, match=r"the disk of .*data is full \(it failed\): free some room"):
            store.commit(Commit(revision=counting(2)))
        assert store.answer("none") is None, "it can be read meanwhile"
    store.commit(Commit(revision=counting(2)))
    store.commit(Commit(revision=counting(3)))
    assert revisions_of(store) == 3


def test_what_was_refused_for_want_of_room_has_the_place_of_the_log_the_next_time(
    store: SQLiteStore, counting: Counting, tmp_path: Path
) -> None:
    """The log is folded into the database, as far as there is room for that: so it recovers by itself."""
    store.open()
    for number in range(1, 11):
        store.commit(Commit(revision=counting(number, text="x" * 10_000)))
    log = tmp_path / "data/journal.db-wal"
    size = log.stat().st_size
    failing_at(store, "COMMIT", sqlite3.SQLITE_FULL)
    with pytest.raises(StoreFullError):
        store.commit(Commit(revision=counting(11)))

    store.commit(Commit(revision=counting(11, text="x" * 10_000)))

    assert log.stat().st_size == size


@pytest.mark.parametrize(
    "code", [sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE]
)
def test_after_any_other_failure_nothing_is_taken_any_more(
    store: SQLiteStore, counting: Counting, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_full(monkeypatch, full=False)
    store.open()
    store.commit(Commit(revision=counting(1)))
    failing_at(store, "COMMIT", code)

    with pytest.raises(StoreError) as failed:
        store.commit(Commit(revision=counting(2)))
    assert not isinstance(failed.value, StoreFullError)
    with pytest.raises(StoreError, match="failed before and must be opened again"):
        store.commit(Commit(revision=counting(2)))
    assert revisions_of(store) == 1


def test_a_file_that_could_not_grow_for_want_of_room_may_be_tried_again(
    store: SQLiteStore, counting: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A quota that is used up is told by SQLite as any failed write; so is an index of the log that cannot grow."""
    make_full(monkeypatch)
    store.open()
    for number, code in enumerate((sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE), start=1):
        failing_at(store, "COMMIT", code)
        with pytest.raises(StoreFullError):
            store.commit(Commit(revision=counting(number)))
        store.commit(Commit(revision=counting(number)))


def test_a_sync_that_failed_on_a_full_disk_is_in_doubt_all_the_same(
    store: SQLiteStore, counting: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_full(monkeypatch)
    store.open()
    failing_at(store, "COMMIT", sqlite3.SQLITE_IOERR_FSYNC)
    with pytest.raises(StoreError) as failed:
        store.commit(Commit(revision=counting(1)))
    assert not isinstance(failed.value, StoreFullError)


def test_the_store_in_memory_is_full_and_recovers_alike(counting: Counting) -> None:
    store = MemoryStore()
    store.open()
    store.full = True
    with pytest.raises(StoreFullError):
        store.commit(Commit(revision=counting(1)))
    store.full = False
    store.commit(Commit(revision=counting(1)))
    assert revisions_of(store) == 1


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_is_full_when_nothing_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def write(descriptor: int, data: bytes) -> int:
        raise OSError(code, os.strerror(code))

    assert not is_full(tmp_path)
    assert not is_full(tmp_path / "missing")
    monkeypatch.setattr(os, "write", write)
    assert is_full(tmp_path)


def test_a_snapshot_that_finds_no_room_leaves_nothing_behind(
    tmp_path: Path, counting: Counting, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store = SQLiteStore(tmp_path, snapshot_revisions=5)
    store.open()

    def no_room(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", no_room)
        for number in range(1, 6):
            store.commit(Commit(revision=counting(number)))
        store.wait_for_snapshot()
    assert list((tmp_path / "snapshots").iterdir()) == []
    assert "No space left on device" in caplog.text
    assert "Traceback" not in caplog.text
    for number in range(6, 11):
        store.commit(Commit(revision=counting(number)))
    store.wait_for_snapshot()
    assert len(list((tmp_path / "snapshots").iterdir())) == 1
    assert revisions_of(store) == 10
