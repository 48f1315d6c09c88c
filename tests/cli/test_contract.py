"""`flowctl contract`: written, checked and merged as people and git do it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.end_to_end.conftest import FLOWCTL, flowctl

BUF = FLOWCTL.parent / "buf"

APP = """
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

    def configure_commands(self):
        return {{"my_command": self.add}}


app = LightningApp(Root())
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    write(folder)
    return folder


def write(folder: Path, more: str = "") -> None:
    (folder / "app.py").write_text(APP.format(more=more))


def number_of(folder: Path, field: str) -> int:
    lock = json.loads((folder / "contract.lock.json").read_text())
    return int(lock["messages"]["MyCommandRequest"]["fields"][field]["number"])


def test_it_writes_what_buf_takes(shop: Path) -> None:
    told = flowctl("contract", "build", "app.py", cwd=shop)
    assert told.returncode == 0, told.stderr
    assert (
        "rpc MyCommand(MyCommandRequest) returns (MyCommandResponse);"
        in (shop / "contract" / "shop" / "v1" / "app.proto").read_text()
    )
    for arguments in (["lint"], ["build"]):
        buf = subprocess.run(
            [BUF, *arguments],
            cwd=shop / "contract",
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (buf.returncode, buf.stdout) == (0, "")
    assert flowctl("contract", "check", "app.py", cwd=shop).stdout == "contract.lock.json is up to date\n"


def test_the_copied_proto_is_ours() -> None:
    root = Path(__file__).parents[2]
    ours = root / "protos" / "flowrpc" / "v1" / "value.proto"
    assert (root / "server" / "flowrpc" / "contract" / "value.proto").read_text() == ours.read_text()


def test_check_says_what_is_missing_and_what_breaks(shop: Path) -> None:
    told = flowctl("contract", "check", "app.py", cwd=shop)
    assert (told.returncode, "flowctl contract build writes it" in told.stderr) == (1, True)
    flowctl("contract", "build", "app.py", cwd=shop)

    write(shop, ", times: int = 1")
    told = flowctl("contract", "check", "app.py", cwd=shop)
    assert (told.returncode, "the lock lacks what is new" in told.stderr) == (1, True)

    write(shop, ", times: int")
    told = flowctl("contract", "check", "app.py", cwd=shop)
    assert (told.returncode, "breaks: MyCommandRequest.times is new and required" in told.stderr) == (1, True)


def test_check_names_the_files_that_are_not_up_to_date(shop: Path) -> None:
    where = ["-o", "what is built"]
    flowctl("contract", "build", "app.py", *where, cwd=shop)
    source = (shop / "app.py").read_text()
    (shop / "app.py").write_text(source.replace("Adds a name.", "Adds another name."))
    (shop / "what is built" / "openapi.json").unlink()
    assert flowctl("contract", "check", "app.py", cwd=shop).returncode == 0

    told = flowctl("contract", "check", "app.py", *where, cwd=shop)
    assert (told.returncode, told.stdout) == (1, "")
    named, advice = told.stderr.splitlines()
    assert named == "not up to date: what is built/shop/v1/app.proto"
    assert advice == "run flowctl contract build app.py -o 'what is built'"
    flowctl("contract", "build", "app.py", *where, cwd=shop)
    assert flowctl("contract", "check", "app.py", *where, cwd=shop).returncode == 0


def test_what_breaks_is_written_only_if_it_is_asked_for(shop: Path) -> None:
    flowctl("contract", "build", "app.py", cwd=shop)
    before = (shop / "contract.lock.json").read_text()
    write(shop, ", times: int")
    told = flowctl("contract", "build", "app.py", cwd=shop)
    assert (told.returncode, "nothing was written" in told.stderr) == (1, True)
    assert (shop / "contract.lock.json").read_text() == before
    assert flowctl("contract", "build", "app.py", "--allow-breaking", cwd=shop).returncode == 0
    assert number_of(shop, "times") == 2


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["build", "none.py"], "no such file"),
        (["build", "app.py", "--package", "Shop"], "'Shop': is no lower-case name with a version"),
        (["build", "bad.py"], "'things' with set[int]"),
        (["merge", "a", "b", "c"], "is not there"),
    ],
)
def test_what_cannot_be_used_is_refused_without_a_traceback(
    shop: Path, arguments: list[str], problem: str
) -> None:
    (shop / "bad.py").write_text(APP.format(more=", things: set[int] = ()"))
    told = flowctl("contract", *arguments, cwd=shop)
    assert (told.returncode, problem in told.stderr) == (2, True), told.stderr
    assert "Traceback" not in told.stderr


def test_git_merges_two_branches(shop: Path) -> None:
    """As the help says: the driver is set up once, and two branches that took one number come together."""

    def git(*arguments: str) -> None:
        env = {
            name: value for name, value in os.environ.items() if not name.startswith("GIT_") or "SSL" in name
        }
        identity = ["-c", "user.name=A", "-c", "user.email=a@b.c"]
        subprocess.run(
            ["git", *identity, *arguments], cwd=shop, env=env, check=True, capture_output=True, timeout=60
        )

    def commit(more: str, message: str) -> None:
        write(shop, more)
        assert flowctl("contract", "build", "app.py", cwd=shop).returncode == 0
        git("add", "contract.lock.json", ".gitattributes")
        git("commit", "-qm", message)

    git("init", "-qb", "main")
    git("config", "merge.flowrpc.driver", f"{FLOWCTL} contract merge %O %A %B")
    (shop / ".gitattributes").write_text("contract.lock.json merge=flowrpc\n")
    commit("", "base")
    git("checkout", "-qb", "other")
    commit(", color: str = ''", "other")
    git("checkout", "-q", "main")
    commit(", times: int = 1", "ours")
    git("merge", "-q", "--no-edit", "other")
    assert (number_of(shop, "times"), number_of(shop, "color")) == (2, 3)
    write(shop, ", times: int = 1, color: str = ''")
    assert flowctl("contract", "check", "app.py", "-o", "nothing", cwd=shop).returncode == 0
    told = flowctl("contract", "check", "app.py", cwd=shop)
    assert (told.returncode, "app.proto" in told.stderr) == (1, True), "the driver merges the lock alone"
