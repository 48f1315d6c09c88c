"""The app file of a process that executes one work: it builds the app of the test again."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from functools import reduce
from pathlib import Path
from types import ModuleType
from typing import Any

from flowrpc.component.app import LightningApp, WorkRoot
from flowrpc.component.component import Component
from flowrpc.component.flow import LightningFlow
from flowrpc.state import Value, untrack
from flowrpc.state.records import Recipe
from flowrpc.testing.errors import SimulationError
from flowrpc.testing.one_call import OneCall
from flowrpc.testing.root_source import RootSource

_MAIN = "__flowrpc_main__"
"""What the main program is imported as, so that it does not run as one."""


def app_text(source: RootSource, root: LightningFlow) -> str:
    """Writes the file.

    Args:
        source: What the test gave: its function builds the app, if it gave one.
        root: The root as it is, to build another one like it.

    Raises:
        SimulationError: Another process could not build the app.
    """
    if source.build is not None and not isinstance(root, OneCall):
        return _text(source.build.__module__, source.build.__qualname__, (), {})
    made: Component = root.work if isinstance(root, WorkRoot) else root
    recipe, name = made._recipe, type(made).__name__
    if not isinstance(recipe, Recipe):
        raise SimulationError(
            f"{name} cannot be built in another process: {recipe}; or let the class set it in its own __init__"
        )
    module, _, qualname = recipe.type.partition(":")
    return _text(module, qualname, recipe.args, recipe.kwargs)


def _text(module: str, qualname: str, arguments: tuple[Value, ...], named: dict[str, Value]) -> str:
    if "<locals>" in qualname or "<lambda>" in qualname:
        raise SimulationError(
            f"{qualname} cannot be built in another process; define it at the top of a module, not in a function"
        )
    file = getattr(sys.modules.get(module), "__file__", None)
    if file is None:
        raise SimulationError(
            f"{qualname} cannot be built in another process: its module {module} has no file"
        )
    args = [untrack(value) for value in arguments]
    kwargs = {key: untrack(value) for key, value in named.items()}
    return (
        "import sys\n"
        f"sys.path[:] = {[entry or str(Path.cwd()) for entry in sys.path]!r}\n"
        "from flowrpc.testing.child_app import built\n"
        f"app = built({module!r}, {file!r}, {qualname!r}, {args!r}, {kwargs!r})\n"
    )


def built(module: str, file: str, qualname: str, args: list[Value], kwargs: dict[str, Value]) -> LightningApp:
    """Builds the app in the process of the work."""
    build: Any = reduce(getattr, qualname.split("."), _imported(module, file))
    made = build(*args, **kwargs)
    return made if isinstance(made, LightningApp) else LightningApp(made)


def _imported(name: str, file: str) -> ModuleType:
    """Imports a module by its name, or from its file if no path leads there: tests are often no packages."""
    if name != "__main__" and _leads_to(name, file):
        return importlib.import_module(name)
    name = _MAIN if name == "__main__" else name
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None, "a module with a file was imported before"
    assert spec.loader is not None, "and so it has a loader"
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if name == _MAIN:
        sys.modules["__main__"] = module  # recipes of its classes say so
    return module


def _leads_to(name: str, file: str) -> bool:
    """Tells whether importing a name gives what is in a file."""
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return False
    return spec is not None and spec.origin is not None and Path(spec.origin).samefile(file)
