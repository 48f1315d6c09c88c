"""A whole app as `flowctl run` serves it, in processes of its own that do not outlive the test."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from flowrpc.testing.errors import SimulationError
from flowrpc.testing.leftovers import end_all

if TYPE_CHECKING:
    from flowrpc_client import FlowClient, StateReplica

_READY = re.compile(r".+ is served at \S+, revision \d+")
_TOLD_LINES = 30
_END_SECONDS = 10.0
_LEFT_SECONDS = 2.0

Until = Callable[["StateReplica"], bool]
"""Tells whether the state of an app is as a test wants it."""


@contextmanager
def run_app(
    app_file: str | Path,
    *options: str,
    until: Until | None = None,
    timeout: float = 30.0,
    env: Mapping[str, str] | None = None,
) -> Iterator[AppProcess]:
    """Serves an app file in processes of its own, and ends them all when the `with` statement ends.

    State, tokens and the entry that clients find are in a temporary directory; nothing meets other apps of the user. If
    the body raises, the last lines of the app's log are added to the error. It dies with the thread that starts it.

    Args:
        app_file: The file that holds the app.
        options: More options for `flowctl run`.
        until: What to wait for before the body begins; by default until the app is served.
        timeout: How many seconds to wait at most, whenever something is waited for.
        env: Environment variables to set besides those of this process.

    Raises:
        SimulationError: The app ended before it was served, or was not in time.
        TimeoutError: What `until` waits for did not come.
    """
    with tempfile.TemporaryDirectory(prefix="flowrpc-app-") as folder:
        app = AppProcess(Path(app_file), options, Path(folder), timeout, env or {})
        try:
            app.start()
            if until is not None:
                app.wait_for(until)
            yield app
        except BaseException as error:
            error.add_note(app.tell())
            raise
        finally:
            app.close()


class AppProcess:
    """A served app; `run_app` makes it."""

    _flowctl = "flowrpc.testing.served"
    """The module that is flowctl in a process that dies with this one: it takes our process id and the arguments."""

    def __init__(
        self, app_file: Path, options: tuple[str, ...], folder: Path, timeout: float, env: Mapping[str, str]
    ) -> None:
        self.data_dir = folder / "data"
        """Where its state is."""
        self.lines: list[str] = []
        """What it printed and logged, over all its starts."""
        self._app_file = app_file
        self._options = options
        self._run_dir = folder / "run"
        self._timeout = timeout
        self._env = env
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self._heard = threading.Condition()
        self._output_ended = False
        self._client: FlowClient | None = None

    @property
    def client(self) -> FlowClient:
        """A client of the app; it stays good when the app is started again."""
        if self._client is None:
            from flowrpc_client import FlowClient

            self._client = FlowClient(data_dir=self.data_dir)
        return self._client

    @property
    def pid(self) -> int:
        """The process of the flow service."""
        return self._started().pid

    @property
    def exit_code(self) -> int | None:
        """The exit code of `flowctl run`, negative for a signal; None while it runs."""
        return self._started().poll()

    # Waiting

    def wait_for(self, until: Until, timeout: float | None = None) -> None:
        """Waits until the state of the app is as wanted.

        Raises:
            TimeoutError: It was not in time.
            NotReachableError: The app ended before.
        """
        with self.client.replica() as replica:
            replica.wait_for(until, self._timeout if timeout is None else timeout)

    def wait_for_line(self, pattern: str, timeout: float | None = None) -> str:
        """Waits for a line of the log that a pattern is found in, and returns it; earlier lines count.

        Raises:
            TimeoutError: There was none in time.
            SimulationError: The app ended without one.
        """
        found = self._find_line(re.compile(pattern).search, timeout)
        if found is None:
            raise SimulationError(
                f"the app ended with exit code {self.wait()} without a line like {pattern!r}"
            )
        return found

    def wait(self, timeout: float | None = None) -> int:
        """Waits until the app has ended by itself; returns its exit code.

        Raises:
            TimeoutError: It goes on.
        """
        seconds = self._timeout if timeout is None else timeout
        try:
            code = self._started().wait(seconds)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"the app has not ended within {seconds:g} s") from None
        assert self._reader is not None, "it was started"
        self._reader.join(seconds)  # an agent that is left holds the pipe; what it prints comes later
        return code

    # Lives

    def start(self) -> None:
        """Starts it, on the state that is there; returns when it is served.

        Raises:
            SimulationError: It runs already, ended at once, or was not served in time.
        """
        if self._process is not None and self._process.poll() is None:
            raise SimulationError("the app runs already; kill() or stop() it first, or restart() it")
        begin = len(self.lines)
        self._spawn()
        try:
            ready = self._find_line(_READY.fullmatch, None, begin)
        except TimeoutError:
            raise SimulationError(f"the app was not served within {self._timeout:g} s") from None
        if ready is None:
            raise SimulationError(f"the app ended with exit code {self.wait()} before it was served")

    def kill(self) -> int:
        """Kills the flow service where it stands, and with it all its processes; returns the exit code."""
        self._started().kill()
        code = self._started().wait()
        end_all(self._run_dir, _LEFT_SECONDS)
        return code

    def stop(self) -> int:
        """Ends it in order; returns the exit code."""
        self._started().send_signal(signal.SIGTERM)
        return self.wait()

    def restart(self) -> None:
        """Ends it in order and starts it again."""
        if self.exit_code is None:
            self.stop()
        self.start()

    def close(self) -> None:
        """Ends what is left of it."""
        if self._client is not None:
            self._client.close()
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        end_all(self._run_dir, _LEFT_SECONDS)
        self._join()

    def tell(self) -> str:
        """Returns the newest lines of the log, for people."""
        lines = self.lines[-_TOLD_LINES:]
        return "\n  ".join([f"the log of {self._app_file}:", *lines]) if lines else "the app printed nothing"

    # Inside

    def _started(self) -> subprocess.Popen[str]:
        assert self._process is not None, "run_app starts it"
        return self._process

    def _spawn(self) -> None:
        self._join()
        arguments = ["run", str(self._app_file), "--data-dir", str(self.data_dir), *self._options]
        self._output_ended = False
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", self._flowctl, str(os.getpid()), *arguments],
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._reader = threading.Thread(
            target=self._read, args=[self._process], name="flowrpc-app-log", daemon=True
        )
        self._reader.start()

    def _environment(self) -> dict[str, str]:
        kept = {
            key: value
            for key, value in os.environ.items()
            if key not in ("FLOWCTL_ADDRESS", "FLOWCTL_TOKEN_FILE")
        }
        own = {"FLOWRPC_RUN_DIR": str(self._run_dir), "PYTHONUNBUFFERED": "1"}
        return {**kept, **self._env, **own}

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None, "it is a pipe"
        with process.stdout as output:
            for line in output:
                with self._heard:
                    self.lines.append(line.rstrip("\n"))
                    self._heard.notify_all()
        with self._heard:
            if self._process is process:  # and not an earlier one, whose pipe something held open
                self._output_ended = True
            self._heard.notify_all()

    def _find_line(self, fits: Callable[[str], object], timeout: float | None, begin: int = 0) -> str | None:
        """Waits for a line; None if the output ended before."""
        seconds = self._timeout if timeout is None else timeout

        def found() -> str | None:
            return next((line for line in self.lines[begin:] if fits(line)), None)

        with self._heard:
            in_time = self._heard.wait_for(lambda: found() is not None or self._output_ended, seconds)
            line = found()
        if line is None and not in_time:
            raise TimeoutError(f"no such line within {seconds:g} s")
        return line

    def _join(self) -> None:
        if self._reader is not None:
            self._reader.join(_END_SECONDS)
