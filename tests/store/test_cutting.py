"""A cut journal goes on after a good revision; what came later did not happen, and the old one stays."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from flowrpc.errors import StoreCorruptError, StoreError, StoreLockedError
from flowrpc.state.changes import Set
from flowrpc.state.records import ComponentKind, ComponentRecord, Delta, Revision, Run, RunRecord, RunStatus
from flowrpc.store import Applied, Commit, Recovered, SQLiteStore
from flowrpc.store.cutting import cut
from flowrpc.store.inspection import inspect

from tests.store.damaging import answer, execute, flip_a_byte, journal_id

Counting = Callable[..., Revision]


@pytest.fixture
def data_dir(tmp_path: Path, counting: Counting) -> Path:
    """Returns 19 revisions with snapshots at 10 and 15, each with an answer."""
    store = SQLiteStore(tmp_path / "data", snapshot_revisions=5)
    store.open()
    for number in range(1, 20):
        store.commit(Commit(revision=counting(number), answers=(answer(number),)))
        store.wait_for_snapshot()
    store.close()
    return tmp_path / "data"


def opened(data_dir: Path) -> Recovered:
    store = SQLiteStore(data_dir)
    try:
        return store.open()
    finally:
        store.close()


@pytest.mark.parametrize("after", [11, 15, 17, 19])
def test_it_ends_at_the_revision(data_dir: Path, tmp_path: Path, after: int) -> None:
    before = {path: path.read_bytes() for path in data_dir.rglob("*") if path.is_file()}
    new = tmp_path / "new"

    done = cut(data_dir, after, new)

    # Where a snapshot is, there need not be a revision: one more is the end then.
    assert done.revision == after + (after == 15)
    assert inspect(new).damages == []
    recovered = opened(new)
    assert recovered.replica.components["root"].vars["counter"] == after
    assert recovered.life == 2
    assert recovered.journal_id != journal_id(data_dir), "no watcher takes its revisions for the old ones"
    assert {path: path.read_bytes() for path in before} == before


def test_damage_behind_it_is_left_behind(data_dir: Path, tmp_path: Path, counting: Counting) -> None:
    execute(data_dir, "UPDATE journal SET record = zeroblob(9) WHERE revision = 18")
    flip_a_byte(data_dir / "snapshots" / f"{15:020d}.snapshot")
    with pytest.raises(StoreCorruptError, match="--after 17"):
        opened(data_dir)

    cut(data_dir, 17, tmp_path / "new")

    store = SQLiteStore(tmp_path / "new")
    assert store.open().replica.revision == 17
    store.commit(Commit(revision=counting(18)))
    store.close()
    assert opened(tmp_path / "new").replica.revision == 18


def test_damage_before_it_is_refused(data_dir: Path, tmp_path: Path) -> None:
    execute(data_dir, "UPDATE journal SET record = zeroblob(9) WHERE revision = 17")

    with pytest.raises(StoreCorruptError, match="revision 17 does not fit"):
        cut(data_dir, 18, tmp_path / "new")

    assert list(tmp_path.iterdir()) == [data_dir]


def test_older_snapshot_is_taken_where_the_newer_one_does_not_lead_on(data_dir: Path, tmp_path: Path) -> None:
    flip_a_byte(data_dir / "snapshots" / f"{15:020d}.snapshot")

    assert cut(data_dir, 16, tmp_path / "new").revision == 16


def test_answers_of_later_revisions_did_not_happen(data_dir: Path, tmp_path: Path) -> None:
    cut(data_dir, 12, tmp_path / "new")
    store = SQLiteStore(tmp_path / "new")
    store.open()

    assert [store.answer(f"request-{number}") for number in (1, 12)] == [answer(1), answer(12)]
    assert store.answer("request-13") is None
    store.close()


@pytest.mark.parametrize("after", [1, 9, 20])
def test_revision_that_it_does_not_hold_is_refused(data_dir: Path, tmp_path: Path, after: int) -> None:
    with pytest.raises(StoreError, match=f"holds revisions 11 to 19, not {after}"):
        cut(data_dir, after, tmp_path / "new")


def test_directory_that_is_there_is_refused(data_dir: Path) -> None:
    with pytest.raises(StoreError, match="is there already"):
        cut(data_dir, 19, data_dir)


def test_used_directory_is_refused(data_dir: Path, tmp_path: Path) -> None:
    store = SQLiteStore(data_dir)
    store.open()
    with pytest.raises(StoreLockedError):
        cut(data_dir, 19, tmp_path / "new")
    store.close()


def test_files_of_works_come_along_durably(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (data_dir / "storage").mkdir()
    (data_dir / "storage" / "model").write_text("weights")
    (data_dir / "storage" / "latest").symlink_to("model")
    synced = set()
    fsync = os.fsync

    def record(descriptor: int) -> None:
        synced.add(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", record)

    cut(data_dir, 19, tmp_path / "new")

    assert (tmp_path / "new" / "storage" / "latest").read_text() == "weights"
    assert (tmp_path / "new" / "storage" / "latest").is_symlink()
    assert {"model", "storage"} <= synced


def test_runs_go_back(tmp_path: Path, counting: Counting) -> None:
    """Cut after 2, when one run had ended, one was executed, and one was not asked for yet."""
    store = SQLiteStore(tmp_path / "data")
    store.open()
    first = counting(1)
    work = ComponentRecord(name="root.w", kind=ComponentKind.WORK, type="app:W", vars={"loss": 1.0})
    attached = (*first.deltas, Delta(component="root.w", attached=work))
    ended = run("ended", 1, RunStatus.SUCCEEDED)
    busy = run("busy", 2, RunStatus.RUNNING, requested_at=first.time)
    later = run("later", 3, RunStatus.PENDING, requested_at=counting(3).time)

    def commit(number: int, *records: RunRecord, deltas: tuple[Delta, ...] = (), seq: int = 0) -> None:
        runs = tuple(record.run for record in records)
        revision = replace(counting(number), runs=runs, deltas=deltas or counting(number).deltas)
        applied = (Applied(run_id="busy", attempt=1, seq=seq),) if seq else ()
        store.commit(Commit(revision=revision, records=records, applied=applied))

    commit(1, ended, busy, deltas=attached)
    commit(2, busy, deltas=(Delta(component="root.w", changes=(Set(("loss",), 0.7),)),))
    commit(3, later, seq=5)
    commit(4, replace(busy, run=replace(busy.run, status=RunStatus.SUCCEEDED), consumed=True))
    store.close()

    done = cut(tmp_path / "data", 2, tmp_path / "new")

    recovered = opened(tmp_path / "new")
    assert (done.revision, done.waiting_runs, done.dropped_runs) == (3, ("busy",), ("later",))
    assert recovered.records[0] == ended
    again = recovered.records[1]
    assert (again.run.status, again.run.agent_id, again.applied_seq) == (RunStatus.PENDING, "", 0)
    assert (again.consumed, again.begin_vars) == (False, {})
    assert recovered.replica.components["root.w"].vars == {"loss": 1.0}, "as the run began with"
    assert len(recovered.records) == 2
    assert inspect(tmp_path / "new").damages == []


def run(run_id: str, ordinal: int, status: RunStatus, requested_at: object = None) -> RunRecord:
    made = Run(
        run_id=run_id,
        work="root.w",
        call_key="k",
        attempt=1,
        status=status,
        agent_id="local",
        requested_at=requested_at,  # type: ignore[arg-type]
    )
    return RunRecord(run=made, ordinal=ordinal, begin_vars={"loss": 1.0}, boot_id="boot")
