"""Snapshots are made in the background and keep the data directory bounded."""

import errno
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from flowrpc.errors import StoreFullError
from flowrpc.state.records import Revision
from flowrpc.store import Commit, MemoryStore, Recovered, SQLiteStore
from flowrpc.store.database import Database
from hypothesis import given, settings
from hypothesis import strategies as st

Counting = Callable[..., Revision]


def size(data_dir: Path) -> int:
    """Counts the bytes of a directory, whose files may come and go meanwhile."""
    total = 0
    for path in data_dir.rglob("*"):
        try:
            total += path.stat().st_size
        except FileNotFoundError:
            continue
    return total


def bounds(data_dir: Path) -> tuple[int, int]:
    """Returns the first and last revision in the journal."""
    database = Database(data_dir / "journal.db", read_only=True)
    try:
        return database.revision_bounds()
    finally:
        database.close()


def snapshots(data_dir: Path) -> list[str]:
    return sorted(path.name for path in (data_dir / "snapshots").iterdir())


def filled(data_dir: Path, counting: Counting, revisions: int) -> SQLiteStore:
    """Opens a store with a snapshot every 10 revisions and commits, waiting for each snapshot."""
    store = SQLiteStore(data_dir, snapshot_revisions=10)
    store.open()
    for number in range(1, revisions + 1):
        store.commit(Commit(revision=counting(number)))
        store.wait_for_snapshot()
    return store


def test_half_written_snapshot_of_a_crash_is_removed(tmp_path: Path, counting: Counting) -> None:
    store = filled(tmp_path, counting, 9)
    (tmp_path / "snapshots/00000000000000000007.tmp").write_text("half")

    store.commit(Commit(revision=counting(10)))
    store.wait_for_snapshot()

    assert snapshots(tmp_path) == ["00000000000000000010.snapshot"]
    store.close()


