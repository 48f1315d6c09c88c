"""A build is made once in a run, by one process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clients.building import once

ROOT = Path(__file__).parents[2]
BUILDER = """
import json, sys
from pathlib import Path
from tests.clients.building import once

def build():
    with Path(sys.argv[1], "log").open("a") as log:
        print("begun", file=log, flush=True)
        sys.stdin.readline()
        print("ended", file=log)
    return {"path": "made"}

print(json.dumps(once(Path(sys.argv[1]), build)))
"""


def test_processes_of_a_run_build_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_XDIST_TESTRUNUID", "a run")
    command = [sys.executable, "-c", BUILDER, str(tmp_path)]
    processes = [
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    for process in processes:  # whichever builds, the others wait for it
        assert process.stdin is not None
        process.stdin.write("go on\n")
        process.stdin.flush()
    told = [process.communicate(timeout=50)[0] for process in processes]
    assert [json.loads(each) for each in told] == 3 * [{"path": "made"}]
    assert (tmp_path / "log").read_text().splitlines() == ["begun", "ended"]


@pytest.mark.parametrize(("run", "times"), [("a run", 1), ("", 2)])
def test_a_process_without_others_builds_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: str, times: int
) -> None:
    built: list[int] = []

    def build() -> dict[str, str]:
        built.append(1)
        return {}

    for id_of_run in ("an earlier run", run, run):
        monkeypatch.setenv("PYTEST_XDIST_TESTRUNUID", id_of_run)
        once(tmp_path, build)
    assert len(built) == 1 + times


def test_a_build_that_failed_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_XDIST_TESTRUNUID", "a run")

    def fail() -> dict[str, str]:
        raise AssertionError("it does not compile")

    with pytest.raises(AssertionError, match="compile"):
        once(tmp_path, fail)
    assert once(tmp_path, lambda: {"path": "made"}) == {"path": "made"}
