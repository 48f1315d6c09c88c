"""A runner as its agent sees it: a child process, a socket for frames, two pipes for what it prints."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from flowrpc.protocol.messages import (
    EndRunner,
    Finished,
    LogBatch,
    LogRecord,
    LogSource,
    RunnerRequest,
    Serving,
    StartRun,
)
from flowrpc.state.records import Failure
from flowrpc.wire.attach import packed_response_from_bytes, runner_request_bytes
from flowrpc.work_service.failures import process_failure
from flowrpc.work_service.framing import FrameBuffer, FrameError, pack
from flowrpc.work_service.guard import Guard
from flowrpc.work_service.memory import OomKills
from flowrpc.work_service.outbox import Frame
from flowrpc.work_service.output import Lines
from flowrpc.work_service.runner_files import RunnerFiles

MAX_UNREAD_BYTES = 64 * 1024 * 1024
"""How much may wait for a runner that does not read; one that lets more wait is killed."""

END_SECONDS = 2.0
"""How long user code may take for its leave, before the runner is killed."""

_RECEIVE_BYTES = 256 * 1024


class Listener(Protocol):
    """What hears of a runner."""

    def on_frame(self, work: str, frame: Frame, size_bytes: int) -> None:
        """Takes a frame; `size_bytes` is its length."""

    def on_serving(self, work: str, serving: Serving) -> None:
        """Takes where the work serves."""

    def on_logs(self, work: str, batch: LogBatch) -> None:
        """Takes log records, printed lines among them."""

    def on_exit(self, work: str, failure: Failure) -> None:
        """Takes the end of the process, after everything that it had sent or printed."""


class RunnerProcess:
    """Starts, tells, hears and kills one runner. Lives in the main thread, whose end ends the process too.

    Args:
        work: Full name of the work.
        app_file: The file that holds the app.
        listener: Hears what comes.
        guard: Kills what it started if the agent cannot.
        addresses: The internal and the public address of this host.
        files: Where it has its files; None: it has none.
    """

    def __init__(
        self,
        work: str,
        app_file: Path,
        listener: Listener,
        guard: Guard,
        addresses: tuple[str, str],
        *,
        files: RunnerFiles | None = None,
    ) -> None:
        self._work = work
        self._patience: asyncio.TimerHandle | None = None
        self._listener = listener
        self._guard = guard
        self._loop = asyncio.get_running_loop()
        self._run_id = ""
        self._frames = FrameBuffer()
        self._unsent = bytearray()
        self._killed = False
        self._reading = True
        self._socket, theirs = socket.socketpair()
        self._socket.setblocking(False)
        with theirs:
            self._process = subprocess.Popen(
                [
                    *_command(work, app_file, theirs.fileno(), addresses),
                    *(files.arguments() if files is not None else []),
                ],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        guard.watch(self._process.pid)
        self._oom_kills = OomKills(self._process.pid)
        self._exit = os.pidfd_open(self._process.pid)
        self._outputs = self._open_outputs()
        self._loop.add_reader(self._socket, self._read)
        self._loop.add_reader(self._exit, self._end)

    @property
    def pid(self) -> int:
        """Process id of the runner, and of the group that it leads."""
        return self._process.pid

    def tell(self, request: RunnerRequest) -> None:
        """Sends a request, after those before it."""
        if isinstance(request, StartRun):
            self._run_id = request.run_id
        idle = not self._unsent
        self._unsent += pack(runner_request_bytes(request))
        if idle:
            self._write()
        elif len(self._unsent) > MAX_UNREAD_BYTES:
            self.kill()

    def end(self) -> None:
        """Lets the runner, which executes nothing, end by itself; kills it if that takes too long."""
        self.tell(EndRunner())
        self._patience = self._loop.call_later(END_SECONDS, self.kill)

    def kill(self) -> None:
        """Kills the runner and every process that it started, unless they left its group."""
        self._killed = True
        self._kill_group()

    def pause(self) -> None:
        """Reads no more frames; the runner waits when its socket is full."""
        self._reading = False
        self._loop.remove_reader(self._socket)

    def resume(self) -> None:
        """Reads frames again."""
        if not self._reading:
            self._reading = True
            self._loop.add_reader(self._socket, self._read)

    # Frames

    def _write(self) -> None:
        try:
            sent = self._socket.send(self._unsent)
        except BlockingIOError:
            sent = 0
        except OSError:  # it is gone, and its exit tells the rest
            self._unsent.clear()
            sent = 0
        del self._unsent[:sent]
        if self._unsent:
            self._loop.add_writer(self._socket, self._write)
        else:
            self._loop.remove_writer(self._socket)

    def _read(self) -> None:
        if self._receive() is None:
            self._loop.remove_reader(self._socket)
            self._kill_group()  # it cannot be heard any more

    def _receive(self) -> bool | None:
        """Takes what the socket has; returns whether there was something, None if the other end is closed."""
        try:
            data = self._socket.recv(_RECEIVE_BYTES)
        except BlockingIOError:
            return False
        except OSError:
            return None
        try:
            for payload in self._frames.feed(data):
                self._take(payload)
        except (FrameError, ValueError) as error:
            text = f"killed: what its runner sent is no frame: {error}"
            self._listener.on_logs(self._work, LogBatch(records=(_complaint(self._work, text),)))
            return None
        return True if data else None

    def _take(self, payload: bytes) -> None:
        message = packed_response_from_bytes(payload)
        if isinstance(message, LogBatch):
            self._listener.on_logs(self._work, message)
        elif isinstance(message, Serving):
            self._listener.on_serving(self._work, message)
        elif message is not None:
            if isinstance(message, Finished):
                self._finish_output()  # what the run printed was printed before its end was sent
            self._listener.on_frame(self._work, message, len(payload))

    # Output

    def _open_outputs(self) -> dict[int, Lines]:
        outputs: dict[int, Lines] = {}
        for pipe, source in (
            (self._process.stdout, LogSource.STDOUT),
            (self._process.stderr, LogSource.STDERR),
        ):
            assert pipe is not None, "both outputs are pipes"
            os.set_blocking(pipe.fileno(), False)
            outputs[pipe.fileno()] = Lines(self._work, source)
            self._loop.add_reader(pipe.fileno(), self._read_output, pipe.fileno())
        return outputs

    def _read_output(self, pipe: int) -> bool:
        """Takes what a pipe has; returns whether there may be more."""
        try:
            data = os.read(pipe, _RECEIVE_BYTES)
        except BlockingIOError:
            return False
        if not data:
            self._loop.remove_reader(pipe)
            return False
        self._log(self._outputs[pipe].feed(data, self._run_id))
        return True

    def _finish_output(self) -> None:
        """Takes everything that was printed; what has no line end becomes a record of its own."""
        for pipe, lines in self._outputs.items():
            while self._read_output(pipe):
                pass
            self._log(lines.end(self._run_id))
        self._run_id = ""

    def _log(self, records: list[LogRecord]) -> None:
        if records:
            self._listener.on_logs(self._work, LogBatch(records=tuple(records)))

    # The end

    def _end(self) -> None:
        """Takes the exit: first what it started is killed, then what it said is read to the end."""
        failure = self._failure()
        self._kill_group()
        self._guard.forget(self._process.pid)
        returncode = self._process.wait()
        while self._receive():
            pass
        self._finish_output()
        self._close()
        self._listener.on_exit(self._work, failure(returncode))

    def _failure(self) -> Callable[[int], Failure]:
        hungry = not self._killed and self._oom_kills.rose
        return lambda returncode: process_failure(returncode, out_of_memory=hungry)

    def _kill_group(self) -> None:
        if self._process.returncode is None:  # until it was waited for, its id cannot be another's
            os.killpg(self._process.pid, signal.SIGKILL)

    def _close(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
        for descriptor in (self._socket.fileno(), self._exit, *self._outputs):
            self._loop.remove_reader(descriptor)
        self._loop.remove_writer(self._socket)
        self._socket.close()
        os.close(self._exit)
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()


def _command(work: str, app_file: Path, descriptor: int, addresses: tuple[str, str]) -> list[str]:
    internal_ip, public_ip = addresses
    return [
        *(sys.executable, "-P", "-m", "flowrpc.work_service.runner"),
        *("--fd", str(descriptor), "--app", str(app_file), "--work", work),
        *("--parent-pid", str(os.getpid()), "--internal-ip", internal_ip, "--public-ip", public_ip),
    ]


def _complaint(work: str, text: str) -> LogRecord:
    return Lines(work, LogSource.STDERR).feed(text.encode() + b"\n", "")[0]
