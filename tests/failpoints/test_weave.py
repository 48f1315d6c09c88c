"""Failpoints in a process: wrapped when they are asked for, absent when they are not."""

from __future__ import annotations

import asyncio
import importlib
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from flowrpc import failpoints
from flowrpc.failpoints.points import POINTS, Moment, Process
from flowrpc.failpoints.weave import _wrapped
from flowrpc.store import SQLiteStore

STORE = """
import sys
from pathlib import Path
from flowrpc import failpoints
from flowrpc.errors import StoreError
failpoints.arm("flow")
from flowrpc.store import SQLiteStore
store = SQLiteStore(Path(sys.argv[1]))
try:
    store.open()
except (OSError, StoreError) as error:
    print(type(error).__name__, error)
else:
    store.close()
    print("closed")
"""


BEGIN = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from flowrpc import failpoints
failpoints.arm("flow")
from flowrpc.state.records import Revision
from flowrpc.store import Commit, SQLiteStore
store = SQLiteStore(Path(sys.argv[1]))
store.open()
"""
COMMITS = (
    BEGIN
    + """
for number in range(1, 6):
    store.commit(Commit(revision=Revision(number=number, time=datetime(2026, 1, 1, tzinfo=UTC))))
"""
)
ANSWERS = (
    BEGIN
    + """
for _ in range(3):
    try:
        print("none" if store.answer("request") is None else "some")
    except OSError as error:
        print(type(error).__name__)
"""
)


def run(
    folder: Path, plan: str, marks: Path | None = None, *, code: str = STORE
) -> subprocess.CompletedProcess[str]:
    """Opens and closes a store in a process of its own, or does what the code says."""
    env = os.environ | {failpoints.VARIABLE: plan}
    if marks is not None:
        env[failpoints.FIRED_VARIABLE] = str(marks)
    command = [sys.executable, "-c", code, str(folder / "data")]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)


def test_there_are_at_least_forty_and_no_two_of_a_name() -> None:
    names = [point.name for point in POINTS]
    assert len(names) == len(set(names)) >= 40


@pytest.mark.parametrize("point", POINTS, ids=lambda point: point.name)
def test_the_function_of_a_failpoint_is_there(point: object) -> None:
    module, _, qualified = point.target.partition(":")  # type: ignore[attr-defined]
    found = importlib.import_module(module)
    for name in qualified.split("."):
        found = vars(found)[name]
    assert callable(found)


def test_without_the_variable_nothing_is_loaded() -> None:
    code = (
        "import sys; from flowrpc import failpoints; failpoints.arm('flow');"
        "print('flowrpc.failpoints.plan' in sys.modules)"
    )
    env = {name: value for name, value in os.environ.items() if name != failpoints.VARIABLE}
    told = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert told.stdout == "False\n"


def test_a_process_is_killed_where_it_is_told(tmp_path: Path) -> None:
    assert run(tmp_path, "store.life.after=kill").returncode == -9
    assert run(tmp_path, "store.create.before=kill").stdout == "closed\n"  # it was made before


@pytest.mark.parametrize(
    ("plan", "durable"),
    [
        ("store.commit.before_fsync=kill", 0),
        ("store.commit.before_fsync=kill@3", 2),
        ("store.commit.after_fsync=kill@3", 3),
    ],
)
def test_it_acts_before_or_after_and_at_the_time_that_is_told(
    tmp_path: Path, plan: str, durable: int
) -> None:
    assert run(tmp_path, plan, code=COMMITS).returncode == -9

    store = SQLiteStore(tmp_path / "data")
    assert store.open().replica.revision == durable
    store.close()


def test_it_acts_every_time_from_one_on(tmp_path: Path) -> None:
    told = run(tmp_path, "store.answer.before=raise(EIO)@2+", code=ANSWERS).stdout
    assert told.split() == ["none", "OSError", "OSError"]


@pytest.mark.parametrize("name", ["plain", "of_asyncio"])
def test_after_a_function_is_when_it_returned(name: str) -> None:
    told: list[str] = []

    def plain(*, fails: bool) -> None:
        told.append("it")
        if fails:
            raise ValueError

    async def of_asyncio(*, fails: bool) -> None:
        plain(fails=fails)

    function = {"plain": plain, "of_asyncio": of_asyncio}[name]
    before = _wrapped(function, Moment.BEFORE, lambda: told.append("before"))
    both = _wrapped(before, Moment.AFTER, lambda: told.append("after"))
    for fails in (False, True):
        with suppress(ValueError):
            result = both(fails=fails)
            if name == "of_asyncio":
                asyncio.run(result)

    assert told == ["before", "it", "after", "before", "it"]


def test_a_process_ends_with_the_code_it_is_told(tmp_path: Path) -> None:
    assert run(tmp_path, "store.open.before_recovery=exit(7)").returncode == 7


@pytest.mark.parametrize(
    ("error", "raised"), [("ENOSPC", "OSError"), ("SQLITE_FULL", "OperationalError"), ("EIO", "OSError")]
)
def test_a_named_error_is_raised(tmp_path: Path, error: str, raised: str) -> None:
    told = run(tmp_path, f"store.open.before_recovery=raise({error})")
    assert raised in told.stdout + told.stderr
    assert "store.open.before_recovery" in told.stdout + told.stderr


def test_failpoints_of_other_processes_are_left_alone(tmp_path: Path) -> None:
    assert run(tmp_path, "runner.run.before=kill;agent.spawn.before=kill").stdout == "closed\n"


def test_what_acted_once_acts_no_more_while_its_mark_is_there(tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    assert run(tmp_path, "store.life.before=kill", marks).returncode == -9
    assert [mark.name for mark in marks.iterdir()] == ["store.life.before"]
    assert run(tmp_path, "store.life.before=kill", marks).stdout == "closed\n"


def test_every_process_has_failpoints() -> None:
    assert {point.process for point in POINTS} == set(Process)
