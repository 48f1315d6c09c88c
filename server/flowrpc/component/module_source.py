"""The source of the module that defines a class."""

from __future__ import annotations

import ast
import io
import sys
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from flowrpc.errors import ComponentError

MAX_SOURCE_BYTES = 1024 * 1024
"""How long a module may be that clients get, far below what a message may hold."""

_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_BLOCKS = (ast.stmt, ast.excepthandler, ast.match_case)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleSource:
    """A module as it is in its file."""

    file_name: str
    content: bytes = field(repr=False)


def read_source(kind: type) -> ModuleSource | None:
    """Reads the module that defines a class; None if it is in no file, as in a REPL."""
    module = sys.modules.get(kind.__module__)
    path = Path(getattr(module, "__file__", None) or "")
    if path.suffix != ".py":
        return None
    try:
        # What imported it knows how to read it, also inside an archive.
        content = getattr(getattr(module, "__loader__", None), "get_data", _read)(str(path))
    except OSError:
        return None
    return ModuleSource(file_name=path.name, content=content)


def check_source(kind: type, source: ModuleSource | None) -> ModuleSource:
    """Checks that clients can make a class again from its module.

    Raises:
        ComponentError: They cannot. The message goes on after the name of the class.
    """
    if "<locals>" in kind.__qualname__:
        raise ComponentError("is nested in a function; define it at the top of a module")
    if source is None:
        raise ComponentError("has no source, as classes of a REPL or of exec; define it in a file")
    if len(source.content) > MAX_SOURCE_BYTES:
        size = f"{len(source.content):,} of at most {MAX_SOURCE_BYTES:,} bytes"
        raise ComponentError(f"is in a module that is too long to send, {size}; give it a module of its own")
    if not _holds(_parsed(source).body, kind.__qualname__.split(".")):
        raise ComponentError(f"has no source: {source.file_name} has no such `class` statement; write one")
    return source


def _read(path: str) -> bytes:
    return Path(path).read_bytes()


def _parsed(source: ModuleSource) -> ast.Module:
    """Parses the text as clients will: as UTF-8, whatever the file declares."""
    try:
        declared, _ = tokenize.detect_encoding(io.BytesIO(source.content).readline)
        if declared not in ("utf-8", "utf-8-sig"):
            raise ComponentError(f"is in a file that declares {declared}; save {source.file_name} as UTF-8")
        return ast.parse(source.content.decode("utf-8-sig"))
    except (SyntaxError, ValueError) as error:
        raise ComponentError(f"is in a file that cannot be read, {source.file_name}: {error}") from None


def _holds(body: Sequence[ast.AST], names: list[str]) -> bool:
    """Tells whether a class statement of that qualified name is among these, or in their `if`s and `try`s."""
    own, *inner = names
    classes = [node for node in _statements(body) if isinstance(node, ast.ClassDef) and node.name == own]
    return any(not inner or _holds(found.body, inner) for found in classes)


def _statements(body: Sequence[ast.AST]) -> Iterator[ast.AST]:
    """Yields statements and what is in their blocks, but not what is in functions and classes."""
    waiting = list(body)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, _SCOPES):
            waiting.extend(child for child in ast.iter_child_nodes(node) if isinstance(child, _BLOCKS))
