"""`flowctl client generate`: each language, tools that are missing, and what is refused."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import pytest
from flowrpc.clients.folder import RECORD

from tests.end_to_end.conftest import FLOWCTL, flowctl

ROOT = Path(__file__).parents[2]
APP = """
from typing import Any

from flowrpc import LightningApp, LightningFlow


class Root(LightningFlow):
    def __init__(self):
        self.names = []

    def run(self):
        pass

    def add(self, name: str{more}) -> int:
        '''Adds a name.'''
        self.names.append(name)
        return len(self.names)

    def keep(self, value: Any) -> Any:
        return value

    def configure_commands(self):
        return {{"add": self.add, "keep": self.keep}}


app = LightningApp(Root())
"""
BARE = """
from flowrpc import LightningApp, LightningFlow


class Root(LightningFlow):
    def __init__(self):
        self.count = 0

    def run(self):
        pass


app = LightningApp(Root())
"""


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("locked") / "shop"
    folder.mkdir()
    (folder / "app.py").write_text(APP.format(more=""))
    told = flowctl("contract", "build", "app.py", cwd=folder)
    assert told.returncode == 0, told.stderr
    return folder


@pytest.fixture
def shop(locked: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(locked, tmp_path / "shop"))


def generate(
    shop: Path, *arguments: str | Path, path: str | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    environment = os.environ | variables | ({} if path is None else {"PATH": path})
    return subprocess.run(
        [FLOWCTL, "client", "generate", *arguments],
        cwd=shop,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_python_client_needs_no_tool_and_can_be_imported(shop: Path) -> None:
    told = generate(shop, "--lang", "python", "--out", "gen", path="")
    assert told.returncode == 0, told.stderr
    made = {
        "shop_v1/__init__.py",
        "shop_v1/app.py",
        "shop_v1/_descriptor.py",
        "shop_v1/py.typed",
        "pyproject.toml",
    }
    assert files(shop / "gen") == made | {RECORD}
    assert set(told.stdout.splitlines()) == {f"gen/{name}" for name in made}
    assert "from shop_v1 import RootService" in told.stderr
    project = tomllib.loads((shop / "gen" / "pyproject.toml").read_text())
    assert project["project"]["name"] == "shop-v1"
    program = "import shop_v1, inspect; print(inspect.signature(shop_v1.RootService.add))"
    for at, module in ((shop / "gen", program), (shop, program.replace("shop_v1", "gen.shop_v1"))):
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", module], cwd=at, capture_output=True, text=True, check=False
        )
        assert "name: 'str', request_id: 'str | None' = None) -> 'int'" in done.stdout, done.stderr


@pytest.mark.parametrize(("lang", "folder"), [("java", "src/main/proto"), ("rust", "proto")])
def test_java_and_rust_get_projects_with_the_contract(shop: Path, lang: str, folder: str) -> None:
    told = generate(shop, "--lang", lang, path="")
    assert told.returncode == 0, told.stderr
    made = shop / "client" / lang
    for name in ("shop/v1/app.proto", "flowrpc/v1/value.proto"):
        assert (made / folder / name).read_bytes() == (shop / "contract" / name).read_bytes()
    if lang == "java":
        ElementTree.fromstring((made / "pom.xml").read_text())
    else:
        assert tomllib.loads((made / "Cargo.toml").read_text())["package"]["name"] == "shop-v1"
        assert 'compile(["shop/v1/app.proto"]' in (made / "build.rs").read_text()
        assert 'tonic::include_proto!("flowrpc.v1")' in (made / "src" / "lib.rs").read_text()


@pytest.mark.parametrize(
    ("lang", "names", "commands"),
    [
        (
            "go",
            "protoc-gen-go, protoc-gen-go-grpc",
            ["go install google.golang.org/protobuf/cmd/protoc-gen-go"],
        ),
        ("typescript", "protoc-gen-es", ["npm install --global @bufbuild/protoc-gen-es"]),
    ],
)
def test_a_missing_tool_is_named_with_what_installs_it(
    shop: Path, tmp_path: Path, lang: str, names: str, commands: list[str]
) -> None:
    told = generate(
        shop, "--lang", lang, "--out", "gen", path="", HOME=str(tmp_path), GOBIN="", GOPATH=str(tmp_path)
    )
    assert (told.returncode, f"{names}: not found" in told.stderr) == (2, True), told.stderr
    assert all(command in told.stderr for command in commands)
    assert not (shop / "gen").exists()


def test_a_second_run_replaces_its_own_and_keeps_what_is_foreign(shop: Path) -> None:
    assert generate(shop, "--lang", "rust", "--out", "gen").returncode == 0
    (shop / "gen" / "src" / "main.rs").write_text("fn main() {}")
    (shop / "gen" / "Cargo.toml").write_text("mine")
    before = (shop / "gen" / "proto" / "shop" / "v1" / "app.proto").read_text()
    (shop / "app.py").write_text(APP.format(more=", times: int = 1"))
    assert flowctl("contract", "build", "app.py", cwd=shop).returncode == 0
    assert generate(shop, "--lang", "rust", "--out", "gen").returncode == 0
    after = (shop / "gen" / "proto" / "shop" / "v1" / "app.proto").read_text()
    assert ("times" in before, "times" in after) == (False, True)
    assert (shop / "gen" / "src" / "main.rs").read_text() == "fn main() {}"
    assert (shop / "gen" / "Cargo.toml").read_text() == "mine"


def test_without_an_up_to_date_lock_it_is_made_only_if_asked_for(shop: Path) -> None:
    for more, says in (
        (", times: int = 1", "something is new that is not in contract.lock.json"),
        (", times: int", "breaks: AddRequest.times is new and required"),
    ):
        (shop / "app.py").write_text(APP.format(more=more))
        told = generate(shop, "--lang", "python", "--out", "gen")
        assert (told.returncode, says in told.stderr) == (1, True), told.stderr
        assert "run flowctl contract build first" in told.stderr
        assert not (shop / "gen").exists()
    (shop / "contract.lock.json").unlink()
    told = generate(shop, "--lang", "python", "--out", "gen")
    assert (told.returncode, "there is no contract.lock.json" in told.stderr) == (1, True)
    told = generate(shop, "--lang", "python", "--out", "gen", "--unlocked", "--package", "till.v2")
    assert told.returncode == 0, told.stderr
    assert (shop / "gen" / "till_v2" / "app.py").exists()
    assert not (shop / "contract.lock.json").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--lang", "cobol"], "'cobol' is not one of 'python', 'go', 'typescript', 'java', 'rust'"),
        ([], "Missing option '--lang'"),
        (["--lang", "python", "--out", "app.py"], "is a file"),
        (["--lang", "python", "--out", "app.py/gen"], "cannot be written: Not a directory"),
        (["--lang", "python", "--out", "taken"], "is there and was not made by flowctl"),
        (["--lang", "rust", "--client", "."], "--client is for --lang go"),
        (["none.py", "--lang", "rust"], "no such file"),
    ],
)
def test_what_cannot_be_done_is_refused_without_a_traceback(
    shop: Path, arguments: list[str], says: str
) -> None:
    (shop / "taken" / "shop_v1").mkdir(parents=True)
    (shop / "taken" / "shop_v1" / "app.py").write_text("mine")
    told = generate(shop, *arguments)
    assert (told.returncode, says in told.stderr) == (2, True), told.stderr
    assert "Traceback" not in told.stderr
    assert files(shop / "taken") == {"shop_v1/app.py"}


def test_an_app_without_commands_has_its_state(shop: Path) -> None:
    (shop / "app.py").write_text(BARE)
    told = generate(shop, "--lang", "python", "--out", "gen", "--unlocked")
    assert told.returncode == 0, told.stderr
    text = (shop / "gen" / "shop_v1" / "app.py").read_text()
    assert "def get_state(" in text
    assert "def add(" not in text


def test_a_file_that_is_no_app_is_refused(shop: Path) -> None:
    (shop / "app.py").write_text("x = 1\n")
    told = generate(shop, "--lang", "python", "--out", "gen")
    assert (told.returncode, "Traceback" in told.stderr) == (2, False)
    assert not (shop / "gen").exists()


def test_grpcio_tools_are_not_needed() -> None:
    """They are here for our own protos, so that nobody would notice if a client came to need them."""
    sources = "\n".join(path.read_text() for path in (ROOT / "server" / "flowrpc" / "clients").glob("*.py"))
    assert importlib.util.find_spec("grpc_tools") is not None
    assert "grpc_tools" not in sources
