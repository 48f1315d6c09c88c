"""docs/migrating.md: what it says of names and links holds, and its app runs when it was moved as it says."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lightning.test_paths import ABSENT, TABLE

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/migrating.md").read_text()


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


def rows(heading: str) -> list[list[str]]:
    """Returns the rows of the table below a heading."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[1:]]


def quoted(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_the_table_of_paths_has_every_path_and_name() -> None:
    told: dict[str, set[str]] = {}
    for paths, names, _ in rows("Where everything is"):
        for path in quoted(paths) or [""]:
            told.setdefault(path, set()).update(quoted(names))

    assert told == {path: set(names.split()) for path, names in TABLE.items()}


def test_homes_are_where_it_says() -> None:
    homes = {"flowrpc", "flowrpc.components", "flowrpc.storage", "flowrpc.testing"}
    checked = 0
    for _, names, home in rows("Where everything is"):
        for name in quoted(names):
            if quoted(home) in ([known] for known in homes):
                assert hasattr(importlib.import_module(quoted(home)[0]), name), name
                checked += 1
    assert checked > 30


def test_every_name_that_is_not_there_is_told() -> None:
    told = " ".join(names for names, _ in rows("What is not there"))

    assert [name for _, name, _ in ABSENT if name not in told] == []


def test_every_fault_of_the_ancestor_has_its_line() -> None:
    assert [cells[0].split()[0] for cells in rows("What is repaired")] == [f"W{n}" for n in range(1, 13)]
    assert all(len(cells) == 2 and cells[1] for cells in rows("What is repaired"))


def test_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", PAGE)

    assert len(links) > 4
    assert [link for link in links if not (ROOT / "docs" / link).exists()] == []


@pytest.mark.slow
def test_its_app_runs_when_it_was_moved_as_it_says(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(block("python"))
    subprocess.run(["bash", "-c", block("sh")], cwd=tmp_path, check=True)
    moved = (tmp_path / "app.py").read_text()
    assert not re.search(r"(from|import) lightning", moved)
    for removed, added in re.findall(r"((?:-.*\n)+)((?:\+.*\n)+)", block("diff")):
        before, after = (re.sub(r"(?m)^[-+]", "", lines) for lines in (removed, added))
        assert before in moved
        moved = moved.replace(before, after)
    (tmp_path / "app.py").write_text(moved)

    done = subprocess.run(
        [sys.executable, "app.py"], cwd=tmp_path, capture_output=True, text=True, timeout=50, check=False
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"(?m)^stopped: 16 bytes, 17 bytes$", done.stderr)
