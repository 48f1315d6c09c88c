"""Shows the census at work: starts the app, drives it with flowctl, stops it and looks what is left of it.

Usage: demo.py [FOLDER]; what it writes goes to the folder, by default .cache/demo in the checkout.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from flowrpc import FlowrpcError
from flowrpc_client import FlowClient, StateReplica

CHECKOUT = Path(__file__).resolve().parents[2]
APP = Path(__file__).resolve().with_name("app.py").relative_to(CHECKOUT)
FOLDER = Path(sys.argv[1] if len(sys.argv) > 1 else ".cache/demo")
DATA = FOLDER / "code_census"
FLOWCTL = str(Path(sys.executable).with_name("flowctl"))
# A run directory of its own: the demo meets no other app, and writes nothing elsewhere.
ENVIRONMENT = os.environ | {"FLOWRPC_RUN_DIR": str(CHECKOUT / FOLDER / "run")}

COUNT_SECONDS = 120
STOP_SECONDS = 20

TERMINAL = sys.stdout.isatty()
WIDTH = min(100, shutil.get_terminal_size((100, 24)).columns)
BAR = 30


def main() -> int:
    """Runs the demo; returns 0 if everything was as it should be."""
    began = time.monotonic()
    print("A census of Python's standard library: a flow shares it out, four works count.")
    with app_running() as app:
        flowctl("commands")
        follow_progress()
        flowctl("works")
        flowctl("call", "top", "--args", "n=10", "--args", "by=lines")
        flowctl("call", "top", "--args", "n=3", "--args", "by=longest")
        flowctl("state", "root")
        started = {process_of(app.pid), *descendants(app.pid)}
        flowctl("stop")
        code = app.wait(STOP_SECONDS)
    left = started & running_processes().keys()
    print(f"\nThe app ended with exit code {code}. It had {len(started)} processes; {len(left)} are left.")
    print(f"Its state is kept in {DATA}. This took {time.monotonic() - began:.0f} s.")
    return 1 if code or left else 0


@contextmanager
def app_running() -> Iterator[subprocess.Popen[str]]:
    """Starts the app and waits until it says that it is served; ends it, whatever happens."""
    arguments = ["run", str(APP), "--data-dir", str(DATA), "--fresh"]
    show_prompt(*arguments, "&")
    app = subprocess.Popen(
        [FLOWCTL, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        cwd=CHECKOUT,
        env=ENVIRONMENT,
        start_new_session=True,  # Ctrl-C reaches the demo alone, which then ends the app in order
    )
    assert app.stdout is not None, "it is a pipe"
    with app.stdout:
        try:
            ready = app.stdout.readline()
            if not ready:
                raise ChildProcessError(f"the app did not start, exit code {app.wait(STOP_SECONDS)}")
            show(ready)
            yield app
        finally:
            if app.poll() is None:
                app.terminate()
                app.wait(STOP_SECONDS)


def flowctl(*arguments: str) -> None:
    """Runs flowctl as the reader could, and shows what it prints."""
    show_prompt(*arguments)
    command = [FLOWCTL, *arguments]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT, env=ENVIRONMENT, check=True
    )
    show(done.stdout)


def follow_progress() -> None:
    """Draws what a replica of the flow's state tells, revision by revision, until the census is done."""
    print("\nProgress, as FlowClient.replica() follows the flow's state:", flush=True)
    shown = -1

    def finished(replica: StateReplica) -> bool:
        nonlocal shown
        census = replica.state()["vars"]
        tenth = 10 * census["counted"] // max(1, census["files"])
        if TERMINAL or tenth > shown:
            show_progress(census["counted"], census["files"])
        shown = tenth
        return bool(census["finished_scan"] == 1)

    with FlowClient(data_dir=CHECKOUT / DATA) as client, client.replica() as replica:
        replica.wait_for(finished, timeout=COUNT_SECONDS)
    print(end="\n" if TERMINAL else "")


# What the reader sees


def show_prompt(*arguments: str) -> None:
    """Shows a command as a user would type it."""
    prompt = "\033[1;32m$\033[0m" if TERMINAL else "$"
    print(f"\n{prompt} flowctl {' '.join(arguments)}", flush=True)


def show(output: str) -> None:
    """Shows what a command printed; the ends of long lines are left out."""
    for line in output.splitlines():
        print(line if len(line) <= WIDTH else line[: WIDTH - 3] + "...", flush=True)


def show_progress(done: int, total: int) -> None:
    """Draws a bar: on a terminal always in the same line, in a pipe each in its own."""
    filled = BAR * done // max(1, total)
    line = f"[{'#' * filled}{'.' * (BAR - filled)}] {done:5} of {total} files"
    print(f"\r{line}" if TERMINAL else line, end="" if TERMINAL else "\n", flush=True)


# What is left, as /proc of Linux tells


class Process(NamedTuple):
    """A process; when it was started tells it from a later one with the same id."""

    pid: int
    start: str


def running_processes() -> dict[Process, int]:
    """Returns every process with the id of its parent, except those that have ended."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            # What follows the name, which is in parentheses: state, parent, and as the 20th the start.
            facts = path.read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            continue  # it ended just now
        if facts[0] not in "ZX":
            found[Process(int(path.parent.name), facts[19])] = int(facts[1])
    return found


def process_of(pid: int) -> Process:
    """Returns the running process with this id."""
    return next(process for process in running_processes() if process.pid == pid)


def descendants(pid: int) -> set[Process]:
    """Returns the children of a process, their children, and so on."""
    children = {process for process, parent in running_processes().items() if parent == pid}
    return children.union(*(descendants(child.pid) for child in children))


if __name__ == "__main__":
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)  # they end the demo as Ctrl-C does
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("\nInterrupted; the app was stopped.", file=sys.stderr)
        sys.exit(130)
    except (FlowrpcError, OSError, subprocess.SubprocessError) as error:
        sys.exit(f"The demo failed: {error}")
