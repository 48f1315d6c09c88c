"""A runner as its agent sees it: a child process, a socket for frames, two pipes for what it prints."""

from __future__ import annotations

import asyncio
import os
import signal
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
from flowrpc.work_service.child import Child
from flowrpc.work_service.failures import not_started, process_failure
from flowrpc.work_service.framing import FrameBuffer, FrameError, pack
from flowrpc.work_service.guard import Guard
from flowrpc.work_service.launcher import Launch, Launcher
from flowrpc.work_service.memory import OomKills
from flowrpc.work_service.outbox import Frame
from flowrpc.work_service.output import Lines
from flowrpc.work_service.runner_ends import RunnerEnds, open_ends
from flowrpc.work_service.runner_files import RunnerFiles

MAX_UNREAD_BYTES = 128 * 1024 * 1024
"""How much may wait for a runner that does not read: the largest frame and as much again. One that lets more wait is
killed."""

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
        launcher: Starts its process.
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
        launcher: Launcher,
        files: RunnerFiles | None = None,
    ) -> None:
        self._work = work
        self._patience: asyncio.TimerHandle | None = None
        self._listener = listener
        self._guard = guard
        self._launcher = launcher
        self._loop = asyncio.get_running_loop()
        self._run_id = ""
        self._frames = FrameBuffer()
        self._unsent = bytearray()
        self._killed = self._over = False
        self._reading = True
        self._child: Child | None = None
        self._ends: RunnerEnds | None = None
        self._outputs: dict[int, Lines] = {}
        arguments = [
            *_arguments(work, app_file, addresses),
            *(files.arguments() if files is not None else []),
        ]
        self._launch = Launch(arguments, self._begin, self._fail, self._open_ends)

    def launch(self) -> None:
        """Has the process started."""
        self._launcher.launch(self._launch)

    def _open_ends(self) -> tuple[int, int, int]:
        """Opens what leads to the process, anew if an earlier try to start it came to nothing."""
        ends, self._ends = self._ends, None
        if ends is not None:
            ends.close()
        self._ends, theirs = open_ends()
        return theirs

    def _begin(self, child: Child) -> None:
        """Takes the process, and tells it what waits for it."""
        assert self._ends is not None, "they were opened for it"
        self._child, self._socket = child, self._ends.socket
        self._guard.watch(child.pid)
        self._oom_kills = OomKills(child.pid)
        try:
            self._exit = os.pidfd_open(child.pid)
        except OSError as error:  # too many are open; it was told nothing yet
            self._abandon(child, error)
            return
        for pipe, source in ((self._ends.stdout, LogSource.STDOUT), (self._ends.stderr, LogSource.STDERR)):
            self._outputs[pipe] = Lines(self._work, source)
            self._loop.add_reader(pipe, self._read_output, pipe)
        if self._reading:
            self._loop.add_reader(self._socket, self._read)
        self._loop.add_reader(self._exit, self._end)
        if self._unsent:
            self._write()

    def _abandon(self, child: Child, error: OSError) -> None:
        self._kill_group()
        self._guard.forget(child.pid)
        child.wait()
        self._launcher.reap(child)
        self._fail(error)

    def _fail(self, error: OSError) -> None:
        """Takes that there will be no process."""
        self._give_up(not_started(f"{self._work}: its process could not be started: {error}"))

    def _give_up(self, failure: Failure) -> None:
        """Tells the end of a process that there was none of, or that was told nothing and is not waited for."""
        if self._over:
            return
        self._over = True
        self._launcher.take_back(self._launch)
        if self._patience is not None:
            self._patience.cancel()
        if self._ends is not None:
            self._ends.close()
        self._loop.call_soon(self._listener.on_exit, self._work, failure)

    def tell(self, request: RunnerRequest) -> None:
        """Sends a request, after those before it; one that is killed is told nothing more."""
        if self._over or self._killed:
            return
        if isinstance(request, StartRun):
            self._run_id = request.run_id
        idle = not self._unsent
        self._unsent += pack(runner_request_bytes(request))
        if idle and self._child is not None:
            self._write()
        elif len(self._unsent) > MAX_UNREAD_BYTES:
            self._complain(
                f"killed: more than {MAX_UNREAD_BYTES:,} bytes wait for its runner, which does not read"
            )
            self.kill()

    def end(self) -> None:
        """Lets the runner, which executes nothing, end by itself; kills it if that takes too long."""
        self.tell(EndRunner())
        self._patience = self._loop.call_later(END_SECONDS, self.kill)

    def kill(self) -> None:
        """Kills the runner and every process that it started, unless they left its group."""
        self._killed = True
        if self._child is None:  # if there is one, it finds its socket closed, and ends
            self._give_up(process_failure(-signal.SIGKILL))
        self._kill_group()

    def pause(self) -> None:
        """Reads no more frames; the runner waits when its socket is full."""
        self._reading = False
        if self._child is not None:
            self._loop.remove_reader(self._socket)

    def resume(self) -> None:
        """Reads frames again."""
        if not self._reading:
            self._reading = True
            if self._child is not None:
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
            self._complain(f"killed: what its runner sent is no frame: {error}")
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

    def _complain(self, text: str) -> None:
        """Says why it is killed where people look: its end says no more than that it was."""
        self._log(Lines(self._work, LogSource.STDERR).feed(text.encode() + b"\n", self._run_id))

    # The end

    def _end(self) -> None:
        """Takes the exit: first what it started is killed, then what it said is read to the end."""
        assert self._child is not None, "it has begun"
        failure = self._failure()
        self._kill_group()
        self._guard.forget(self._child.pid)
        returncode = self._child.wait()
        while self._receive():
            pass
        self._finish_output()
        self._close()
        self._launcher.reap(self._child)
        self._listener.on_exit(self._work, failure(returncode))

    def _failure(self) -> Callable[[int], Failure]:
        hungry = not self._killed and self._oom_kills.rose
        return lambda returncode: process_failure(returncode, out_of_memory=hungry)

    def _kill_group(self) -> None:
        child = self._child
        if (
            child is not None and child.returncode is None
        ):  # until it was waited for, its id cannot be another's
            os.killpg(child.pid, signal.SIGKILL)

    def _close(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
        for descriptor in (self._socket.fileno(), self._exit, *self._outputs):
            self._loop.remove_reader(descriptor)
        self._loop.remove_writer(self._socket)
        os.close(self._exit)
        if self._ends is not None:
            self._ends.close()


def _arguments(work: str, app_file: Path, addresses: tuple[str, str]) -> list[str]:
    internal_ip, public_ip = addresses
    return [
        *("--app", str(app_file), "--work", work, "--parent-pid", str(os.getpid())),
        *("--internal-ip", internal_ip, "--public-ip", public_ip),
    ]
