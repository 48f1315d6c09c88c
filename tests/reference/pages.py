"""The reference as tests read it: sections, the code in them, and the tables whose rows are claims."""

from __future__ import annotations

import ast
import itertools
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

FOLDER = Path(__file__).parents[2] / "docs" / "reference"
VALUES = "| write | get |"
"""How a table begins whose rows are expressions and their values."""
REFUSALS = "| write | error | it says |"
"""How a table begins whose rows are refused, with the type of the error and its message."""

_PYTHON = r"```python\n(.*?)```"
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of a table that makes claims."""

    cells: tuple[str, ...]
    """What is in it, without the marks of code."""
    above: str
    """The code that it goes on from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading and what is below it, up to the next heading that is as high."""

    page: str
    title: str
    level: int
    text: str

    @property
    def anchor(self) -> str:
        """What a link to it ends with."""
        return re.sub(r"[^\w\- ]", "", self.title.lower()).replace(" ", "-")

    @property
    def blocks(self) -> list[str]:
        """The Python in it."""
        return re.findall(_PYTHON, self.text, re.DOTALL)

    def rows(self, header: str) -> Iterator[Row]:
        """Yields the rows of the tables that begin with this header."""
        for table in re.finditer(rf"^{re.escape(header)}.*\n.*\n((?:\|.*\n?)*)", self.text, re.MULTILINE):
            above = re.findall(_PYTHON, self.text[: table.start()], re.DOTALL)
            for line in table[1].splitlines():
                cells = re.split(r"(?<!\\)\|", line.strip("|"))
                yield Row(cells=tuple(map(_plain, cells)), above=above[-1])

    def code(self) -> list[str]:
        """Everything in it that is executed."""
        rows = [row.cells[0] for header in (VALUES, REFUSALS) for row in self.rows(header)]
        return [*self.blocks, *rows]


@cache
def sections(page: str) -> tuple[Section, ...]:
    """Returns the sections of a page, the page itself first."""
    text = (FOLDER / page).read_text()
    outside = re.sub(r"```.*?```", lambda block: re.sub(r"[^\n]", " ", block[0]), text, flags=re.DOTALL)
    headings = list(re.finditer(r"^(#+) (.+)$", outside, re.MULTILINE))
    found = []
    for number, heading in enumerate(headings):
        level = len(heading[1])
        after = (other.start() for other in headings[number + 1 :] if len(other[1]) <= level)
        end = next(after, len(text))
        found.append(Section(page=page, title=heading[2], level=level, text=text[heading.start() : end]))
    return tuple(found)


def section(page: str, anchor: str) -> Section:
    """Finds the section that a link leads to; without an anchor, the page."""
    known = {found.anchor: found for found in sections(page)}
    return known[anchor] if anchor else sections(page)[0]


def chapters(page: str) -> list[Section]:
    """Returns the sections that stand for themselves: what one defines, its own tables and blocks use."""
    return [found for found in sections(page) if found.level == 2]


@contextmanager
def module() -> Iterator[dict[str, Any]]:
    """Gives a module to execute code in; works are built again by its name."""
    made = ModuleType(f"reference_example_{next(_numbers)}")
    sys.modules[made.__name__] = made
    try:
        yield made.__dict__
    finally:
        del sys.modules[made.__name__]


def execute(code: str, names: dict[str, Any], place: str = "the page") -> Any:
    """Executes code, and returns the value of the expression that it ends with, if it does."""
    tree = ast.parse(code, place)
    last = tree.body[-1]
    ends = isinstance(last, ast.Expr)
    exec(compile(ast.Module(tree.body[: len(tree.body) - ends], []), place, "exec"), names)
    return (
        eval(compile(ast.Expression(last.value), place, "eval"), names)
        if isinstance(last, ast.Expr)
        else None
    )


def file_of(block: str) -> str | None:
    """Tells the name of the file that a block is the content of, as its first line says; None if it is none."""
    found = re.match(r"# (\w+\.py)\n", block)
    return found[1] if found else None


def _plain(cell: str) -> str:
    code = re.fullmatch(r"(`+)(.*)\1", cell.strip())
    return (code[2] if code else cell).strip().replace("\\|", "|")
