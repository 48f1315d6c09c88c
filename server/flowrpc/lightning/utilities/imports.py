"""Dependencies that not everybody has."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

__all__ = ["requires"]

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


def requires(
    module_paths: str | list[str],
) -> Callable[[Callable[_Arguments, _Result]], Callable[_Arguments, _Result]]:
    """Makes a function raise ModuleNotFoundError, which names what is missing, where a module is not installed."""
    paths = [module_paths] if isinstance(module_paths, str) else module_paths

    def decorate(function: Callable[_Arguments, _Result]) -> Callable[_Arguments, _Result]:
        @wraps(function)
        def call(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Result:
            missing = [path for path in paths if not _is_installed(path)]
            if missing:
                raise ModuleNotFoundError(
                    f"{function.__qualname__} needs {', '.join(missing)}; install it first"
                )
            return function(*args, **kwargs)

        return call

    return decorate


def _is_installed(path: str) -> bool:
    try:
        return importlib.util.find_spec(path) is not None
    except ModuleNotFoundError:  # a package above it
        return False
