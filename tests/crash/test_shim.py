"""The shim lets syncs and writes of a journal fail, and moves the wall clock, in the process that it is loaded into."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.crash.faults.shim import Shim

pytestmark = pytest.mark.skipif(bool(Shim.available()), reason=Shim.available())

TRY = """
import errno, os, sys, time
name = sys.argv[1]
descriptor = os.open(name, os.O_RDWR | os.O_CREAT)
def tried(what):
    try:
        what()
    except OSError as error:
        return errno.errorcode[error.errno]
    return "done"
print(tried(lambda: os.pwrite(descriptor, b"x", 0)), tried(lambda: os.fsync(descriptor)),
      tried(lambda: os.fdatasync(descriptor)), time.time())
"""


def tried(shim: Shim, path: Path) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", TRY, str(path)],
        env={**os.environ, **shim.environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    return done.stdout.split()


def test_it_does_nothing_unless_told_to(tmp_path: Path) -> None:
    shim = Shim(tmp_path)
    assert tried(shim, tmp_path / "journal.db")[:3] == ["done", "done", "done"]
    assert shim.failed == 0


def test_syncs_and_writes_of_the_journal_fail(tmp_path: Path) -> None:
    shim = Shim(tmp_path)
    shim.fail_syncs(1)
    shim.fail_writes(-1, errno.ENOSPC)
    assert tried(shim, tmp_path / "journal.db-wal")[:3] == ["ENOSPC", "EIO", "done"]
    assert shim.failed == 2
    shim.heal()
    assert tried(shim, tmp_path / "journal.db")[:3] == ["done", "done", "done"]


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    shim = Shim(tmp_path)
    shim.fail_syncs(-1)
    shim.fail_writes(-1)
    assert tried(shim, tmp_path / "other")[:3] == ["done", "done", "done"]


@pytest.mark.parametrize("seconds", [-3600.5, 3600.5])
def test_the_clock_jumps(tmp_path: Path, seconds: float) -> None:
    shim = Shim(tmp_path)
    shim.set_clock(seconds)
    assert abs(float(tried(shim, tmp_path / "other")[3]) - time.time() - seconds) < 60
