"""`flowctl journal`: what it prints, and its exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from flowrpc.state.records import AppStage, AppStatus, Revision, Run, RunStatus
from flowrpc.store import Commit, SQLiteStore
from flowrpc_client.flowctl import cli

from tests.store.conftest import counting_revision
from tests.store.damaging import execute

Journal = Callable[..., Result]


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """Returns 9 revisions, with a snapshot at 5, as `.flowrpc` of an app."""
    store = SQLiteStore(tmp_path / ".flowrpc", snapshot_revisions=5)
    store.open()
    for number in range(1, 10):
        store.commit(Commit(revision=counting_revision(number)))
        store.wait_for_snapshot()
    store.close()
    return tmp_path / ".flowrpc"


@pytest.fixture
def journal(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Journal:
    """Calls `flowctl journal` in the folder of the app."""
    monkeypatch.chdir(data_dir.parent)
    return lambda *arguments: CliRunner().invoke(cli, ["journal", *map(str, arguments)])


def damage(data_dir: Path, *revisions: int) -> None:
    for number in revisions:
        execute(data_dir, "UPDATE journal SET record = zeroblob(9) WHERE revision = ?", number)


@pytest.mark.parametrize(
    "place", [[], [".flowrpc"], ["."], ["app.py"]], ids=["here", "DIR", "folder", "APP.py"]
)
def test_check_of_a_whole_journal(journal: Journal, place: list[str]) -> None:
    done = journal("check", *place)

    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[1:] == ["revisions 1 to 9; snapshots at 5", "whole"]


def test_check_of_the_data_directory_before_the_command(data_dir: Path) -> None:
    assert CliRunner().invoke(cli, ["--data-dir", str(data_dir), "journal", "check"]).exit_code == 0


def test_check_names_each_damage_and_the_ways_out(journal: Journal, data_dir: Path) -> None:
    damage(data_dir, 7, 9)

    done = journal("check")

    assert done.exit_code == 1
    assert done.stdout.splitlines()[2:] == [
        "damaged: journal.db: revision 7 does not fit its checksum",
        "damaged: journal.db: revision 9 does not fit its checksum",
        "Restore the whole data directory from a backup,",
        "or go on after revision 6:  flowctl journal cut .flowrpc --after 6 --output NEWDIR",
        "or begin anew:  flowctl run APP.py --data-dir .flowrpc --fresh",
    ]


def test_check_tells_programs(journal: Journal, data_dir: Path) -> None:
    damage(data_dir, 7)

    done = journal("check", "--json")

    facts = json.loads(done.stdout)
    assert (done.exit_code, facts["first"], facts["last"], facts["snapshots"], facts["good"]) == (
        1,
        1,
        9,
        [5],
        6,
    )
    assert facts["damages"] == [
        {"file": "journal.db", "problem": "revision 7 does not fit its checksum", "revision": 7}
    ]


def test_show_tells_people(journal: Journal) -> None:
    done = journal("show", "--from", 8, "--until", 8)

    assert done.stdout.splitlines() == [
        "revision 8  2026-01-01T00:00:08.000+00:00",
        "  root",
        "    counter = 8",
        '    text = ""',
    ]


def test_show_tells_of_runs_and_the_app(journal: Journal, data_dir: Path) -> None:
    store = SQLiteStore(data_dir)
    store.open()
    run = Run(run_id="r", work="root.w", call_key="k", attempt=2, status=RunStatus.RUNNING)
    status = AppStatus(stage=AppStage.STOPPED, message="done")
    revision = Revision(
        number=10, time=counting_revision(10).time, runs=(run,), forgotten_runs=("old",), app=status
    )
    store.commit(Commit(revision=revision))
    store.close()

    assert journal("show", "--from", 10).stdout.splitlines()[1:] == [
        "  run r of root.w: running, attempt 2",
        "  run old forgotten",
        "  app stopped: done",
    ]


def test_show_tells_programs(journal: Journal) -> None:
    lines = [json.loads(line) for line in journal("show", "--from", 6, "--json").stdout.splitlines()]

    assert [line["revision"] for line in lines] == [6, 7, 8, 9]
    assert lines[0]["deltas"][0]["changes"] == [
        {"set": ["counter"], "value": 6},
        {"set": ["text"], "value": ""},
    ]


def test_export_holds_all_from_the_snapshot_on(journal: Journal, data_dir: Path) -> None:
    execute(data_dir, "DELETE FROM journal WHERE revision <= 5")

    lines = [json.loads(line) for line in journal("export").stdout.splitlines()]

    assert lines[0]["snapshot"] == 5
    assert lines[0]["components"][0]["vars"] == {"counter": 5, "text": ""}
    assert [line["revision"] for line in lines[1:]] == [6, 7, 8, 9]


@pytest.mark.parametrize("command", ["show", "export"])
def test_what_is_after_a_damage_is_read_from_the_snapshot_before_it(
    journal: Journal, data_dir: Path, command: str
) -> None:
    damage(data_dir, 3)
    stopped = journal(command)
    assert stopped.exit_code == 1
    assert "revision 3 does not fit its checksum" in stopped.output
    assert "--after" not in stopped.output, "later revisions are good, and an app goes on after them"

    done = journal(command, "--from", 7)

    assert done.exit_code == 0, done.output
    assert "revision 7" in done.output or '{"revision": 7' in done.output


def test_export_up_to_a_damage(journal: Journal, data_dir: Path, tmp_path: Path) -> None:
    damage(data_dir, 8)
    whole = journal("export")
    assert whole.exit_code == 1
    assert "revision 8 does not fit its checksum" in whole.output

    done = journal("export", "--until", 7, "-o", tmp_path / "journal.jsonl")

    assert done.exit_code == 0, done.output
    assert len((tmp_path / "journal.jsonl").read_text().splitlines()) == 7


def test_cut_goes_on_after_the_last_good_revision(journal: Journal, data_dir: Path, tmp_path: Path) -> None:
    damage(data_dir, 8)

    done = journal("cut", "--after", 7, "--output", tmp_path / "new")

    assert done.exit_code == 0, done.output
    assert "ends at revision 7" in done.output
    assert f"flowctl run APP.py --data-dir {tmp_path / 'new'}" in done.output
    assert SQLiteStore(tmp_path / "new").open().replica.revision == 7


@pytest.mark.parametrize(
    "command", [["check"], ["show"], ["export"], ["cut", "--after", "1", "--output", "new"]]
)
def test_used_directory_is_refused(journal: Journal, data_dir: Path, command: list[str]) -> None:
    store = SQLiteStore(data_dir)
    store.open()

    done = journal(*command)

    assert done.exit_code == 1
    assert "is used by process" in done.output
    assert "flowctl stop" in done.output
    store.close()


@pytest.mark.parametrize("command", [["check"], ["show"], ["export"]])
def test_directory_without_a_journal_is_refused(journal: Journal, tmp_path: Path, command: list[str]) -> None:
    done = journal(*command, tmp_path / "nowhere")

    assert done.exit_code == 1
    assert "holds no journal; name the data directory of an app" in done.output


def test_running_app_cannot_be_named(data_dir: Path) -> None:
    done = CliRunner().invoke(cli, ["--app", "shop", "journal", "check"])

    assert done.exit_code == 2
    assert "a journal is read in its data directory" in done.output
