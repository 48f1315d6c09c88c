"""What cannot be in a contract: told by `build` as an error, by `run` as a warning; and requests that do not fit."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from click.testing import CliRunner, Result
from flowrpc.cli.contract import contract
from google.rpc import error_details_pb2

from tests.end_to_end.conftest import MakeApp, flowctl
from tests.end_to_end.test_typed_contract import Stranger, details

APP = """
import enum
from dataclasses import dataclass
from flowrpc import LightningApp, LightningFlow


class Color(enum.Enum):
    RED = 1


@dataclass
class Inner:
    deep: {field}


class Root(LightningFlow):
    things: {var}

    def __init__(self):
        self.things = []{init}

    def run(self):
        pass

    def call(self, {parameters}) -> {result}:
        return {returned}

    def configure_commands(self):
        return {{"my_command": self.call}}


app = LightningApp(Root())
"""
GOOD = {
    "field": "int",
    "var": "list[int]",
    "init": "",
    "parameters": "self_: int = 0, color: Color = Color.RED, inner: Inner | None = None",
    "result": "int",
    "returned": "self_",
}


def build(folder: Path, **parts: str) -> Result:
    # In this process, where each app is a module of its own.
    app_file = folder / f"{folder.name}.py"
    app_file.write_text(APP.format(**GOOD | parts))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "dont_write_bytecode", sys.dont_write_bytecode)
        patch.setattr(sys, "path", [*sys.path])
        return CliRunner().invoke(contract, ["build", str(app_file)])


@pytest.mark.parametrize(
    ("parts", "place", "advice"),
    [
        (
            {"parameters": "request_id: str"},
            "'my_command'",
            "the name of a field that every request has; rename it",
        ),
        ({"parameters": "things: set[int]"}, "'things' with set[int]", "write list"),
        ({"parameters": "things: dict[int, list[str]]"}, "'things'", "write dict[str, list[str]]"),
        ({"parameters": "inner: Inner", "field": "list[set[int]]"}, "Inner.deep", "write list"),
        ({"parameters": "my_field: int, myField: int"}, "'my_field' and 'myField'", "rename one"),
        ({"parameters": "self_: int, self__: int"}, "'self_' and 'self__'", "rename one"),
        ({"var": "set[int]"}, "Root.things: is annotated with set[int]", "write list"),
        (
            {"init": "\n        self.best: set[int] = []"},
            "Root.best: is annotated with set[int]",
            "write list",
        ),
        ({"init": "\n        self.things: list[str] = []"}, "Root.things: is annotated", "write one of them"),
        ({"var": "'list[Missing]'"}, "Root: has an annotation", "Missing"),
        ({"result": "set[int]"}, "'my_command'", "write list"),
    ],
)
def test_what_cannot_be_mapped_is_an_error_of_build(
    tmp_path: Path, parts: dict[str, str], place: str, advice: str
) -> None:
    told = build(tmp_path, **parts)
    assert told.exit_code == 2, told.output
    assert place in told.output
    assert advice in told.output
    assert not (tmp_path / "contract.lock.json").exists()


def test_what_can_be_mapped_is_built(tmp_path: Path) -> None:
    told = build(tmp_path)
    assert told.exit_code == 0, told.output


def test_build_tells_once_of_an_annotation_that_it_cannot_use(tmp_path: Path) -> None:
    told = build(tmp_path, init="\n        self.best: Missing = None")
    assert told.exit_code == 0, told.output
    (line,) = [line for line in told.output.splitlines() if line.startswith("note: ")]
    assert "Root.best is typed by what it holds: its annotation Missing in __init__ cannot be used" in line


def test_run_warns_of_what_cannot_be_mapped_and_serves_the_rest(make_app: MakeApp) -> None:
    app = make_app(APP.format(**GOOD | {"var": "set[int]"})).start()
    told = app.stderr()
    assert "WARNING" in told
    assert "served without its typed contract, by FlowService alone" in told
    assert "Root.things: is annotated with set[int]" in told
    with app.client() as client:
        assert client.call("my_command", self_=3) == 3


def test_run_says_once_that_there_is_no_lock_and_what_to_do(make_app: MakeApp) -> None:
    app = make_app(APP.format(**GOOD)).start()
    (told,) = [line for line in app.stderr().splitlines() if "has no lock" in line]
    assert told.startswith("INFO")
    assert "shop.v1" in told
    assert "flowctl contract build" in told
    assert app.end() == 0
    assert flowctl("contract", "build", "app.py", cwd=app.folder).returncode == 0
    app.start()
    assert "has no lock" not in app.stderr()


def test_run_says_nothing_of_a_lock_where_there_is_no_command(make_app: MakeApp) -> None:
    source = APP.format(**GOOD).replace('{"my_command": self.call}', "{}")
    assert "lock" not in make_app(source).start().stderr()


@pytest.fixture
def stranger(make_app: MakeApp) -> Iterator[Stranger]:
    made = Stranger(make_app(APP.format(**GOOD)).start())
    yield made
    made.channel.close()


def test_requests_that_do_not_fit_are_refused_by_place(stranger: Stranger) -> None:
    send: Any = stranger.channel.unary_unary("/shop.v1.RootService/MyCommand")

    def refused(data: bytes) -> tuple[str, str]:
        with pytest.raises(grpc.RpcError) as caught:
            send(data, metadata=stranger._metadata, timeout=60)
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        (one,) = details(caught.value, error_details_pb2.BadRequest).field_violations
        return one.field, one.description

    assert stranger.call("MyCommand", self=2**63 - 1).result == 2**63 - 1
    # Number and wire type, then the value: color = 9, field 100 = 1, inner without deep.
    assert refused(b"\x10\x09") == ("color", "is 9, which Color does not have")
    assert "has a field 100" in refused(b"\xa0\x06\x01")[1]
    assert refused(b"\x1a\x00") == ("inner.deep", "is missing")
    # A text where an int belongs is a field that this contract does not have.
    assert "has a field 1 " in refused(b"\x0a\x01x")[1]
    assert "is no MyCommandRequest" in refused(b"\xff")[1]
