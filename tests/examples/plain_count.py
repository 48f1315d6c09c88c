"""The numbers of the census, counted in another way: with a visitor, in one process, package by package."""

import ast
import tokenize
import warnings
from pathlib import Path
from typing import Any

Numbers = dict[str, Any]


class Visitor(ast.NodeVisitor):
    """Counts while it walks down; looks at statements themselves for docstrings."""

    def __init__(self, place: str) -> None:
        self.place = place
        self.functions = self.classes = self.documented = 0
        self.lengths: list[tuple[int, str]] = []

    def visit_Module(self, node: ast.Module) -> None:
        self._enter(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.classes += 1
        self._enter(node)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.functions += 1
        assert node.end_lineno is not None
        length = len(range(node.lineno, node.end_lineno + 1))
        self.lengths.append((length, f"{self.place}:{node.lineno} {node.name}"))
        self._enter(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self.visit_FunctionDef(node)

    def _enter(self, node: Any) -> None:
        match node.body:
            case [ast.Expr(value=ast.Constant(value=str())), *_]:
                self.documented += 1
        self.generic_visit(node)


def plain_count(root: Path) -> dict[str, Numbers]:
    """Counts a folder; returns what `Census.packages` should be."""
    packages: dict[str, Numbers] = {}
    for path in root.rglob("*.py"):
        place = path.relative_to(root).as_posix()
        numbers = packages.setdefault(place.split("/")[0].split(".py")[0], new_numbers())
        _count(path, place, numbers)
    for numbers in packages.values():
        _finish(numbers)
    return packages


def new_numbers() -> Numbers:
    return dict.fromkeys(("files", "unparsable", "lines", "functions", "classes", "documented"), 0) | {
        "all": []
    }


def total(packages: dict[str, Numbers]) -> Numbers:
    """Adds the packages up; returns what `Census.totals` should be."""
    names = ("files", "unparsable", "lines", "functions", "classes", "documented")
    sums: Numbers = {name: sum(numbers[name] for numbers in packages.values()) for name in names}
    sums["all"] = [(numbers["longest"], numbers["longest_at"]) for numbers in packages.values()]
    _finish(sums)
    return sums


def _count(path: Path, place: str, numbers: Numbers) -> None:
    visitor = Visitor(place)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            visitor.visit(ast.parse(path.read_bytes()))
    except SyntaxError:
        numbers["unparsable"] += 1
        return
    with tokenize.open(path) as file:  # in text, all kinds of line ends are one
        numbers["lines"] += sum(1 for _ in file)
    numbers["files"] += 1
    for name in ("functions", "classes", "documented"):
        numbers[name] += getattr(visitor, name)
    numbers["all"] += visitor.lengths


def _finish(numbers: Numbers) -> None:
    lengths = numbers.pop("all")
    longest = max((length for length, _ in lengths), default=0)
    numbers["longest"] = longest
    numbers["longest_at"] = min((place for length, place in lengths if length == longest), default="")
    places = numbers["files"] + numbers["functions"] + numbers["classes"]
    numbers["docstring_coverage"] = round(numbers["documented"] / places, 3) if places else 0.0
