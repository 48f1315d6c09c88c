"""docs/reference/commands.md: its table is what conversion does, its sessions what served apps answer."""

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
from flowrpc import LightningFlow
from flowrpc.component.conversion import converter_of, plain
from flowrpc.state import copy_value, same
from flowrpc.testing import SimulatedApp
from flowrpc_client import CommandFailed

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


def stream_rows() -> Iterator[tuple[str, str, str]]:
    """The rows of the table of generators: the body, what comes, the state."""
    for line in PAGE.split("| the generator |")[1].split("\n\n")[0].splitlines()[2:]:
        body, told, state = (cell.strip() for cell in line.strip("|").split("|"))
        yield body.strip("`"), told.replace("`", ""), state.strip("`")


@pytest.mark.parametrize(("body", "told", "state"), list(stream_rows()))
def test_a_generator_of_the_page_streams_that(body: str, told: str, state: str) -> None:
    """A stream of such a generator gives these items, and leaves this state."""
    statements = "".join(f"\n    {part.strip()}" for part in body.split(";"))
    names: dict[str, Any] = {}
    exec(f"def go(self):{statements}", names)

    class Told(LightningFlow):
        go = names["go"]

        def __init__(self) -> None:
            self.told = 0

        def run(self) -> None:
            pass

        def configure_commands(self) -> Any:
            return {"go": self.go}

    app = SimulatedApp(Told)
    found: list[str] = []
    try:
        found += (json.dumps(item) for item in app.stream("go"))
        found.append("the end")
    except CommandFailed as error:
        found.append(error.failure.type.rpartition(".")[2])

    assert ", ".join(found) == told
    assert app.vars()["told"] == json.loads(state)


def test_the_table_of_generators_has_all_that_it_should() -> None:
    assert len(list(stream_rows())) == 7


class Session(NamedTuple):
    """An app of the page, and each command below it with the output that it shows."""

    app: str
    commands: list[tuple[str, str]]


def sessions() -> list[Session]:
    found: list[Session] = []
    for language, block in re.findall(r"```(python|console)\n(.*?)```", PAGE, re.DOTALL):
        if language == "console":
            for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
                command, _, output = part.partition("\n")
                found[-1].commands.append((command, output))
        elif "app = LightningApp(" in block:
            found.append(Session(block, []))
    return found


def answer(command: str, folder: Path) -> tuple[int, str]:
    """Runs a command of the page; gives its exit code and what it prints, digests as the page writes them."""
    _, *arguments = shlex.split(command)
    done = subprocess.run(
        [FLOWCTL, *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, re.sub(r"\b[0-9a-f]{64}\b", "…", done.stdout)


def test_the_page_has_the_sessions_that_it_should() -> None:
    assert [len(session.commands) for session in sessions()] == [8, 4, 9]


@pytest.mark.slow
@pytest.mark.parametrize("session", sessions(), ids=["shop", "ledger", "settings"])
def test_a_session_of_the_page_is_what_happens(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setenv("FLOWRPC_RUN_DIR", str(tmp_path / "run"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    folder = tmp_path / request.node.callspec.id
    folder.mkdir()
    (folder / "app.py").write_text(session.app)
    with subprocess.Popen(
        [FLOWCTL, "run", "app.py"], cwd=folder, stdout=subprocess.PIPE, text=True
    ) as served:
        assert served.stdout is not None
        try:
            assert "is served at" in served.stdout.readline()
            for command, output in session.commands:
                code = 2 if output.startswith("Error") else 0
                assert answer(command, folder) == (code, output), command
        finally:
            served.terminate()
            assert served.wait(timeout=60) == 0
