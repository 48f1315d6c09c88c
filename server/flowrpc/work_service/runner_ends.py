"""The agent's ends of what leads to one runner: a socket for frames, two pipes for what it prints."""

from __future__ import annotations

import os
import socket
from contextlib import ExitStack
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RunnerEnds:
    """Holds them; none of them blocks."""

    socket: socket.socket
    stdout: int
    stderr: int

    def close(self) -> None:
        """Closes them."""
        self.socket.close()
        os.close(self.stdout)
        os.close(self.stderr)


def open_ends() -> tuple[RunnerEnds, tuple[int, int, int]]:
    """Opens them, and returns the runner's ends, too: the other one of the socket and of both pipes."""
    with ExitStack() as opened:
        ours, theirs = socket.socketpair()
        opened.callback(ours.close)
        opened.callback(theirs.close)
        pipes = []
        for _ in range(2):
            pipe = os.pipe()
            pipes.append(pipe)
            for end in pipe:
                opened.callback(os.close, end)
        opened.pop_all()
    (stdout, their_stdout), (stderr, their_stderr) = pipes
    ours.setblocking(False)
    os.set_blocking(stdout, False)
    os.set_blocking(stderr, False)
    return RunnerEnds(ours, stdout, stderr), (theirs.detach(), their_stdout, their_stderr)
