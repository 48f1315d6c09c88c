"""What works that run a Python script have in common: the script, its arguments and its environment."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Any

from flowrpc.component.work import LightningWork
from flowrpc.components.code_archive import fetch_code
from flowrpc.errors import InvalidValueError
from flowrpc.state.extension import Extension

HERE = "."
"""The folder in which a run is executed: the current one stays."""


class ScriptWork(LightningWork):
    """Knows which script to run, and how. Its subclasses run it.

    Args:
        script_path: The script. A relative path begins at the folder of the app's file; where there is no such file, at
            the current folder.
        script_args: What follows the script's name in `sys.argv`: a list, or one text as a shell would split it.
        env: Environment variables that are set while the script runs.
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
        *,
        env: Mapping[str, Any] | None = None,
        code: Mapping[str, Any] | None = None,
        **work_kwargs: Any,
    ) -> None:
        super().__init__(**work_kwargs)
        place = f"{type(self).__name__}()"
        self.script_path = os.fspath(script_path)
        self.script_args = _given_args(script_args, f"{place} script_args")
        self.env = _given_env(env, f"{place} env")
        self.drive, self.code_name = _given_code(code, f"{place} code")
        self.params: dict[str, Any] | None = None
        self.restart_count = 0
        if self.drive is None:
            self._find_script(_folders(HERE))

    def on_before_run(self) -> None:
        """Is called before the script runs, with its environment set. What it adds to `script_args` is passed on."""

    def _begin(self, params: Any, restart_count: int | None) -> None:
        if params is not None and not isinstance(params, dict):
            raise InvalidValueError(f"{self.name}.run() params", f"is a {type(params).__name__}; give a dict")
        self.params = params
        if restart_count is not None:
            self.restart_count = restart_count

    @contextmanager
    def _surroundings(self, code_dir: str) -> Iterator[list[Path]]:
        """Fetches the code, and sets folder and environment for as long as the script runs.

        Yields:
            The folders in which the script is looked for.
        """
        if self.drive is not None:
            fetch_code(self.drive, self.code_name, Path(code_dir))
        folders, before = _folders(code_dir), dict(os.environ)
        with chdir(code_dir):
            try:
                os.environ.update(self.env)
                yield folders
            finally:
                os.environ.clear()
                os.environ.update(before)

    def _find_script(self, folders: list[Path]) -> str:
        """Returns the full path of the script.

        Raises:
            FileNotFoundError: There is none.
        """
        places = dict.fromkeys(folder / self.script_path for folder in folders)
        for place in places:
            if place.is_file():
                return str(place)
        tried = " nor at ".join(str(place) for place in places)
        raise FileNotFoundError(
            f"{type(self).__name__}: the script_path {self.script_path!r} is no file: none is at {tried}"
        )

    def _arguments(self) -> list[str]:
        """Returns what follows the script's name."""
        params = (self.params or {}).items()
        return [*(str(arg) for arg in self.script_args), *(_option(key, value) for key, value in params)]


def _folders(code_dir: str) -> list[Path]:
    app_folder = sys.path[0]  # an app's file is loaded with its folder first on the path
    names = [app_folder, HERE] if code_dir == HERE else [code_dir, app_folder, HERE]
    return [Path(os.path.abspath(name)) for name in names]  # noqa: PTH100  # links stay, `..` goes


def _option(key: str, value: object) -> str:
    return f"{key}={value}" if key.startswith("-") else f"--{key}={value}"


def _given_args(args: Any, place: str) -> list[Any]:
    if isinstance(args, str):
        return shlex.split(args)
    if args is not None and not isinstance(args, list | tuple):
        raise InvalidValueError(place, f"is a {type(args).__name__}; give a list of texts, or one text")
    return [_given_arg(arg, f"{place}[{number}]") for number, arg in enumerate(args or [])]


def _given_arg(arg: Any, place: str) -> Any:
    if isinstance(arg, str | int | float | Extension):  # a Path of the storage stays one
        return arg
    if isinstance(arg, os.PathLike):
        return os.fspath(arg)
    raise InvalidValueError(
        place, f"is a {type(arg).__name__}; an argument of a script is a text or a number"
    )


def _given_env(env: Any, place: str) -> dict[str, str]:
    if env is not None and not isinstance(env, Mapping):
        raise InvalidValueError(place, f"is a {type(env).__name__}; give a dict of texts")
    for key, value in (env or {}).items():
        if not isinstance(key, str) or not key or "=" in key or "\0" in key:
            raise InvalidValueError(place, f"{key!r} is no name of an environment variable")
        if not isinstance(value, str | int | float) or "\0" in str(value):
            raise InvalidValueError(f"{place}[{key!r}]", f"is a {type(value).__name__}; give a text")
    return {key: str(value) for key, value in (env or {}).items()}


def _given_code(code: Any, place: str) -> tuple[Any, str]:
    if code is None:
        return None, ""
    if (
        not isinstance(code, Mapping)
        or code.keys() != {"drive", "name"}
        or not isinstance(code["name"], str)
        or not code["name"]
    ):
        raise InvalidValueError(place, "is no source; give {'drive': a Drive, 'name': its archive}")
    if not callable(getattr(code["drive"], "get", None)) or isinstance(code["drive"], Mapping):
        raise InvalidValueError(f"{place}['drive']", f"is a {type(code['drive']).__name__}; give a Drive")
    return code["drive"], code["name"]
