"""Executing a work in a process of its own, with the runner that serves real apps."""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from flowrpc.protocol.messages import (
    CancelAttempt,
    Finished,
    FlowMessage,
    LogBatch,
    RunnerRequest,
    RunnerResponse,
    Serving,
    WorkDelta,
)
from flowrpc.state.records import Failure, FailureReason
from flowrpc.testing.child_app import app_text
from flowrpc.testing.errors import SimulationError
from flowrpc.testing.simulated_agent import CANCELLED, HeldRun
from flowrpc.wire.attach import runner_request_bytes, runner_response_from_bytes
from flowrpc.work_service.failures import process_failure
from flowrpc.work_service.framing import FrameBuffer, pack

if TYPE_CHECKING:
    from flowrpc.testing.root_source import RootSource
    from flowrpc.testing.simulated_app import SimulatedApp

_RECEIVE_BYTES = 256 * 1024
_FOREVER = float("inf")
_FATAL = (FailureReason.EXITED, FailureReason.NOT_BUILT)


class ChildRunner:
    """Speaks with the runner of one work as its agent would; attempts are executed one after the other.

    What user code prints goes where this process prints; what it logs is logged here.

    Args:
        app: The app.
        source: What builds it.
        work: Full name of the work.
        timeout: How many seconds an attempt may take; the process is killed then, and the test fails.

    Raises:
        SimulationError: The process could not build the app.
    """

    def __init__(self, app: SimulatedApp, source: RootSource, work: str, *, timeout: float) -> None:
        self._app = app
        self._work = work
        self._timeout = timeout
        self._text = app_text(source, app.root)
        self._folder = tempfile.TemporaryDirectory(prefix="flowrpc-testing-")
        self._process: subprocess.Popen[bytes] | None = None

    def execute(self, held: HeldRun) -> None:
        """Executes an attempt to its end."""
        if self._process is None:
            self._spawn()
        held.tell = self._tell
        self._set_deadlines()
        self._say_start(held)
        try:
            finished = self._follow(held)
        finally:
            held.tell = None
        if finished.failure is not None and finished.failure.reason in _FATAL:
            self._kill()
        self._app.life.agent.say(held, finished)
        self._app.life.say()

    def _set_deadlines(self) -> None:
        now, timeout = time.monotonic(), self._app.works[self._work].work._timeout
        self._gives_up_at = now + self._timeout
        self._times_out_at = now + timeout.total_seconds() if timeout is not None else _FOREVER
        self._cancelled_by: float = _FOREVER

    def close(self) -> None:
        """Kills the process and what it started."""
        self._kill()
        self._folder.cleanup()

    # The process

    def _spawn(self) -> None:
        file = Path(self._folder.name) / "isolated_app.py"
        file.write_text(self._text)
        self._socket, theirs = socket.socketpair()
        self._frames = FrameBuffer()
        self._received: list[bytes] = []
        with theirs:
            self._process = subprocess.Popen(
                self._command(file, theirs.fileno()),
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    def _command(self, file: Path, descriptor: int) -> list[str]:
        return [
            *(sys.executable, "-P", "-m", "flowrpc.work_service.runner"),
            *("--fd", str(descriptor), "--app", str(file), "--work", self._work),
            *("--parent-pid", str(os.getpid())),
        ]

    def _kill(self) -> int:
        """Kills the process with what it started; returns how it ended."""
        process, self._process = self._process, None
        if process is None:
            return 0
        os.killpg(process.pid, signal.SIGKILL)  # until it was waited for, its id cannot be another's
        self._socket.close()
        return process.wait()

    # Frames

    def _say_start(self, held: HeldRun) -> None:
        self._app.life.agent.accept(held)
        self._app.life.say()
        self._send(held.start)

    def _tell(self, message: FlowMessage) -> None:
        if isinstance(message, CancelAttempt):
            self._cancelled_by = time.monotonic() + message.grace.total_seconds()
        if isinstance(message, RunnerRequest):
            self._send(message)

    def _send(self, request: RunnerRequest) -> None:
        try:
            self._socket.settimeout(self._timeout)
            self._socket.sendall(pack(runner_request_bytes(request)))
        except (BrokenPipeError, ConnectionResetError):
            pass  # it is gone, and its exit tells the rest

    def _follow(self, held: HeldRun) -> Finished:
        """Takes what the runner says until the attempt ends."""
        while True:
            try:
                message = self._receive(min(self._gives_up_at, self._times_out_at, self._cancelled_by))
            except TimeoutError:
                failure = self._pass_deadline(held)
                if failure is not None:
                    return self._finished(held, failure)
                continue
            if message is None:
                return self._finished(held, process_failure(self._kill()))
            if isinstance(message, Finished):
                return message
            self._take(held, message)

    def _take(self, held: HeldRun, message: WorkDelta | LogBatch | Serving) -> None:
        if isinstance(message, LogBatch):
            self._log(message)
        elif isinstance(message, Serving):
            self._app.life.agent.serve(message)
            self._app.life.say()
        else:
            self._app.life.agent.say(held, message)
            self._app.life.say()

    @staticmethod
    def _log(message: LogBatch) -> None:
        for record in message.records:
            logging.getLogger(record.logger or __name__).log(record.level, "%s", record.message)

    def _receive(self, deadline: float) -> RunnerResponse | None:
        """Returns the next frame; None if the process has ended.

        Raises:
            TimeoutError: The deadline passed.
        """
        while True:
            while self._received:
                message = runner_response_from_bytes(self._received.pop(0))
                if message is not None:
                    return message
            data = self._wait(deadline)
            if not data:
                return None
            self._received += self._frames.feed(data)

    def _wait(self, deadline: float) -> bytes:
        seconds = deadline - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        self._socket.settimeout(seconds)
        try:
            return self._socket.recv(_RECEIVE_BYTES)
        except ConnectionResetError:
            return b""

    # Ends that the runner does not tell

    def _finished(self, held: HeldRun, failure: Failure) -> Finished:
        run_id, attempt = held.start.run_id, held.start.attempt
        return Finished(run_id=run_id, attempt=attempt, seq=held.seq + 1, failure=failure)

    def _pass_deadline(self, held: HeldRun) -> Failure | None:
        """Does what is due; returns how the attempt ended, if it did by that."""
        now = time.monotonic()
        if now >= self._cancelled_by:
            self._kill()
            return CANCELLED
        if now >= self._gives_up_at:
            self._give_up()
        if now >= self._times_out_at:
            self._times_out_at = _FOREVER
            self._time_out(held)
        return None

    def _time_out(self, held: HeldRun) -> None:
        """Lets the work's timeout pass on the app's clock, too: the flow cancels the attempt."""
        timeout = self._app.works[self._work].work._timeout
        run = next(run for run in self._app.runs(self._work) if run.run_id == held.start.run_id)
        assert timeout is not None, "otherwise it never passes"
        assert run.started_at is not None, "it was accepted"
        self._app.advance_to(max(run.started_at + timeout, self._app.now), settle=False)

    def _give_up(self) -> None:
        self._kill()
        raise SimulationError(
            f"{self._work}.run took longer than {self._timeout:g} s, and its process was killed; "
            "give run_works or run_work_isolated a longer timeout=, or find out what it waits for"
        )
