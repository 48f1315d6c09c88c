"""Reading a data directory that no service uses: it finds what a life would, and changes nothing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from flowrpc.errors import StoreCorruptError, StoreError, StoreLockedError
from flowrpc.state.records import Revision
from flowrpc.store import Commit, SQLiteStore, lock_holder, read

Counting = Callable[..., Revision]


def filled(data_dir: Path, counting: Counting, revisions: int = 5) -> SQLiteStore:
    """Makes a store with a snapshot and revisions after it; it is open."""
    store = SQLiteStore(data_dir, snapshot_revisions=3)
    store.open()
    for number in range(1, revisions + 1):
        store.commit(Commit(revision=counting(number)))
        store.wait_for_snapshot()
    return store


def content(data_dir: Path) -> dict[str, bytes]:
    """Returns what the files hold that a service would miss."""
    files = (path for path in data_dir.rglob("*") if path.is_file() and "-shm" not in path.name)
    return {str(path.relative_to(data_dir)): path.read_bytes() for path in files if path.stat().st_size}


def test_it_finds_what_was_committed_last(tmp_path: Path, counting: Counting) -> None:
    filled(tmp_path / "data", counting).close()
    before = content(tmp_path / "data")

    replica = read(tmp_path / "data")

    assert replica is not None
    assert (replica.revision, replica.components["root"].vars["counter"]) == (5, 5)
    assert content(tmp_path / "data") == before
    assert SQLiteStore(tmp_path / "data").open().life == 2


def test_it_finds_what_a_killed_service_left(tmp_path: Path, counting: Counting) -> None:
    store = filled(tmp_path / "data", counting)
    store.write_address("127.0.0.1:7000")
    shutil.copytree(
        tmp_path / "data", tmp_path / "killed"
    )  # with the log of the database, as a kill leaves it
    store.close()

    replica = read(tmp_path / "killed")

    assert replica is not None
    assert replica.revision == 5
    holder = lock_holder(tmp_path / "killed")
    assert holder is not None
    assert holder.address == "127.0.0.1:7000", "the next life takes its address again"


def test_a_copy_without_the_lock_is_read(tmp_path: Path, counting: Counting) -> None:
    filled(tmp_path / "data", counting).close()
    (tmp_path / "data" / "lock").unlink()

    assert read(tmp_path / "data") is not None


@pytest.mark.parametrize("make", ["nothing", "folder", "empty", "no revision"])
def test_what_holds_no_state_has_none(tmp_path: Path, make: str) -> None:
    data_dir = tmp_path / "data"
    if make != "nothing":
        data_dir.mkdir()
    if make == "empty":
        (data_dir / "journal.db").touch()
    if make == "no revision":
        store = SQLiteStore(data_dir)
        store.open()
        store.close()

    assert read(data_dir) is None


def test_a_directory_in_use_is_refused_and_its_holder_named(tmp_path: Path, counting: Counting) -> None:
    store = filled(tmp_path / "data", counting)

    with pytest.raises(StoreLockedError, match=f"is used by process {os.getpid()}"):
        read(tmp_path / "data")

    store.close()


def test_damage_is_told(tmp_path: Path, counting: Counting) -> None:
    filled(tmp_path / "data", counting).close()
    (tmp_path / "data" / "journal.db").write_bytes(b"no database at all" * 100)

    with pytest.raises(StoreCorruptError, match="is damaged"):
        read(tmp_path / "data")


def test_a_directory_that_was_being_emptied_is_refused(tmp_path: Path, counting: Counting) -> None:
    filled(tmp_path / "data", counting).close()
    (tmp_path / "data" / "emptying").touch()

    with pytest.raises(StoreError, match="is about to begin anew"):
        read(tmp_path / "data")


def test_a_lock_that_cannot_be_read_is_told(tmp_path: Path, counting: Counting) -> None:
    filled(tmp_path / "data", counting).close()
    (tmp_path / "data" / "lock").unlink()
    (tmp_path / "data" / "lock").symlink_to("lock")

    with pytest.raises(StoreError, match="cannot be read"):
        read(tmp_path / "data")
