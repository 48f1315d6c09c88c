"""PopenPythonScript: a work that runs a Python script in a process of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from flowrpc.components.exits import process_error
from flowrpc.components.script_process import ScriptProcess
from flowrpc.components.script_work import HERE, ScriptWork


class PopenPythonScript(ScriptWork):
    """Runs a Python script in a process that the work starts, with the interpreter that executes the work.

    What it prints goes to the work's log line by line. When the run is cancelled, or its process ends in whatever way,
    nothing of what the script started is left in its process group.

    Args:
        script_path: The script. A relative path begins at the folder of the app's file; where there is no such file, at
            the current folder.
        script_args: What follows the script's name in `sys.argv`: a list, or one text as a shell would split it.
        env: Environment variables that are set while the script runs, beside those of the work.
        code: Where the script comes from, if it is not here yet: `{"drive": …, "name": "code.tar.gz"}`, an archive in
            a drive. It is unpacked into the `code_dir` of each run.
        work_kwargs: What a `LightningWork` takes.

    Raises:
        FileNotFoundError: There is no such script.
        InvalidValueError: An argument is no value.
    """

    def __init__(
        self,
        script_path: str | os.PathLike[str],
        script_args: str | Sequence[Any] | None = None,
        env: Mapping[str, Any] | None = None,
        code: Mapping[str, Any] | None = None,
        **work_kwargs: Any,
    ) -> None:
        super().__init__(script_path, script_args, env=env, code=code, **work_kwargs)
        self.pid: int | None = None
        """Process id of the script while it runs, and of no other time."""
        self.exit_code: int | None = None
        """How the newest script ended: its exit code, or the negative number of the signal that ended it."""

    def on_after_run(self) -> None:
        """Is called when the script has ended with exit code 0."""

    def run(
        self,
        params: dict[str, Any] | None = None,
        restart_count: int | None = None,
        code_dir: str = HERE,
    ) -> None:
        """Runs the script.

        Args:
            params: Arguments beside `script_args`: `{"rate": 0.1}` becomes `--rate=0.1`. A key that begins with `-` is
                taken as it is.
            restart_count: A number that makes a call another one, so that it is not answered by an earlier run.
            code_dir: The folder in which the script runs.

        Raises:
            ScriptError: It ended with another exit code than 0, or by a signal.
        """
        self._begin(params, restart_count)
        with self._surroundings(code_dir) as folders:
            self.on_before_run()
            self._run_process(self._find_script(folders))
        self.on_after_run()

    def _run_process(self, script: str) -> None:
        self.exit_code = None
        process = ScriptProcess([sys.executable, "-u", script, *self._arguments()])
        try:
            self.pid = process.pid
            self.exit_code = process.wait()
        finally:
            if self.exit_code is None:
                self.exit_code = process.end()
            self.pid = None
        if error := process_error(script, self.exit_code, process.last_lines):
            raise error
