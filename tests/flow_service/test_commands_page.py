"""docs/reference/commands.md: its table is what conversion does, its session what a served app answers."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, NamedTuple, Optional, TypedDict
from uuid import UUID

import pytest
from flowrpc.component.conversion import converter_of, plain
from flowrpc.state import copy_value, same

PAGE = (Path(__file__).parents[2] / "docs/reference/commands.md").read_text()
FLOWCTL = Path(sys.executable).with_name("flowctl")


class Options(TypedDict, total=False):
    wide: bool


class Point(NamedTuple):
    x: int
    y: int


NAMES = {
    kind.__name__: kind
    for kind in (date, datetime, time, timedelta, Decimal, Path, UUID, Options, Point, Mapping, Sequence)
} | {"UTC": UTC, "Any": Any, "Literal": Literal, "Optional": Optional}


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def app() -> ModuleType:
    """The app of the page."""
    module = ModuleType("commands_page")
    sys.modules[module.__name__] = module  # a dataclass asks for its module
    exec(compile(blocks("python")[0], "commands.md", "exec"), module.__dict__)
    return module


def rows() -> Iterator[tuple[str, str, str, str]]:
    """The rows of the table of annotations, one for each annotation."""
    for line in PAGE.split("| annotation |")[1].split("\n\n")[0].splitlines()[2:]:
        annotations, *cells = (part.strip() for part in re.split(r"(?<!\\)\|", line.strip("|")))
        argument, made, result = (cell.strip("`") for cell in cells)
        for annotation in re.findall(r"`([^`]+)`", annotations):
            yield annotation.replace("\\|", "|"), argument, made, result or argument


@pytest.mark.parametrize(("annotation", "argument", "made", "result"), list(rows()))
def test_a_row_of_the_table_is_so(annotation: str, argument: str, made: str, result: str) -> None:
    names = NAMES | vars(app())

    found = converter_of(eval(annotation, names)).take(json.loads(argument))

    assert repr(found) == repr(eval(made, names))
    assert same(copy_value(plain(found), "result"), json.loads(result))


def test_the_table_has_all_that_it_should() -> None:
    assert len(list(rows())) == 32


def session() -> Iterator[tuple[str, str]]:
    """Each command of the page with the output that it shows."""
    for block in blocks("console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            yield command, output


@pytest.mark.slow
def test_the_session_of_the_page_is_what_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWRPC_RUN_DIR", str(tmp_path / "run"))
    (tmp_path / "app.py").write_text(blocks("python")[0])
    with subprocess.Popen(
        [FLOWCTL, "run", "app.py"], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    ) as served:
        assert served.stdout is not None
        try:
            assert "is served at" in served.stdout.readline()
            for command, output in session():
                _, *arguments = shlex.split(command)
                found = subprocess.run(
                    [FLOWCTL, *arguments],
                    cwd=tmp_path,
                    capture_output=True,
                    text=True,
                    timeout=30,
                    check=False,
                )
                assert found.stdout + found.stderr == output, command
                assert found.returncode == (2 if output.startswith("Error") else 0), command
        finally:
            served.terminate()
            assert served.wait(timeout=15) == 0
