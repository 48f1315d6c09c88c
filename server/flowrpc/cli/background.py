"""`flowctl run --detach` and `--wait`: an app in the background, and the wait for its start."""

from __future__ import annotations

import os
import selectors
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import NamedTuple

import click

from flowrpc.cli.telling import Listener, Told
from flowrpc.component.app_file import check_app_file
from flowrpc.errors import StartError
from flowrpc.protocol.run_directory import entry_in
from flowrpc.store import prepare

LOG_NAME = "app.log"
"""The file in the data directory that holds what the app writes to its standard output and error."""
LOG_BYTES = 16 * 1024 * 1024
"""A log that is larger when the app starts is moved to `app.log.1`."""
LAST_LINES = 30
"""How much of the log is shown of an app that ended, …"""
LAST_BYTES = 64 * 1024
"""… but not more than this."""

NOT_READY = 124
"""Exit code when the app is not ready in time; it still runs. As `timeout` reports it."""
INTERRUPTED = 130
"""Exit code when Ctrl-C ends the wait; the app still runs."""

_LOOK_SECONDS = 0.2
"""How soon Ctrl-C is noticed, and an end of the app that the pipe does not tell: a child of it may hold that open."""


class _Start(NamedTuple):
    """A process that was started, and where it tells and logs."""

    process: subprocess.Popen[bytes]
    told: int
    log_begin: int


