"""What the pages of the reference claim: their examples run, and each row of their tables is so."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flowrpc.testing import AppFailed

from tests.reference.pages import REFUSALS, VALUES, Section, chapters, execute, file_of, module, sections

PAGES = ["flows.md", "works.md", "structures.md", "apps.md", "errors.md"]
"""The pages that are executed here; others have tests of their own."""


@pytest.fixture
def names() -> Iterator[dict[str, Any]]:
    """A module to execute a section in."""
    with module() as made:
        yield made


def examples() -> Iterator[Any]:
    for page in PAGES:
        yield pytest.param(sections(page)[0], id=page)
        for chapter in chapters(page):
            yield pytest.param(chapter, id=f"{page}#{chapter.anchor}")


def rows(header: str) -> list[Any]:
    """Every row of such tables: the code above it, and its cells."""
    return [
        pytest.param(row.above, *row.cells[: header.count("|") - 1], id=f"{chapter.anchor}: {row.cells[0]}")
        for page in PAGES
        for chapter in chapters(page)
        for row in chapter.rows(header)
    ]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder to be in, whose files can be imported."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for file in tmp_path.glob("*.py"):
        sys.modules.pop(file.stem, None)


@pytest.mark.parametrize("chapter", list(examples()))
def test_the_examples_of_a_section_run(chapter: Section, names: dict[str, Any], folder: Path) -> None:
    for block in chapter.blocks if chapter.level > 1 else chapter.blocks[: opening(chapter)]:
        if (file := file_of(block)) is not None:
            (folder / file).write_text(block)
        else:
            execute(block, names)


def opening(page: Section) -> int:
    """Counts the blocks of a page that come before its first section."""
    return page.text.partition("\n## ")[0].count("```python")


@pytest.mark.parametrize(("above", "code", "value"), rows(VALUES))
def test_what_is_written_gives_that(above: str, code: str, value: str, names: dict[str, Any]) -> None:
    execute(above, names)

    assert execute(code, names) == eval(value, names)


@pytest.mark.parametrize(("above", "code", "error", "message"), rows(REFUSALS))
def test_what_is_written_is_refused(
    above: str, code: str, error: str, message: str, names: dict[str, Any]
) -> None:
    execute(above, names)

    with pytest.raises(BaseException) as caught:  # noqa: PT011 - the row says which, and its message
        execute(code, names)

    assert told(caught.value) == (error, Saying(message))


def told(error: BaseException) -> tuple[str, str]:
    """The type and the message of what was raised, in an app that failed by it."""
    if isinstance(error, AppFailed) and error.failure is not None:
        return error.failure.type.rpartition(".")[2], error.failure.message
    return type(error).__name__, str(error)


class Saying(str):
    """A message of a page: `…` stands for anything."""

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        pattern = ".*".join(map(re.escape, self.split("…")))
        return isinstance(other, str) and re.fullmatch(pattern, other, re.DOTALL) is not None
