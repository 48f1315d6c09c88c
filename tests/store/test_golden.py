"""What earlier versions stored is read by this one: golden/README.md."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from flowrpc.state.records import ComponentKind, Revision, RunStatus
from flowrpc.store import Commit, SQLiteStore, read
from flowrpc.store.inspection import inspect

from tests.store.make_golden import GOLDEN, MAX_BYTES, commits, expected, make

NAMES = sorted(path.name for path in GOLDEN.iterdir() if path.is_dir())
FOR_EVER = timedelta(days=36500)


@pytest.fixture(params=NAMES)
def golden(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Returns a copy of a golden journal."""
    copied = tmp_path / "data"
    shutil.copytree(GOLDEN / request.param, copied)
    return copied


def test_there_are_some() -> None:
    assert NAMES


def test_it_opens_with_all_that_it_held(golden: Path) -> None:
    wanted = json.loads((golden / "expected.json").read_text())
    store = SQLiteStore(golden, answer_window=FOR_EVER)
    found = expected(store.open(), store, list(wanted["answers"]))
    store.close()

    assert json.loads(json.dumps(found)) == wanted
    assert list(found["state"]["components"][0]["vars"]) == list(wanted["state"]["components"][0]["vars"])


def test_it_is_whole_and_is_read_without_a_change(golden: Path) -> None:
    before = {path: path.read_bytes() for path in golden.rglob("*") if path.is_file()}

    assert inspect(golden).damages == []
    replica = read(golden)

    assert replica is not None
    assert {path: path.read_bytes() for path in before} == before


def test_it_goes_on(golden: Path) -> None:
    store = SQLiteStore(golden, answer_window=FOR_EVER, snapshot_revisions=1)
    replica = store.open().replica
    time = commits()[-1].revision.time
    for number in (replica.revision + 1, replica.revision + 2):
        store.commit(Commit(revision=Revision(number=number, time=time)))
        store.wait_for_snapshot()
    store.close()

    assert inspect(golden).damages == []


def test_it_is_small() -> None:
    for name in NAMES:
        assert sum(path.stat().st_size for path in (GOLDEN / name).rglob("*")) < MAX_BYTES + 50_000


def test_the_script_makes_every_kind_of_thing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.store.make_golden.GOLDEN", tmp_path)
    made = make("new")

    done = commits()
    kinds = {delta.attached.kind for one in done for delta in one.revision.deltas if delta.attached}
    assert kinds == set(ComponentKind)
    assert {record.run.status for one in done for record in one.records} == set(RunStatus)
    assert inspect(made).damages == []
    with pytest.raises(SystemExit, match="is never made again"):
        make("new")
