"""Counts what is in Python source files. It knows nothing of flowrpc."""

from __future__ import annotations

import ast
import warnings
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from itertools import accumulate, pairwise
from pathlib import Path

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
LEFT_OUT = {"__pycache__", "dist-packages", "site-packages"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What was counted in some files. Counts of different files can be added."""

    files: int = 0
    """Those that parse; the other numbers are about them alone."""
    unparsable: int = 0
    lines: int = 0
    functions: int = 0
    """With `def` or `async def`; methods and functions inside functions too."""
    classes: int = 0
    documented: int = 0
    """How many of the modules, classes and functions have a docstring."""
    longest: int = 0
    """Lines of the longest function, from its `def` to its end."""
    longest_at: str = ""
    """Where that is: `json/decoder.py:69 py_scanstring`. Of equals, the first in alphabetical order."""

    def __add__(self, other: Counts) -> Counts:
        sums = {name: getattr(self, name) + getattr(other, name) for name in _SUMMED}
        longest, place = min((-counts.longest, counts.longest_at) for counts in (self, other))
        return Counts(**sums, longest=-longest, longest_at=place)

    @property
    def docstring_coverage(self) -> float:
        """The documented part of all modules, classes and functions, from 0 to 1."""
        return self.documented / max(1, self.files + self.classes + self.functions)


_SUMMED = [field.name for field in fields(Counts) if not field.name.startswith("longest")]


def python_files(root: Path) -> list[Path]:
    """Lists the Python files of a folder and its subfolders, by their path in it."""
    found = (path.relative_to(root) for path in root.rglob("*.py") if path.is_file())
    return sorted((path for path in found if LEFT_OUT.isdisjoint(path.parts)), key=Path.as_posix)


def equal_shares(sizes: Sequence[int], count: int) -> list[tuple[int, int]]:
    """Cuts a list into slices of about equal size; returns where each begins and ends."""
    ends = list(accumulate(sizes))
    cuts = [bisect_right(ends, sum(sizes) * part // count) for part in range(1, count)]
    return list(pairwise([0, *cuts, len(sizes)]))


def package_of(path: Path) -> str:
    """Names the top-level package or module that a file belongs to."""
    return path.parts[0].removesuffix(".py")


def count_file(root: Path, path: Path) -> Counts:
    """Counts one file; `path` is its path in `root`."""
    source = (root / path).read_bytes()
    try:
        with warnings.catch_warnings(action="ignore"):  # escapes like "\d" are not our business
            tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return Counts(unparsable=1)
    return _count_tree(tree, path.as_posix()) + Counts(files=1, lines=len(source.splitlines()))


def merged(parts: Iterable[tuple[str, Counts]]) -> dict[str, Counts]:
    """Adds up the counts of each package."""
    packages: dict[str, Counts] = {}
    for name, counts in parts:
        packages[name] = packages.get(name, Counts()) + counts
    return dict(sorted(packages.items()))


def _count_tree(tree: ast.Module, place: str) -> Counts:
    nodes = list(ast.walk(tree))
    functions = [node for node in nodes if isinstance(node, FUNCTIONS)]
    classes = [node for node in nodes if isinstance(node, ast.ClassDef)]
    documented = [
        node for node in (tree, *functions, *classes) if ast.get_docstring(node, clean=False) is not None
    ]
    # Negative, so that the least is the longest, and of equals the first by its place.
    lengths = [(-_length(node), f"{place}:{node.lineno} {node.name}") for node in functions]
    longest, longest_at = min(lengths, default=(0, ""))
    return Counts(
        functions=len(functions),
        classes=len(classes),
        documented=len(documented),
        longest=-longest,
        longest_at=longest_at,
    )


def _length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    assert function.end_lineno is not None, "what was parsed from source has it"
    return function.end_lineno - function.lineno + 1
