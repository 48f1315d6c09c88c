"""One work by itself, in a real process."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from flowrpc import WorkRunError
from flowrpc.testing import SimulationError, run_work_isolated
from flowrpc.testing.child_runner import ChildRunner

from tests.testing.jobs import Hasty, Job, Jobs, Stubborn, Unbuildable

pytestmark = pytest.mark.slow


def test_its_vars_and_status_are_in_the_work_afterwards() -> None:
    work = Job()
    work.count = 10

    run_work_isolated(work, "count", number=2)
    assert (work.count, work.items) == (12, [0, 1])
    assert work.pid != os.getpid()
    assert (work.has_succeeded, work.num_successes) == (True, 1)
    run_work_isolated(work, number=1)
    assert work.items == [0, 1, 0]


def test_what_it_raises_is_raised_here_with_its_traceback() -> None:
    work = Job()

    with pytest.raises(WorkRunError, match=r"Job\.run failed: ValueError: boom") as failed:
        run_work_isolated(work, "raise")
    assert (failed.value.type_name, failed.value.message) == ("ValueError", "boom")
    assert 'raise ValueError("boom")' in failed.value.remote_traceback
    assert (work.has_failed, work.count) == (True, 3)


@pytest.mark.parametrize(
    ("what", "text"),
    [("crash", "signal 9"), ("leave", "exit code 4"), ("exit", "exit code 3"), ("return", "return value")],
)
def test_how_its_process_ends_is_told(what: str, text: str) -> None:
    with pytest.raises(WorkRunError, match=text):
        run_work_isolated(Job(parallel=False), what)


@pytest.mark.parametrize("parallel", [True, False])
def test_a_work_that_does_not_raise_does_not(parallel: bool) -> None:
    work = Job(raise_exception=False, parallel=parallel, cache_calls=False)

    run_work_isolated(work, "raise")
    assert work.has_failed
    assert "boom" in work.status.message


def test_its_retries_and_its_timeout_are_its_own() -> None:
    work = Stubborn()
    run_work_isolated(work, "raise_once")
    assert (work.has_succeeded, work.status.count) == (True, 2)

    late = Hasty()
    run_work_isolated(late, "hang")
    assert late.has_timeout


def test_arguments_that_do_not_fit_are_refused_at_once() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'nmuber'"):
        run_work_isolated(Job(), nmuber=3)


def test_a_work_of_an_app_is_refused() -> None:
    flow = Jobs()
    with pytest.raises(SimulationError, match=r"root\.job is part of an app"):
        run_work_isolated(flow.job)


def test_a_work_that_another_process_cannot_build_is_refused() -> None:
    class Local(Job):
        pass

    with pytest.raises(SimulationError, match="define it at the top of a module"):
        run_work_isolated(Local())
    with pytest.raises(SimulationError, match=r"argument timeout: .*timedelta.*"):
        run_work_isolated(Job(timeout=timedelta(seconds=1)))


def test_a_constructor_that_fails_there_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mark = tmp_path / "mark"
    work = Unbuildable(str(mark))
    spawn = ChildRunner._spawn

    def mark_and_spawn(runner: ChildRunner) -> None:
        mark.touch()
        spawn(runner)

    monkeypatch.setattr(ChildRunner, "_spawn", mark_and_spawn)
    with pytest.raises(WorkRunError, match="the mark is there already"):
        run_work_isolated(work)


PROGRAM = """
from flowrpc import LightningWork
from flowrpc.testing import run_work_isolated


class Doubling(LightningWork):
    def __init__(self, number):
        super().__init__()
        self.number = number

    def run(self, times):
        for _ in range(times):
            self.number *= 2
        print("doubled")


if __name__ == "__main__":
    work = Doubling(3)
    run_work_isolated(work, times=2)
    print(work.number)
"""


def test_a_work_of_the_main_program_is_run_too(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, "program.py"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )

    assert (done.stdout, done.stderr) == ("doubled\n12\n", "")


def test_nothing_is_left_of_it(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(
        PROGRAM.replace('print("doubled")', 'import os; os.fork() or __import__("time").sleep(600)')
    )
    done = subprocess.run(
        [sys.executable, "program.py"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )

    assert done.stdout == "12\n", "which comes when all who hold the pipe have ended"
