"""Loading the app that a file holds."""

from __future__ import annotations

import importlib.util
import os
import sys
import traceback
from pathlib import Path
from types import ModuleType

from flowrpc.component.app import LightningApp
from flowrpc.errors import AppLoadError

_OUR_FOLDER = str(Path(__file__).parents[1]) + os.sep


def load_app(path: Path) -> LightningApp:
    """Runs an app file as the module of its name and returns the app in it.

    The file's folder comes first on `sys.path`, so that the file imports its neighbours and recipes find it.

    Raises:
        AppLoadError: The file is missing, does not run, or holds no app or several.
    """
    return _only_app(load_module(path), path.resolve())


def load_module(path: Path) -> ModuleType:
    """Runs an app file, or a file beside one, as the module of its name.

    Raises:
        AppLoadError: The file is missing or does not run.
    """
    path = path.resolve()
    check_app_file(path)
    return _execute(path)


def check_app_file(path: Path) -> None:
    """Checks that a file can be an app's, without running it.

    Raises:
        AppLoadError: It is missing or no Python module.
    """
    if not path.is_file():
        raise AppLoadError(f"{path}: no such file; name the Python file that makes the LightningApp")
    if path.suffix != ".py" or not path.stem.isidentifier():
        raise AppLoadError(f"{path}: an app file is a Python module, named like app.py")


def _execute(path: Path) -> ModuleType:
    _check_shadowing(path)
    folder = str(path.parent)
    sys.path[:] = [folder, *(entry for entry in sys.path if entry != folder)]
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None, "a .py file has a spec"
    assert spec.loader is not None, "a .py file has a loader"
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        sys.modules.pop(path.stem, None)
        if isinstance(error, KeyboardInterrupt):
            raise
        raise AppLoadError(_explain(path, error)) from error
    return module


def _check_shadowing(path: Path) -> None:
    loaded = sys.modules.get(path.stem)
    if loaded is not None and getattr(loaded, "__file__", None) != str(path):
        raise AppLoadError(
            f"{path}: a module named {path.stem!r} is in use already; give the app file another name"
        )


def _explain(path: Path, error: BaseException) -> str:
    """Tells what went wrong in the user's file, without our own frames."""
    if isinstance(error, SyntaxError):
        return f"{path}: " + "".join(traceback.format_exception_only(error)).strip()
    told = traceback.TracebackException.from_exception(error)
    _leave_out_our_frames(told)
    return f"{path} does not run:\n{''.join(told.format()).rstrip()}"


def _leave_out_our_frames(told: traceback.TracebackException) -> None:
    told.stack = traceback.StackSummary.from_list([f for f in told.stack if not _is_ours(f.filename)])
    for before in (told.__cause__, told.__context__):
        if before is not None:
            _leave_out_our_frames(before)


def _is_ours(file: str) -> bool:
    return file.startswith((_OUR_FOLDER, "<frozen importlib"))


def _only_app(module: ModuleType, path: Path) -> LightningApp:
    apps = {name: value for name, value in vars(module).items() if isinstance(value, LightningApp)}
    different = {id(app): app for app in apps.values()}
    if not different:
        raise AppLoadError(f"{path}: holds no LightningApp; end it with `app = LightningApp(YourRootFlow())`")
    if len(different) > 1:
        raise AppLoadError(
            f"{path}: holds several apps ({', '.join(sorted(apps))}); keep one LightningApp per file"
        )
    return next(iter(different.values()))
