"""Real apps in real processes, each in directories of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flowrpc_client import FlowClient, StateReplica

FLOWCTL = Path(sys.executable).parent / "flowctl"


class RunningApp:
    """An app that `flowctl run` serves in a process of its own."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.options = options
        self.process: subprocess.Popen[str] | None = None
        self.ready_line = ""

    def start(self, *options: str) -> RunningApp:
        """Starts and waits for the line that says it is served."""
        self.launch(*options)
        assert self.process is not None
        assert self.process.stdout is not None
        self.ready_line = self.process.stdout.readline()
        assert "is served at" in self.ready_line, f"{self.ready_line!r}\n{self.stderr()}"
        return self

    def launch(self, *options: str) -> subprocess.Popen[str]:
        """Starts without waiting."""
        self.close()
        with self._new_errors().open("w") as errors:
            self.process = subprocess.Popen(
                [FLOWCTL, "run", "app.py", *self.options, *options],
                cwd=self.folder,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        return self.process

    def _new_errors(self) -> Path:
        self._errors = self.folder / f"stderr-{len(list(self.folder.glob('stderr-*')))}.txt"
        return self._errors

    def client(self, **options: float) -> FlowClient:
        return FlowClient(data_dir=self.folder / ".flowrpc", **options)  # type: ignore[arg-type]

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def address(self) -> str:
        return self.ready_line.split("is served at ")[1].split(",")[0]

    def kill(self) -> None:
        """Kills the flow service where it stands."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(timeout=60)

    def wait(self, timeout: float = 60) -> int:
        """Waits for the end; returns the exit code."""
        assert self.process is not None
        return self.process.wait(timeout=timeout)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ends it in order; returns the exit code."""
        os.kill(self.pid, number)
        return self.wait()

    def stderr(self) -> str:
        """Reads what the newest process wrote to its standard error."""
        return self._errors.read_text()

    def close(self) -> None:
        """Kills what still runs."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.kill()
        if self.process.stdout is not None:
            self.process.stdout.close()


@pytest.fixture(autouse=True)
def own_run_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps the apps of tests away from the user's and from each other."""
    monkeypatch.setenv("FLOWRPC_RUN_DIR", str(tmp_path / "run"))
    monkeypatch.delenv("FLOWCTL_ADDRESS", raising=False)
    monkeypatch.delenv("FLOWCTL_TOKEN_FILE", raising=False)


MakeApp = Callable[..., RunningApp]


@pytest.fixture
def make_app(tmp_path: Path) -> Iterator[MakeApp]:
    """Makes apps of source text; what still runs at the end of the test is killed."""
    apps: list[RunningApp] = []

    def make(source: str, *options: str, name: str = "shop") -> RunningApp:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        (folder / "app.py").write_text(HEADER + textwrap.dedent(source))
        app = RunningApp(folder, *options)
        apps.append(app)
        return app

    yield make
    for app in apps:
        app.close()


HEADER = """\
import logging
import os
import signal
import sys
import time

from flowrpc import Dict, LightningApp, LightningFlow, LightningWork, List
"""


def flowctl(
    *arguments: str, cwd: Path | None = None, timeout: float = 60
) -> subprocess.CompletedProcess[str]:
    """Runs flowctl to its end."""
    return subprocess.run(
        [FLOWCTL, *arguments], cwd=cwd, capture_output=True, text=True, timeout=timeout, check=False
    )


def var(replica: StateReplica, component: str, name: str) -> Any:
    """Reads a var of a component; None while there is no such component."""
    try:
        return replica.vars(component)[name]
    except KeyError:
        return None


def children(pid: int) -> set[int]:
    """Returns the processes that one started and that are there."""
    found: set[int] = set()
    for listed in Path(f"/proc/{pid}/task").glob("*/children"):
        found.update(int(child) for child in listed.read_text().split())
    return found


def descendants(pid: int) -> set[int]:
    """Returns the processes below one."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found: set[int] = set()
    waiting = [pid]
    while waiting:
        for child in children.get(waiting.pop(), []):
            found.add(child)
            waiting.append(child)
    return found


def wait_until_gone(pids: set[int], seconds: float = 30.0) -> None:
    """Waits until processes have ended; a zombie has."""
    import time

    end = time.monotonic() + seconds
    while alive := {pid for pid in pids if _alive(pid)}:
        assert time.monotonic() < end, f"still alive: {alive}"
        time.sleep(0.01)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
