"""The page that a process draws: whose it is, and the function that draws it."""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any, Self

from flowrpc.component.app_file import load_module

_VARIABLE = "FLOWRPC_PAGE"
_loading = Lock()
"""Held while a module is imported: several browsers may be the first one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnPage:
    """Says which function draws the page of which flow."""

    flow: str
    module: str
    file: str
    """Where the module is; empty if it is in no file."""
    name: str
    """The function's qualified name."""
    search_path: tuple[str, ...]
    """Where the app looks for modules."""

    @classmethod
    def of(cls, function: Callable[..., object], flow: str) -> Self:
        """Makes it of a function of this process."""
        module = sys.modules[function.__module__]
        return cls(
            flow=flow,
            module=module.__name__,
            file=getattr(module, "__file__", None) or "",
            name=function.__qualname__,
            search_path=tuple(sys.path),
        )

    @classmethod
    def of_this_process(cls) -> Self:
        """Reads it as `environment` wrote it."""
        facts = json.loads(os.environ[_VARIABLE])
        return cls(**{**facts, "search_path": tuple(facts["search_path"])})

    def environment(self) -> Mapping[str, str]:
        """Writes it for the environment of the process that draws it."""
        return {_VARIABLE: json.dumps(asdict(self))}

    def function(self) -> Callable[[Any], object]:
        """Imports the function, once in a process.

        Raises:
            AppLoadError: Its file does not run.
            ImportError: Its module has no such function.
        """
        with _loading:
            return _import(self)


@cache
def _import(page: DrawnPage) -> Callable[[Any], object]:
    sys.path[:] = [*page.search_path, *(entry for entry in sys.path if entry not in page.search_path)]
    found: Any = _module(page)
    for step in page.name.split("."):
        found = getattr(found, step, None)
    if not callable(found):
        raise ImportError(
            f"the page of {page.flow}: {page.module} has no function {page.name}; render_fn has to be found "
            "under the name that it was defined by, at the top of its module"
        )
    return found  # type: ignore[no-any-return]  # what it returns is not looked at


def _module(page: DrawnPage) -> object:
    """Imports the module: the file of the app as the processes of works do, others by their names."""
    file = Path(page.file)
    if page.file and page.module in ("__main__", file.stem):
        return load_module(file)
    return importlib.import_module(page.module)
