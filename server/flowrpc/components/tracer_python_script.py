"""TracerPythonScript: a work that runs a Python script in its own process."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from flowrpc.components.script_outputs import check_names, kept_outputs, plain_inputs
from flowrpc.components.script_work import HERE, ScriptWork
from flowrpc.components.tracer import Tracer


class TracerPythonScript(ScriptWork):
    """Runs a Python script as `__main__` in the work's process, so that the work can look into it and change it.

    Args:
        script_path: The script. A relative path begins at the folder of the app's file; where there is no such file, at
            the current folder.
        script_args: What follows the script's name in `sys.argv`: a list, or one text as a shell would split it.
        outputs: Globals of the script that become vars of the work under the same names, when it has ended.
        env: Environment variables that are set while the script runs.
        code: Where the script comes from, if it is not here yet: `{"drive": …, "name": "code.tar.gz"}`, an archive in
            a drive. It is unpacked into the `code_dir` of each run.
        work_kwargs: What a `LightningWork` takes.

    Raises:
        FileNotFoundError: There is no such script.
        InvalidValueError: An argument is no value, or an output is no name for a var.
    """

    def __init__(
        self,
        script_path: str | os.PathLike[str],
        script_args: str | Sequence[Any] | None = None,
        outputs: Sequence[str] | None = None,
        env: Mapping[str, Any] | None = None,
        code: Mapping[str, Any] | None = None,
        **work_kwargs: Any,
    ) -> None:
        super().__init__(script_path, script_args, env=env, code=code, **work_kwargs)
        self.outputs = check_names(outputs, self, f"{type(self).__name__}() outputs")
        for name in self.outputs:
            setattr(self, name, None)

    def configure_tracer(self) -> Tracer:
        """Returns what runs the script; override it to trace calls of methods that the script makes."""
        return Tracer()

    def on_after_run(self, res: dict[str, Any]) -> None:
        """Is called when the script has ended well. Keeps the outputs: an override calls this one, or they stay None.

        Args:
            res: The globals of the script, and `tracer_res`: the newest traced calls.

        Raises:
            InvalidValueError: An output is missing, or can be neither a value nor kept in the storage.
        """
        for name, value in kept_outputs(self.outputs, res, self.name).items():
            setattr(self, name, value)

    def run(
        self,
        params: dict[str, Any] | None = None,
        restart_count: int | None = None,
        code_dir: str = HERE,
        **kwargs: Any,
    ) -> None:
        """Runs the script.

        Args:
            params: Arguments beside `script_args`: `{"rate": 0.1}` becomes `--rate=0.1`. A key that begins with `-` is
                taken as it is.
            restart_count: A number that makes a call another one, so that it is not answered by an earlier run.
            code_dir: The folder in which the script runs.
            kwargs: Globals that the script begins with. A payload comes as the object that is in it.
        """
        self._begin(params, restart_count)
        with self._surroundings(code_dir) as folders:
            self.on_before_run()
            tracer = self.configure_tracer()
            begin = plain_inputs(kwargs)
            res = tracer.trace(self._find_script(folders), *self._arguments(), init_globals=begin)
            res["tracer_res"] = tracer.calls
        self.on_after_run(res)
