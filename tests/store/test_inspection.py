"""An inspection finds every damage, names its revision, and changes nothing."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from flowrpc.errors import StoreError, StoreLockedError
from flowrpc.state.records import Revision, Run, RunRecord, RunStatus
from flowrpc.store import Commit, SQLiteStore
from flowrpc.store.chain import first_link
from flowrpc.store.inspection import inspect
from flowrpc.store.snapshots import Snapshots
from flowrpc.wire.journal import revision_bytes, run_record_bytes, snapshot_bytes

from tests.store.damaging import answer, execute, flip_a_byte, journal_id

Counting = Callable[..., Revision]


@pytest.fixture
def data_dir(tmp_path: Path, counting: Counting) -> Path:
    """Returns 19 revisions with snapshots at 10 and 15, each with a run and an answer."""
    store = SQLiteStore(tmp_path / "data", snapshot_revisions=5)
    store.open()
    for number in range(1, 20):
        run = Run(run_id="run", work="root.w", call_key="k", attempt=number)
        revision = counting(number)
        revision = Revision(number=number, time=revision.time, deltas=revision.deltas, runs=(run,))
        record = RunRecord(run=run, ordinal=1, applied_seq=number)
        store.commit(Commit(revision=revision, records=(record,), answers=(answer(number),)))
        store.wait_for_snapshot()
    store.close()
    return tmp_path / "data"


def problems(data_dir: Path) -> list[tuple[int | None, str]]:
    return [(damage.revision, damage.problem) for damage in inspect(data_dir).damages]


def test_whole_journal_is_whole(data_dir: Path) -> None:
    before = {path: path.read_bytes() for path in data_dir.rglob("*") if path.is_file()}

    found = inspect(data_dir)

    assert found.damages == []
    assert (found.life, found.first, found.last, found.snapshots, found.good) == (1, 11, 19, (10, 15), 19)
    assert {path: path.read_bytes() for path in before} == before


def test_every_damage_is_found_not_only_the_first(data_dir: Path, counting: Counting) -> None:
    execute(data_dir, "UPDATE journal SET record = zeroblob(9) WHERE revision = 13")
    execute(data_dir, "DELETE FROM journal WHERE revision = 17")
    changed = revision_bytes(counting(18, text="changed"))
    execute(
        data_dir, "UPDATE journal SET record = ?, crc = ? WHERE revision = 19", changed, zlib.crc32(changed)
    )
    execute(data_dir, "UPDATE answers SET record = x'00' WHERE request_id = 'request-3'")
    execute(data_dir, "UPDATE runs SET ordinal = 2")
    flip_a_byte(data_dir / "snapshots" / f"{10:020d}.snapshot")

    found = problems(data_dir)

    assert [revision for revision, _ in found] == [10, 13, 17, 19, None, None]
    texts = "\n".join(text for _, text in found)
    for part in (
        "its hash does not fit",
        "revision 13 does not fit its checksum",
        "revisions 17 to 17 are missing",
        "revision 19 is not the one that followed revision 18",
        "run run does not fit its checksum",
        "the answer to request-3 does not fit its checksum",
    ):
        assert part in texts
    assert inspect(data_dir).good == 16


def test_damage_of_spare_revisions_is_found(data_dir: Path) -> None:
    """A start does not read them: a snapshot holds what they lead to."""
    execute(data_dir, "UPDATE journal SET record = zeroblob(9) WHERE revision = 12")

    assert problems(data_dir) == [(12, "revision 12 does not fit its checksum")]
    assert inspect(data_dir).good == 19
    assert SQLiteStore(data_dir).open().replica.revision == 19


def test_snapshot_of_another_state_is_found(data_dir: Path) -> None:
    ((link,),) = execute(data_dir, "SELECT link FROM journal WHERE revision = 15")
    assert isinstance(link, bytes)
    Snapshots(data_dir / "snapshots", journal_id(data_dir)).write(15, link, snapshot_bytes([], None))

    assert (15, "holds another state than the revisions lead to") in problems(data_dir)


def test_snapshot_of_another_history_is_found(data_dir: Path) -> None:
    snapshots = Snapshots(data_dir / "snapshots", journal_id(data_dir))
    snapshots.write(15, first_link("other"), snapshots.read(15).payload)

    assert problems(data_dir) == [(15, "is of another history than revision 15")]


def test_run_that_is_another_than_the_revisions_say_is_found(data_dir: Path) -> None:
    run = Run(run_id="run", work="root.w", call_key="k", attempt=19, status=RunStatus.FAILED)
    record = run_record_bytes(RunRecord(run=run, ordinal=1))
    crc = zlib.crc32(record, zlib.crc32(b"run 1 19"))
    execute(data_dir, "UPDATE runs SET record = ?, crc = ?", record, crc)

    assert problems(data_dir) == [(None, "run run is not as the revisions have it")]
    with pytest.raises(StoreError, match="run run is not as the revisions have it"):
        SQLiteStore(data_dir).open()


def test_lost_run_is_found(data_dir: Path) -> None:
    execute(data_dir, "DELETE FROM runs")

    assert problems(data_dir) == [(None, "run run is in the revisions, and not among the runs")]


def test_row_of_a_revision_that_is_not_there_is_found(data_dir: Path) -> None:
    execute(data_dir, "DELETE FROM journal WHERE revision = 19")

    assert [text for _, text in problems(data_dir)] == [
        "run run is of revision 19, which is not there",
        "run run is not as the revisions have it",
        "the answer to request-19 is of revision 19, which is not there",
        "it ends at revision 18, but revision 19 was acknowledged",
    ]


@pytest.mark.parametrize(
    "sql", ["DELETE FROM meta WHERE name = 'life'", "UPDATE meta SET value = 9 WHERE name = 'life'"]
)
def test_lost_identity_does_not_hide_the_rest(data_dir: Path, sql: str) -> None:
    execute(data_dir, sql)
    execute(data_dir, "UPDATE journal SET record = zeroblob(9) WHERE revision = 13")

    texts = [text for _, text in problems(data_dir)]

    assert texts[0].startswith("its table meta")
    assert texts[1:] == ["revision 13 does not fit its checksum"]


def test_no_database_is_told_and_the_snapshots_are_read(data_dir: Path) -> None:
    (data_dir / "journal.db").write_bytes(b"no database" * 1000)

    found = inspect(data_dir)

    assert [damage.problem for damage in found.damages] == ["its header is not that of a database"]
    assert found.snapshots == (10, 15)


def test_lost_table_does_not_hide_the_rest(data_dir: Path) -> None:
    execute(data_dir, "DROP TABLE runs")
    execute(data_dir, "UPDATE answers SET record = x'00' WHERE request_id = 'request-3'")

    texts = [text for _, text in problems(data_dir)]

    assert "no such table: runs" in texts
    assert "the answer to request-3 does not fit its checksum" in texts


def test_torn_head_is_no_damage(data_dir: Path) -> None:
    (data_dir / "head").write_bytes(b"torn")

    assert problems(data_dir) == []


def test_what_holds_no_journal_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="holds no journal"):
        inspect(tmp_path)


def test_used_directory_is_refused(tmp_path: Path, counting: Counting) -> None:
    store = SQLiteStore(tmp_path)
    store.open()
    with (
        closing(sqlite3.connect(tmp_path / "journal.db")),
        pytest.raises(StoreLockedError, match="is used by"),
    ):
        inspect(tmp_path)
    store.close()
