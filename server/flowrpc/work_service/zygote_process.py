"""A zygote as its agent sees it: a process that is asked for runners."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from flowrpc.work_service.guard import Guard
from flowrpc.work_service.launch_protocol import MAX_PACKET_BYTES, Answer, Order, read_answer, send_order


class ZygoteProcess:
    """Starts, asks, hears and kills one zygote.

    Args:
        app_file: The file that holds the app.
        preload: Whether it imports the app.
        guard: Kills it if the agent cannot.
        on_answer: Hears what it says.
        on_end: Hears that it is gone, after all that it said.

    Raises:
        OSError: The system does not start it.
    """

    def __init__(
        self,
        app_file: Path,
        guard: Guard,
        on_answer: Callable[[Answer], None],
        on_end: Callable[[], None],
        *,
        preload: bool,
    ) -> None:
        self._guard, self._on_answer, self._on_end = guard, on_answer, on_end
        self._loop = asyncio.get_running_loop()
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.setblocking(False)
        with theirs:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-P", "-m", "flowrpc.work_service.zygote"),
                    *("--fd", str(theirs.fileno()), "--app", str(app_file)),
                    *("--parent-pid", str(os.getpid())),
                    *(["--preload"] if preload else []),
                ],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )
        guard.watch(self._process.pid)
        self._exit = os.pidfd_open(self._process.pid)
        self._loop.add_reader(self._socket, self._read)
        self._loop.add_reader(self._exit, self._end)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def ask(self, order: Order, ends: tuple[int, int, int]) -> None:
        """Asks for a runner.

        Raises:
            OSError: It is gone, or has not taken what it was asked for before.
        """
        send_order(self._socket, order, ends)

    def kill(self) -> None:
        """Kills it with its nursery; runners live on."""
        if self._process.returncode is None:
            os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """Kills it, waits until it is gone, and tells nobody."""
        if self._process.returncode is None:
            self.kill()
            self._release()

    def _read(self) -> bool:
        try:
            packet = self._socket.recv(MAX_PACKET_BYTES)
        except BlockingIOError:
            return False
        except OSError:
            packet = b""
        if not packet:
            self._loop.remove_reader(self._socket)
            self.kill()
            return False
        self._on_answer(read_answer(packet))
        return True

    def _end(self) -> None:
        while self._read():
            pass
        self.kill()  # its nursery
        self._release()
        self._on_end()

    def _release(self) -> None:
        self._guard.forget(self._process.pid)
        self._process.wait()
        for descriptor in (self._socket.fileno(), self._exit):
            self._loop.remove_reader(descriptor)
        self._socket.close()
        os.close(self._exit)
