"""Examples are run as users run them: as processes, over files that are there."""

import os
import select
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

FLOWCTL = str(Path(sys.executable).with_name("flowctl"))
SECONDS = 90.0


@pytest.fixture(autouse=True)
def run_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run directory that no other app is in."""
    path = tmp_path / "run"
    monkeypatch.setenv("FLOWRPC_RUN_DIR", str(path))
    monkeypatch.delenv("FLOWCTL_ADDRESS", raising=False)
    monkeypatch.delenv("FLOWCTL_TOKEN_FILE", raising=False)
    return path


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The standard library without its own tests, which are more than half of it."""
    copy = tmp_path_factory.mktemp("library") / "lib"
    left_out = shutil.ignore_patterns("test", "site-packages", "dist-packages", "__pycache__", "*.so", "*.a")
    shutil.copytree(sysconfig.get_path("stdlib"), copy, ignore=left_out)
    return copy


@contextmanager
def program(*arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
    """Runs a program that serves; ends it with SIGTERM, then by force."""
    with subprocess.Popen([str(a) for a in arguments], stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(SECONDS)
            finally:
                process.kill()


def first_line(output: IO[str] | None) -> str:
    """Reads the line that says that a program is ready."""
    assert output is not None, "it is a pipe"
    readable, _, _ = select.select([output], [], [], SECONDS)
    assert readable, f"said nothing within {SECONDS:g} s"
    return output.readline()


def wait_until_ended(pids: set[int]) -> None:
    """Waits for processes that are not our children; one that stays is killed, and fails the test."""
    for pid in pids:
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        try:
            ended, _, _ = select.select([descriptor], [], [], SECONDS)
            if not ended:
                signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        finally:
            os.close(descriptor)
        assert ended, f"process {pid} was left"


def descendants(pid: int) -> set[int]:
    """Returns the processes that a process has started, and those in turn."""
    parents = {}
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            facts = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
        except OSError:
            continue  # it ended just now
        parents[int(facts["Pid"])] = int(facts["PPid"])
    found, new = set[int](), {pid}
    while new:
        new = {child for child, parent in parents.items() if parent in new}
        found |= new
    return found
