"""`flowctl run --reload`: the app starts anew when its files change, on the same state and at the same address.

It is for development. What serves is a process of its own; this one watches files and hands over from one to the next.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import click

from flowrpc.component.app_file import check_app_file
from flowrpc.store import lock_holder

LOOK_SECONDS = 1.0
"""How often the files are looked at."""
STOP_SECONDS = 20.0
"""How long an app may take to stop in order; then it is killed."""
CHECK_SECONDS = 60.0
"""How long the import of a changed app may take."""

_LEFT_OUT = frozenset({"__pycache__", "node_modules", "site-packages"})
_CHECK = "import sys; from flowrpc.cli.reloading import check; check(sys.argv[1])"

Seen = dict[Path, tuple[int, int]]
"""Time of change and size of each file."""


@dataclass(slots=True, kw_only=True)
class Reloading:
    """One `flowctl run --reload`."""

    app_file: Path
    first: list[str]
    """What serves the app at first; its file is added."""
    again: list[str]
    """What serves it after a change, where it was: `--fresh` and `--open` are for once; `--address` is added."""
    data_dir: Path
    _address: tuple[str, ...] = ()
    _signal: int = 0

    def run(self) -> int:
        """Serves until the app ends by itself or is told to; returns its exit code.

        Raises:
            FlowrpcError: There is no such app file.
        """
        check_app_file(self.app_file)
        seen, is_new = python_files(self.app_file.parent), False
        with self._signals_noted():
            serving = self._spawn(self.first)
            while not self._signal:
                code = _exit_code(serving, LOOK_SECONDS)
                if code is not None and not (code and is_new):
                    return code
                now = python_files(self.app_file.parent)
                if now == seen:
                    if code is not None:
                        time.sleep(LOOK_SECONDS)  # it did not start: the next change may help
                    continue
                _tell(f"{_changed(seen, now)} changed")
                seen = now
                if self._is_usable():
                    self._note_address()
                    self._stop(serving)
                    serving, is_new = self._spawn([*self.again, *self._address]), True
            return self._stop(serving)

    def _spawn(self, command: list[str]) -> subprocess.Popen[bytes]:
        # Not in the group of the terminal: Ctrl-C must not reach it twice.
        whose = f"--parent={os.getpid()}"
        return subprocess.Popen([*command, whose, "--", str(self.app_file)], process_group=0)

    def _note_address(self) -> None:
        """Notes where it is served; who stops in order leaves no note of that."""
        holder = lock_holder(self.data_dir)
        if holder is not None and holder.address:
            self._address = (f"--address={holder.address}",)

    def _is_usable(self) -> bool:
        """Tells whether what the files say now can be loaded; says what is wrong if not."""
        command = [sys.executable, "-P", "-c", _CHECK, str(self.app_file)]
        try:
            checked = subprocess.run(command, timeout=CHECK_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            _tell(f"it is not loaded within {CHECK_SECONDS:g} s; the app goes on as it was")
            return False
        if checked.returncode:
            _tell("the app goes on as it was")
        return checked.returncode == 0

    def _stop(self, serving: subprocess.Popen[bytes]) -> int:
        if serving.poll() is None:
            serving.send_signal(self._signal or signal.SIGTERM)
        code = _exit_code(serving, STOP_SECONDS)
        if code is None:
            serving.kill()
            code = serving.wait()
        return code

    @contextmanager
    def _signals_noted(self) -> Iterator[None]:
        def note(number: int, frame: FrameType | None) -> None:
            self._signal = number

        before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def python_files(folder: Path) -> Seen:
    """Looks at the Python files in a folder and below it, but for what is hidden or installed there."""
    seen: Seen = {}
    for place, folders, files in os.walk(folder):
        folders[:] = [
            one
            for one in folders
            if not one.startswith(".")
            and one not in _LEFT_OUT
            and not (Path(place, one, "pyvenv.cfg")).exists()
        ]
        for path in (Path(place, name) for name in files if name.endswith(".py")):
            try:
                found = path.stat()
            except OSError:
                continue  # gone meanwhile
            seen[path] = (found.st_mtime_ns, found.st_size)
    return seen


def check(app_file: str) -> None:
    """Loads an app in a process that does nothing else; leaves with a message if that fails."""
    from flowrpc.component.app_file import load_app
    from flowrpc.errors import FlowrpcError
    from flowrpc.flow_service.catalogue import Catalogue

    try:
        Catalogue(load_app(Path(app_file)).root)
    except FlowrpcError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)


def _exit_code(process: subprocess.Popen[bytes], seconds: float) -> int | None:
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        return None


def _changed(before: Seen, after: Seen) -> str:
    changed = sorted(
        path.name for path in before.keys() | after.keys() if before.get(path) != after.get(path)
    )
    return changed[0] if len(changed) == 1 else f"{changed[0]} and {len(changed) - 1} more"


def _tell(text: str) -> None:
    click.echo(f"reload: {text}", err=True)
