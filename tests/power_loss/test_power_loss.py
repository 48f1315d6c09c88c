"""Power may go at any moment: what was acknowledged is there, nothing is torn, and a store that cheats is found out."""

from __future__ import annotations

import threading
from pathlib import Path
from random import Random

import pytest
from flowrpc.store import Commit, SQLiteStore
from flowrpc.store.directory import DataDirectory
from flowrpc.store.replay import Replay
from flowrpc.store.snapshots import Snapshots
from flowrpc.store.tables import Identity
from flowrpc.store.writer import Backlog

from tests.power_loss.disk_model import DiskModel, Image, Name, Operation, Sync, SyncFolder, Write
from tests.power_loss.expectation import Facts, next_commit
from tests.power_loss.recorder import Recorder
from tests.power_loss.trial import Tally, Trial

BATCHES = 11
TRIALS = 2
"""A trial cuts about 48 times, each time to three images of the disk."""


class UnsyncedSnapshots(Recorder):
    """Forgets the fsync of snapshot files."""

    def write(self, path: Path, content: bytes) -> None:
        before = len(self.operations)
        super().write(path, content)
        self.operations[before:] = [one for one in self.operations[before:] if not isinstance(one, Sync)]


class UnsyncedFolders(Recorder):
    """Forgets the fsync of folders."""

    def sync_folder(self, folder: Path) -> None:
        pass


@pytest.mark.slow
@pytest.mark.parametrize("batch", range(BATCHES))
def test_what_was_acknowledged_survives_a_power_cut(batch: int) -> None:
    tally = Tally()
    for trial in range(batch * TRIALS, (batch + 1) * TRIALS):
        tally.add(Trial(f"2026-{trial}").run())

    assert tally.violations == []
    assert tally.cuts > 60
    assert tally.acknowledged > 100


@pytest.mark.parametrize(
    "planted",
    [
        {"settings": "PRAGMA synchronous = NORMAL;"},
        {"recorder": UnsyncedSnapshots},
        {"recorder": UnsyncedFolders},
        {"early": True},
    ],
    ids=["NORMAL", "snapshots not synced", "folders not synced", "acknowledged before the commit"],
)
def test_a_store_that_breaks_its_promise_is_found_out(planted: dict[str, object]) -> None:
    found = [Trial(f"planted-{trial}", lives=2, **planted).run() for trial in range(4)]  # type: ignore[arg-type]

    assert any(tally.violations for tally in found)


def test_standing_on_what_a_killed_life_could_not_sync_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file whose sync failed is read as if it had not: the next life has to write it again."""
    monkeypatch.setattr(DataDirectory, "_write_again", lambda directory: None)

    # Four trials of nine have a sync that fails, or a kill before it, and power cut in the life after it.
    assert any(Trial(f"stands-{trial}", rough=True).run().violations for trial in range(8))


def test_deleting_what_a_snapshot_of_a_killed_life_holds_is_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody synced its name yet: it may go with power, while what was deleted stays so."""
    begin_life = SQLiteStore._begin_life

    def too_soon(
        store: SQLiteStore, replay: Replay, snapshots: Snapshots, backlog: Backlog, identity: Identity
    ) -> Identity:
        identity = begin_life(store, replay, snapshots, backlog, identity)
        assert store._compactor is not None
        store._compactor.spare_revision = replay.base_revision
        return identity

    monkeypatch.setattr(SQLiteStore, "_begin_life", too_soon)

    # One trial of ten has a kill before the sync of that folder, and a cut after the deletion: these do.
    assert any(Trial(f"spare-{trial}").run().violations for trial in (1, 2, 18))


def test_a_seed_tries_the_same_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread of snapshots takes its steps in an order that the seed decides."""
    recorded: list[list[Operation]] = []
    live = Trial._live

    def remember(*arguments: object) -> list[Operation]:
        recorded.append(live(*arguments))  # type: ignore[arg-type]
        return recorded[-1]

    monkeypatch.setattr(Trial, "_live", remember)
    first, second = (Trial("again", lives=1).run() for _ in range(2))

    def shapes(operations: list[Operation]) -> list[object]:
        return [(type(one), getattr(one, "file", None), getattr(one, "offset", None)) for one in operations]

    assert shapes(recorded[0]) == shapes(recorded[1])
    assert (first.cuts, first.images, first.acknowledged) == (second.cuts, second.images, second.acknowledged)


def test_recorded_operations_lead_to_what_is_on_the_disk(tmp_path: Path) -> None:
    """Nothing that changes a file goes past the recorder."""
    (tmp_path / "data").mkdir()
    recorder = Recorder(tmp_path / "data", {}, settings="PRAGMA wal_autocheckpoint = 5;")
    store = SQLiteStore(tmp_path / "data", snapshot_revisions=4, disk=recorder)
    store.open()
    facts, dice = Facts(), Random(1)
    for _ in range(20):
        facts, commit = next_commit(facts, dice)
        store.commit(commit)
        recorder.turns.give(float("inf"), _compaction())
    store.close()
    disk = DiskModel({})
    for operation in recorder.operations:
        disk.do(operation)
    for file in range(100):
        disk.do(Sync(file))
    for folder in ("", "snapshots"):
        disk.do(SyncFolder(folder))

    found = {path: content for path, content in disk.cut(Random(1)).items() if not path.endswith("/")}
    assert found == files(tmp_path / "data")


def test_what_was_synced_stays_and_the_rest_may_go() -> None:
    disk = DiskModel({"old": b"old"})
    for operation in (
        Name("", {"kept": 1}),
        Write(1, 0, b"k" * 1024),
        Sync(1),
        SyncFolder(""),
        Write(1, 512, b"n" * 1024),
        Name("", {"kept": None, "renamed": 1}),
        Name("", {"new": 2}),
        Write(2, 0, b"new"),
    ):
        disk.do(operation)
    images = [disk.cut(Random(seed)) for seed in range(300)]

    assert all(image["old"] == b"old" for image in images)
    assert {tuple(sorted(image)) for image in images} == {
        ("kept", "old"),
        ("old", "renamed"),
        ("kept", "new", "old"),
        ("new", "old", "renamed"),
    }
    contents = {image.get("kept", image.get("renamed", b"")) for image in images}
    assert all(content.startswith(b"k" * 512) for content in contents)
    assert {b"k" * 1024, b"k" * 512 + b"n" * 1024, b"k" * 512 + b"n" * 512} <= contents
    assert any(content.startswith(b"k" * 1024 + b"n") for content in contents), "reordered"
    assert any(512 < content.count(b"k") + content.count(b"n") < 1024 + 512 for content in contents), "torn"
    assert {image["new"] for image in images if "new" in image} >= {b"", b"new"}


def test_the_recorder_does_for_real_what_it_records(tmp_path: Path) -> None:
    image: Image = {}
    (tmp_path / "data").mkdir()
    store = SQLiteStore(tmp_path / "data", disk=Recorder(tmp_path / "data", image))
    store.open()
    _, commit = next_commit(Facts(), Random(1))
    store.commit(Commit(revision=commit.revision))
    store.close()

    assert SQLiteStore(tmp_path / "data").open().replica.revision == 1


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in ("lock", "journal.db-shm")
    }


def _compaction() -> threading.Thread | None:
    found = [thread for thread in threading.enumerate() if "compaction" in thread.name]
    return found[0] if found else None
