"""The data directory: its lock, its modes, what it refuses, and beginning anew."""

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flowrpc.errors import StoreError, StoreLockedError
from flowrpc.state.records import Revision
from flowrpc.store import Commit, LockHolder, SQLiteStore, fresh, lock_holder

Counting = Callable[..., Revision]

OPEN = """
import sys
from pathlib import Path
from flowrpc.errors import StoreError
from flowrpc.store import SQLiteStore
store = SQLiteStore(Path(sys.argv[1]))
try:
    store.open()
except StoreError as error:
    print(type(error).__name__, error)
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    """Yields an open store on `data`."""
    opened = SQLiteStore(tmp_path / "data")
    opened.open()
    yield opened
    opened.close()


def opened_elsewhere(data_dir: Path) -> str:
    """Opens a data directory in another process and returns what it printed."""
    command = [sys.executable, "-c", OPEN, str(data_dir)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def test_files_are_for_this_user_alone(store: SQLiteStore, tmp_path: Path, counting: Counting) -> None:
    store.commit(Commit(revision=counting(1)))

    found = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "data").iterdir()}

    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
    assert found.pop("snapshots") == 0o700
    assert {"journal.db", "journal.db-wal", "lock"} <= found.keys()
    assert set(found.values()) == {0o600}


def test_second_process_is_told_who_holds_the_directory(store: SQLiteStore, tmp_path: Path) -> None:
    store.write_address("127.0.0.1:50051")

    printed = opened_elsewhere(tmp_path / "data")

    assert printed.startswith(
        f"StoreLockedError {tmp_path / 'data'} is used by process {os.getpid()} at 127.0.0.1:50051: "
    )
    assert "`flowctl stop`" in printed
    assert "--data-dir" in printed


def test_lock_tells_its_holder_until_it_is_freed(store: SQLiteStore, tmp_path: Path) -> None:
    assert lock_holder(tmp_path / "data") == LockHolder(pid=os.getpid(), address="")
    store.write_address("unix:/run/flow")
    assert lock_holder(tmp_path / "data") == LockHolder(pid=os.getpid(), address="unix:/run/flow")

    store.close()

    assert lock_holder(tmp_path / "data") is None
    assert opened_elsewhere(tmp_path / "data") == ""


def test_lock_of_no_directory_has_no_holder(tmp_path: Path) -> None:
    assert lock_holder(tmp_path / "none") is None


def test_address_needs_the_lock(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="not locked"):
        SQLiteStore(tmp_path).write_address("somewhere")


def test_file_in_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")

    with pytest.raises(StoreError, match="data is no directory: give another --data-dir"):
        SQLiteStore(tmp_path / "data").open()


def test_directory_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(StoreError, match=r"file/data cannot be made: Not a directory"):
        SQLiteStore(tmp_path / "file/data").open()


@pytest.mark.parametrize("name", ["journal.db", "snapshots"])
def test_something_else_in_place_of_a_file_is_refused(tmp_path: Path, name: str) -> None:
    if name == "journal.db":
        (tmp_path / name).mkdir()
    else:
        (tmp_path / name).write_text("")

    with pytest.raises(StoreError, match="--data-dir"):
        SQLiteStore(tmp_path).open()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can act as another user")
def test_directory_of_another_user_is_refused() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        with as_nobody(), pytest.raises(StoreError) as raised:
            SQLiteStore(Path(folder)).open()

    assert str(raised.value).startswith(f"{folder} cannot be written: Permission denied; ")
    assert "--data-dir" in str(raised.value)


@contextmanager
def as_nobody() -> Iterator[None]:
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_fresh_begins_a_new_journal_and_moves_the_old_one(
    store: SQLiteStore, tmp_path: Path, counting: Counting
) -> None:
    data_dir = tmp_path / "data"
    store.commit(Commit(revision=counting(1)))
    store.close()
    with_old = SQLiteStore(data_dir)
    old = with_old.open()
    with_old.close()

    moved_to = fresh(data_dir)

    new = store.open()
    assert (new.seen, new.life, new.replica.revision) == (False, 1, 0)
    assert new.journal_id != old.journal_id
    assert moved_to is not None
    kept = SQLiteStore(moved_to)
    assert kept.open().journal_id == old.journal_id
    kept.close()


def test_fresh_twice_keeps_the_last_journal_alone(store: SQLiteStore, tmp_path: Path) -> None:
    store.close()
    fresh(tmp_path / "data")
    second = store.open()
    store.close()

    moved_to = fresh(tmp_path / "data")

    assert moved_to is not None
    kept = SQLiteStore(moved_to)
    assert kept.open().journal_id == second.journal_id
    kept.close()


def test_fresh_helps_with_a_damaged_directory(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    (data_dir / "snapshots").mkdir(parents=True)
    (data_dir / "snapshots/7.snapshot").write_text("without a database")

    fresh(data_dir)

    store = SQLiteStore(data_dir)
    assert not store.open().seen
    store.close()


def test_fresh_of_nothing_moves_nothing(tmp_path: Path) -> None:
    assert fresh(tmp_path / "data") is None


def test_fresh_refuses_a_directory_in_use(store: SQLiteStore, tmp_path: Path, counting: Counting) -> None:
    with pytest.raises(StoreLockedError):
        fresh(tmp_path / "data")

    store.commit(Commit(revision=counting(1)))


@pytest.mark.parametrize("moved", range(4))
def test_fresh_that_was_cut_short_is_finished(
    store: SQLiteStore, tmp_path: Path, counting: Counting, monkeypatch: pytest.MonkeyPatch, moved: int
) -> None:
    """A crash before any of the renames leaves nothing that the next life takes for its journal."""
    store.commit(Commit(revision=counting(1)))
    killed = tmp_path / "killed"  # as a kill leaves it: with the database's log
    shutil.copytree(tmp_path / "data", killed)
    monkeypatch.setattr(Path, "rename", renaming_until(moved))
    with pytest.raises(KeyboardInterrupt):
        fresh(killed)
    monkeypatch.undo()

    new = SQLiteStore(killed)
    recovered = new.open()
    new.close()

    assert (recovered.seen, recovered.replica.revision) == (False, 0)
    kept = SQLiteStore(killed / "previous")
    assert kept.open().replica.revision == 1
    kept.close()
    assert not (killed / "emptying").exists()


def renaming_until(count: int) -> Callable[[Path, Path], Path]:
    """Returns a `Path.rename` that is interrupted after so many."""
    rename = Path.rename
    left = [None] * count

    def interrupted(path: Path, target: Path) -> Path:
        if not left:
            raise KeyboardInterrupt
        left.pop()
        return rename(path, target)

    return interrupted
