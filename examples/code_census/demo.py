"""Shows the census at work: starts the app, drives it with flowctl, stops it and looks what is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import processes
import terminal
from flowrpc_client import FlowClient, StateReplica

CHECKOUT = Path(__file__).resolve().parents[2]
APP = Path(__file__).resolve().with_name("app.py").relative_to(CHECKOUT)
CACHE = CHECKOUT / ".cache" / "demo"
DATA = CACHE / "code_census"
FLOWCTL = str(Path(sys.executable).with_name("flowctl"))
# A run directory of its own: the demo meets no other app, and nothing is written outside the checkout.
ENVIRONMENT = os.environ | {"FLOWRPC_RUN_DIR": str(CACHE / "run")}

COUNT_SECONDS = 120
STOP_SECONDS = 20


def main() -> int:
    """Runs the demo; returns 0 if everything was as it should be."""
    began = time.monotonic()
    terminal.say("A census of Python's standard library: one flow, four works, five processes and more.")
    with app_running() as app:
        flowctl("commands")
        follow_progress()
        flowctl("works")
        flowctl("call", "top", "--args", "n=10", "--args", "by=lines")
        flowctl("call", "top", "--args", "n=3", "--args", "by=longest")
        flowctl("state", "root")
        started = processes.descendants(app.pid)
        flowctl("stop")
        code = app.wait(STOP_SECONDS)
    left = processes.still_running(started)
    terminal.say(
        f"\nThe app ended with exit code {code}; {len(left)} of its {len(started)} processes are left."
    )
    terminal.say(
        f"Its state is kept in {DATA.relative_to(CHECKOUT)}. Done in {time.monotonic() - began:.0f} s."
    )
    return 0 if code == 0 and not left else 1


@contextmanager
def app_running() -> Iterator[subprocess.Popen[str]]:
    """Starts the app and waits until it says that it is served; ends it, whatever happens."""
    command = ["run", str(APP), "--data-dir", str(DATA.relative_to(CHECKOUT)), "--fresh"]
    terminal.prompt("flowctl", *command, "&")
    app = subprocess.Popen(
        [FLOWCTL, *command],
        stdout=subprocess.PIPE,
        text=True,
        cwd=CHECKOUT,
        env=ENVIRONMENT,
        start_new_session=True,  # Ctrl-C reaches the demo alone, which then ends the app in order
    )
    try:
        assert app.stdout is not None, "it is a pipe"
        ready = app.stdout.readline()
        if not ready:
            raise SystemExit(f"the app did not start: exit code {app.wait(STOP_SECONDS)}")
        terminal.show(ready)
        yield app
    finally:
        end(app)


def end(app: subprocess.Popen[str]) -> None:
    """Ends the app if it still runs."""
    if app.poll() is None:
        app.send_signal(signal.SIGTERM)
        app.wait(STOP_SECONDS)
    if app.stdout is not None:
        app.stdout.close()


def flowctl(*arguments: str) -> None:
    """Runs flowctl as the reader could, and shows what it prints."""
    terminal.prompt("flowctl", *arguments)
    done = subprocess.run(
        [FLOWCTL, *arguments], stdout=subprocess.PIPE, text=True, cwd=CHECKOUT, env=ENVIRONMENT, check=True
    )
    terminal.show(done.stdout)


def follow_progress() -> None:
    """Draws what a replica of the flow's state tells, revision by revision, until the census is done."""
    terminal.say("\nWhat FlowClient.replica() sees of the flow's state, live:")

    def finished(replica: StateReplica) -> bool:
        census = replica.vars()
        terminal.progress(int(str(census["counted"])), int(str(census["files"])), "files")
        return census["finished_scan"] == 1

    with FlowClient(data_dir=DATA) as client, client.replica() as replica:
        replica.wait_for(finished, timeout=COUNT_SECONDS)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("\ninterrupted; the app was stopped", file=sys.stderr)
        sys.exit(130)
