"""A client's program that lives through the end of its app, and meets it at another address."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.clients.ports import free_port
from tests.end_to_end.conftest import RunningApp


def said_through_a_kill(
    command: Sequence[str | Path],
    app: RunningApp,
    *,
    cwd: Path,
    env: Mapping[str, str],
    stderr: int | None = None,
) -> str:
    """Runs a program that says `kill it`, kills the app then and starts it again elsewhere; returns what was said.

    Args:
        command: The program; it reads a line when the app was killed.
        app: The app, which serves.
        cwd: Where the program runs.
        env: Its environment.
        stderr: Where its standard error goes, as for `subprocess`.
    """
    address = app.address
    with subprocess.Popen(
        command, cwd=cwd, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, text=True
    ) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        try:
            said = ""
            while "kill it" not in said:
                line = program.stdout.readline()
                assert line, said
                said += line
            app.kill()
            program.stdin.write("it is killed\n")
            program.stdin.flush()
            app.start("--address", f"127.0.0.1:{free_port()}")
            said += program.stdout.read()
        finally:
            program.kill()
    assert app.address != address
    return said