@dataclass(slots=True, kw_only=True)
class Background:
    """One `flowctl run` in the background, as the one sees it who waits for its start."""

    app_file: Path
    data_dir: Path
    name: str
    command: list[str]
    """What runs it in the foreground; `--tell-fd` is added."""
    wait: bool
    """Whether to wait until it is ready, rather than served."""
    timeout: float | None
    """How many seconds to wait at most; None: as long as it takes."""
    _served: str = ""
    _unready: tuple[str, ...] = ()
    _interrupted: bool = False

    def start(self) -> int:
        """Starts the app and waits; returns the exit code.

        Raises:
            FlowrpcError: There is no such app file, it runs already, or the data directory cannot be used.
        """
        check_app_file(self.app_file)
        self._check_not_running()
        prepare(self.data_dir)
        with self._interrupts_noted():
            started = self._spawn()
            try:
                done = self._wait_for(started)
            finally:
                os.close(started.told)
        if done:
            return self._tell_done()
        if self._interrupted:
            return self._tell_left(started.process.pid, "Interrupted", INTERRUPTED)
        if started.process.poll() is None:
            return self._tell_left(started.process.pid, f"Error: {self.timeout:g} s are over", NOT_READY)
        return self._tell_ended(started)

    @property
    def log(self) -> Path:
        """Where the app's output is."""
        return self.data_dir / LOG_NAME

    def _check_not_running(self) -> None:
        running = entry_in(self.data_dir)
        if running is not None:
            raise StartError(
                f"{running.name} runs on {self.data_dir} already, at {running.address}; "
                f"stop it with `{self._stop_command()}`, or give another --data-dir"
            )

    @contextmanager
    def _interrupts_noted(self) -> Iterator[None]:
        """Lets Ctrl-C end the wait between two looks, never the start half-way; the app does not get it."""

        def note(number: int, frame: FrameType | None) -> None:
            self._interrupted = True

        before = signal.signal(signal.SIGINT, note)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def _spawn(self) -> _Start:
        reading, writing = os.pipe()
        log = self._open_log()
        try:
            begin = os.fstat(log).st_size
            process = subprocess.Popen(
                [*self.command, "--tell-fd", str(writing), "--", str(self.app_file)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(writing,),
                start_new_session=True,  # it outlives the terminal, and Ctrl-C is not for it
            )
        except OSError as error:
            os.close(reading)
            raise StartError(f"the app cannot be started: {error}") from error
        finally:
            os.close(writing)
            os.close(log)
        return _Start(process, reading, begin)

    def _open_log(self) -> int:
        """Opens the log to append to: another app that was overlooked may write to it."""
        try:
            if self.log.exists() and self.log.stat().st_size > LOG_BYTES:
                self.log.replace(self.log.with_name(f"{LOG_NAME}.1"))
            descriptor = os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            os.write(descriptor, f"--- {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {self.app_file}\n".encode())
        except OSError as error:
            raise StartError(f"{self.log} cannot be written: {error.strerror}") from error
        return descriptor

    def _wait_for(self, started: _Start) -> bool:
        """Waits; False if the time is over, the user does not want to, or the app has ended."""
        end = None if self.timeout is None else time.monotonic() + self.timeout
        listener = Listener()
        with selectors.DefaultSelector() as selector:
            selector.register(started.told, selectors.EVENT_READ)
            while not self._interrupted:
                left = _LOOK_SECONDS if end is None else min(end - time.monotonic(), _LOOK_SECONDS)
                ended = started.process.poll() is not None
                if selector.get_map() and selector.select(0 if ended else max(left, 0)):
                    data = os.read(started.told, 65536)
                    if any(map(self._hear, listener.feed(data))):
                        return True
                    if not data:
                        selector.unregister(started.told)
                elif ended or left <= 0:
                    return False
                elif not selector.get_map():
                    _await_exit(started.process, left)
        return False

    def _hear(self, told: Told) -> bool:
        """Takes what the app tells; True if that is what was waited for."""
        if told.served:
            self._served = told.served
            click.echo(told.served)
            return not self.wait
        self._unready = told.unready
        return not told.unready

    def _tell_done(self) -> int:
        if self.wait:
            click.echo(f"{self.name} is ready")
        self._tell_how(f"stop it:    {self._stop_command()}")
        return 0

    def _tell_left(self, pid: int, why: str, code: int) -> int:
        """Tells that the app goes on though nobody waits any more."""
        if self._served:
            unready = ", ".join(self._unready) or "root"
            state, stop = f"runs but is not ready, because {unready} is not", self._stop_command()
        else:
            state, stop = "is not served yet, but starting", f"kill {pid}"
        click.echo(f"{why}: {self.name} {state}; it goes on", err=True)
        self._tell_how(f"stop it:    {stop}")
        return code

    def _tell_how(self, stop: str) -> None:
        click.echo(f"its output: tail -f {shlex.quote(str(self.log))}", err=True)
        click.echo(stop, err=True)

    def _tell_ended(self, started: _Start) -> int:
        code = started.process.wait()
        for line in self._last_lines(started.log_begin):
            click.echo(line, err=True)
        code = code if code >= 0 else 128 - code
        what = "ready" if self.wait else "served"
        click.echo(
            f"{self.name} ended before it was {what}, with exit code {code}; its output is in {self.log}",
            err=True,
        )
        return code

    def _last_lines(self, begin: int) -> list[str]:
        """Reads the end of what was logged since a place in the log."""
        with self.log.open("rb") as file:
            file.seek(max(begin, os.fstat(file.fileno()).st_size - LAST_BYTES))
            return file.read().decode(errors="replace").splitlines()[-LAST_LINES:]

    def _stop_command(self) -> str:
        return f"flowctl --data-dir {shlex.quote(str(self.data_dir))} stop"


def foreground_command(ctx: click.Context, leave_out: frozenset[str]) -> list[str]:
    """Writes the options that a user gave to a command again, to run it in another process.

    Args:
        ctx: The call of the command.
        leave_out: Names of the parameters that the other process is not to get.
    """
    given: list[str] = []
    for parameter in ctx.command.params:
        name = parameter.name or ""
        source = ctx.get_parameter_source(name)
        said = source is click.core.ParameterSource.COMMANDLINE and name in ctx.params
        if said and isinstance(parameter, click.Option) and name not in leave_out:
            given += _option(parameter, ctx.params[name])
    return [sys.executable, "-u", "-P", "-m", "flowrpc_client.flowctl", ctx.info_name or "", *given]


def _option(option: click.Option, value: object) -> list[str]:
    if option.is_flag:
        return [option.opts[0] if value else option.secondary_opts[0]]
    return [f"{option.opts[0]}={one}" for one in (value if isinstance(value, tuple) else (value,))]


def _await_exit(process: subprocess.Popen[bytes], seconds: float) -> None:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return
