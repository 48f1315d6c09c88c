"""Plugins of protoc: what they are asked, and those that fail."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from flowrpc.clients.go import go_package
from flowrpc.clients.plugin import Tool, find, run
from flowrpc.clients.typescript import typescript_package
from flowrpc.errors import ContractError

from tests.clients.offered import Keeper, built

ANSWER = """
import sys
from google.protobuf.compiler.plugin_pb2 import CodeGeneratorRequest, CodeGeneratorResponse

request = CodeGeneratorRequest.FromString(sys.stdin.buffer.read())
response = CodeGeneratorResponse()
for name in request.file_to_generate:
    own = next(file for file in request.proto_file if file.name == name)
    lines = [request.parameter, " ".join(file.name for file in request.proto_file)]
    lines += [f"{list(one.path)}{one.leading_comments.rstrip()}" for one in own.source_code_info.location]
    response.file.add(name=name, content="\\n".join(lines))
sys.stdout.buffer.write(response.SerializeToString())
"""


def plugin(folder: Path, source: str, name: str = "protoc-gen-x") -> Path:
    path = folder / name
    path.write_text(f"#!{sys.executable}\n{source}")
    path.chmod(0o755)
    return path


def test_a_plugin_gets_the_contract_with_its_comments(tmp_path: Path) -> None:
    made = run(plugin(tmp_path, ANSWER), built(), "a=b", ["shop/v1/app.proto"])
    parameter, files, *comments = made["shop/v1/app.proto"].decode().splitlines()
    assert (parameter, files.split()[-2:]) == ("a=b", ["flowrpc/v1/value.proto", "shop/v1/app.proto"])
    assert "[6, 0] Sells things." in comments
    assert "[6, 0, 2, 0] Adds an item." in comments
    assert any(comment.endswith(" What it is. Required.") for comment in comments)
    assert any(comment.endswith(' One "thing" \\ to buy, in """quotes""".') for comment in comments)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("import sys; sys.exit('cannot\\nread')", "failed with exit code 1: cannot\nread"),
        ("import os; os._exit(3)", "failed with exit code 3: it said nothing"),
        ("print('hello')", "is no plugin of protoc"),
        ("import sys; sys.stdout.buffer.write(bytes([10, 3]) + b'odd')", "refuses this contract: odd"),
    ],
)
def test_a_plugin_that_fails_is_told_with_what_it_says(tmp_path: Path, source: str, says: str) -> None:
    with pytest.raises(ContractError, match="protoc-gen-x: ") as failed:
        run(plugin(tmp_path, source), built(), "", [])
    assert says in str(failed.value)


def test_a_plugin_that_is_no_program_is_told(tmp_path: Path) -> None:
    path = plugin(tmp_path, "")
    path.write_text("#!/nowhere/python\n")
    with pytest.raises(ContractError, match="cannot be run: No such file or directory"):
        run(path, built(), "", [])


def test_all_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    plugin(tmp_path, "", "here")
    tools = [Tool(name=name, install=f"get {name}") for name in ("here", "a", "b")]
    with pytest.raises(ContractError) as missing:
        find(tools)
    assert str(missing.value) == "a, b: not found; install with\n  get a\n  get b"
    assert find(tools[:1]) == [tmp_path / "here"]


def test_a_languages_own_folder_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own").mkdir()
    tool = Tool(name="here", install="get here")
    plugin(tmp_path, "", "here")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find([tool], [tmp_path / "none", tmp_path / "own"]) == [tmp_path / "here"]
    own = plugin(tmp_path / "own", "", "here")
    assert find([tool], [tmp_path / "none", tmp_path / "own"]) == [own]


def test_go_without_its_client_is_told_where_to_find_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("protoc-gen-go", "protoc-gen-go-grpc"):
        plugin(tmp_path, ANSWER, name)
    monkeypatch.setenv("GOBIN", str(tmp_path))
    monkeypatch.setattr("flowrpc.clients.go._OURS", tmp_path)
    assert go_package(built()).seeds == {"go.mod": b"module example.com/shopv1\n"}
    with pytest.raises(ContractError, match="name its folder with --client"):
        go_package(built(Keeper))
    with pytest.raises(ContractError, match=r"is not the module flowrpc\.dev/go"):
        go_package(built(), client=tmp_path)


def test_typescript_finds_the_plugin_of_a_folder_above(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "node_modules" / ".bin").mkdir(parents=True)
    plugin(tmp_path / "node_modules" / ".bin", ANSWER, "protoc-gen-es")
    made = typescript_package(built(Keeper), tmp_path / "clients" / "ts")
    assert set(made.code) == {"src/shop/v1/app.proto", "src/flowrpc/v1/value.proto"}
    assert made.code["src/shop/v1/app.proto"].startswith(b"target=ts,import_extension=js\n")