def test_what_crashes_left_half_written_is_gone_before_there_must_be_room(
    tmp_path: Path, counting: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service that is killed again and again while it writes a snapshot would fill the disk with them."""

    def full(*_: object) -> None:
        raise StoreFullError("the disk is full")

    filled(tmp_path, counting, 10).close()
    for number in (7, 11):
        (tmp_path / f"snapshots/{number:020d}.tmp").write_text("half")
    (tmp_path / "snapshots/00000000000000000012.tmp").mkdir()  # one that cannot be removed stops nobody
    monkeypatch.setattr(Database, "begin_life", full)

    with pytest.raises(StoreFullError):
        SQLiteStore(tmp_path).open()

    assert snapshots(tmp_path) == ["00000000000000000010.snapshot", "00000000000000000012.tmp"]


def test_a_compaction_ends_where_the_journal_ended_when_it_began(
    tmp_path: Path, counting: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal may grow as fast as it is read: the thread is held while it grows."""
    begun, grown = threading.Event(), threading.Event()

    def held(_: float) -> None:
        begun.set()
        assert grown.wait(60)

    monkeypatch.setattr("flowrpc.store.compaction._SLICE_S", 0)
    monkeypatch.setattr(
        "flowrpc.store.compaction.time", SimpleNamespace(sleep=held, monotonic=time.monotonic)
    )
    store = SQLiteStore(tmp_path, snapshot_revisions=10)
    store.open()
    for number in range(1, 11):
        store.commit(Commit(revision=counting(number)))
    assert begun.wait(60)
    for number in range(11, 16):
        store.commit(Commit(revision=counting(number)))
    grown.set()

    store.wait_for_snapshot()

    assert snapshots(tmp_path) == ["00000000000000000010.snapshot"]
    store.close()


@pytest.mark.slow
def test_directory_stays_under_8_mib_for_ever(tmp_path: Path, counting: Counting) -> None:
    """20,000 revisions of 1 kB would be 20 MB; the database's own log alone takes up to 4 MiB."""
    store = SQLiteStore(tmp_path, snapshot_revisions=500)
    store.open()
    largest = 0
    for number in range(1, 20_001):
        store.commit(Commit(revision=counting(number, text="x" * 1000)))
        if number % 500 == 0:
            largest = max(largest, size(tmp_path))
    store.close()

    assert largest < 8 * 1024 * 1024
    assert len(snapshots(tmp_path)) == 2
    assert store.open().replica.components["root"].vars["counter"] == 20_000
    store.close()


def test_journal_is_deleted_up_to_the_older_snapshot(tmp_path: Path, counting: Counting) -> None:
    store = filled(tmp_path, counting, 35)

    assert bounds(tmp_path) == (21, 35)
    assert [int(name.split(".")[0]) for name in snapshots(tmp_path)] == [20, 30]
    store.close()


def test_a_commit_deletes_at_most_500_revisions(tmp_path: Path, counting: Counting) -> None:
    store = SQLiteStore(tmp_path, snapshot_revisions=10**9)
    store.open()
    for number in range(1, 1201):
        store.commit(Commit(revision=counting(number)))
    store.close()
    store = SQLiteStore(tmp_path, snapshot_revisions=1)
    store.open()
    firsts = []
    for number in range(1201, 1206):
        store.commit(Commit(revision=counting(number)))
        store.wait_for_snapshot()
        firsts.append(bounds(tmp_path)[0])
    store.close()

    # The life begins with the snapshot of 1,200 revisions that is owed; the next one makes them spare.
    assert firsts == [1, 501, 1001, 1203, 1204]


def test_bytes_make_a_snapshot_too(tmp_path: Path, counting: Counting) -> None:
    store = SQLiteStore(tmp_path, snapshot_bytes=10_000)
    store.open()
    store.commit(Commit(revision=counting(1, text="x" * 9_000)))
    store.wait_for_snapshot()
    assert snapshots(tmp_path) == []

    store.commit(Commit(revision=counting(2, text="x" * 2_000)))
    store.wait_for_snapshot()

    assert len(snapshots(tmp_path)) == 1
    store.close()


def test_revisions_of_earlier_lives_count(tmp_path: Path, counting: Counting) -> None:
    filled(tmp_path, counting, 9).close()
    store = SQLiteStore(tmp_path, snapshot_revisions=10)
    store.open()

    store.commit(Commit(revision=counting(10)))
    store.wait_for_snapshot()

    assert len(snapshots(tmp_path)) == 1
    store.close()


def test_no_thread_runs_before_a_snapshot_and_after_it(tmp_path: Path, counting: Counting) -> None:
    store = filled(tmp_path, counting, 25)

    assert [thread.name for thread in threading.enumerate() if "compaction" in thread.name] == []
    store.close()


def test_failed_snapshot_is_logged_and_made_at_the_next_threshold(
    tmp_path: Path, counting: Counting, caplog: pytest.LogCaptureFixture
) -> None:
    store = filled(tmp_path, counting, 9)
    (tmp_path / "snapshots").rename(tmp_path / "elsewhere")
    store.commit(Commit(revision=counting(10)))
    store.wait_for_snapshot()
    assert "cannot make a snapshot" in caplog.text

    (tmp_path / "elsewhere").rename(tmp_path / "snapshots")
    for number in range(11, 21):
        store.commit(Commit(revision=counting(number)))
        store.wait_for_snapshot()

    assert len(snapshots(tmp_path)) == 1
    assert bounds(tmp_path) == (1, 20)
    store.close()


def test_snapshot_that_cannot_be_verified_does_not_replace_a_good_one(
    tmp_path: Path, counting: Counting, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store = filled(tmp_path, counting, 25)
    good = snapshots(tmp_path)
    monkeypatch.setattr(
        "flowrpc.store.disk.Disk.write", lambda disk, path, content: path.write_bytes(b"junk")
    )
    for number in range(26, 32):
        store.commit(Commit(revision=counting(number)))
        store.wait_for_snapshot()

    assert "its hash does not fit" in caplog.text
    assert snapshots(tmp_path) == good
    assert bounds(tmp_path)[0] <= 21
    store.close()


def test_closing_gives_up_a_snapshot_in_the_making(
    tmp_path: Path, counting: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread is held at its first step until the store is closing."""
    begun, closing = threading.Event(), threading.Event()
    steps = []

    def held(_: float) -> None:
        begun.set()
        steps.append(closing.wait(30))

    monkeypatch.setattr("flowrpc.store.compaction._SLICE_S", 0)
    monkeypatch.setattr(
        "flowrpc.store.compaction.time", SimpleNamespace(sleep=held, monotonic=time.monotonic)
    )
    store = SQLiteStore(tmp_path, snapshot_revisions=10)
    store.open()
    for number in range(1, 11):
        store.commit(Commit(revision=counting(number)))
    assert begun.wait(30)
    monkeypatch.setattr("threading.Thread.join", _joining(closing))

    store.close()

    assert snapshots(tmp_path) == []
    assert steps == [True]


@pytest.mark.parametrize("revisions", [39, 40, 65])
def test_a_life_begins_with_the_snapshot_that_those_before_it_did_not_end(
    tmp_path: Path, counting: Counting, monkeypatch: pytest.MonkeyPatch, revisions: int
) -> None:
    """As when a service is killed again and again before its compaction is done."""
    monkeypatch.setattr("flowrpc.store.compaction.Compactor.start", lambda compactor: None)
    filled(tmp_path, counting, revisions).close()
    assert snapshots(tmp_path) == []
    store = SQLiteStore(tmp_path, snapshot_revisions=10)

    recovered = store.open()

    assert recovered.replica.revision == revisions
    assert snapshots(tmp_path) == ([] if revisions < 40 else [f"{revisions:020d}.snapshot"])
    store.close()
    assert facts(store.open()) == (3, *facts(recovered)[1:])
    store.close()


def test_snapshot_that_fails_at_the_beginning_is_logged_and_tried_again(
    tmp_path: Path, counting: Counting, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("flowrpc.store.compaction.Compactor.start", lambda compactor: None)
        filled(tmp_path, counting, 45).close()
        patch.setattr("flowrpc.store.disk.Disk.write", full)
        store = SQLiteStore(tmp_path, snapshot_revisions=10)
        store.open()
    assert "cannot make a snapshot" in caplog.text
    assert "No space left on device" in caplog.text

    store.commit(Commit(revision=counting(46)))
    store.wait_for_snapshot()

    assert snapshots(tmp_path) == ["00000000000000000046.snapshot"]
    store.close()


def _joining(closing: threading.Event) -> Callable[[threading.Thread], None]:
    """Returns a `Thread.join` that lets the held thread go first."""
    join = threading.Thread.join

    def release_and_join(thread: threading.Thread) -> None:
        closing.set()
        join(thread)

    return release_and_join


step = st.sampled_from(["commit"] * 8 + ["open again", "snapshot"])


@settings(max_examples=30, deadline=None)
@given(steps=st.lists(step, min_size=5, max_size=60), snapshot_revisions=st.integers(1, 8))
def test_store_recovers_what_its_twin_in_memory_does(
    counting: Counting, steps: list[str], snapshot_revisions: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store, twin = SQLiteStore(Path(folder), snapshot_revisions=snapshot_revisions), MemoryStore()
        opened = (store.open(), twin.open())
        number = 0
        for what in steps:
            if what == "commit":
                number += 1
                assert store.commit(Commit(revision=counting(number))) == twin.commit(
                    Commit(revision=counting(number))
                )
            elif what == "snapshot":
                store.wait_for_snapshot()
            else:
                store.close()
                twin.close()
                opened = (store.open(), twin.open())
                assert facts(opened[0]) == facts(opened[1])
                assert opened[0].replica.revision == number
        store.close()


def facts(recovered: Recovered) -> tuple[object, ...]:
    replica = recovered.replica
    return recovered.life, recovered.seen, replica.revision, replica.components, replica.runs, replica.app
