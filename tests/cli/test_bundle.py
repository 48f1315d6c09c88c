"""`flowctl bundle` and what it refuses, each in a process of its own."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

FLOWCTL = Path(sys.executable).with_name("flowctl")

APP = """
from flowrpc import LightningApp, LightningFlow

class Root(LightningFlow):
    def run(self):
        pass

app = LightningApp(Root())
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "app.py").write_text(APP)
    return folder


def bundle(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [FLOWCTL, "bundle", *arguments], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )


def test_prints_the_hash_as_sha256sum_reads_it(folder: Path) -> None:
    done = bundle(folder, "app.py", "-o", "x.tar.gz")

    assert done.returncode == 0
    assert done.stdout == f"{hashlib.sha256((folder / 'x.tar.gz').read_bytes()).hexdigest()}  x.tar.gz\n"
    check = subprocess.run(["sha256sum", "--check"], cwd=folder, input=done.stdout, text=True, check=False)
    assert check.returncode == 0


def test_again_gives_the_same_although_the_bundle_is_in_the_folder(folder: Path) -> None:
    first, second = (bundle(folder, "app.py", "-o", "x.tar.gz", "--json") for _ in range(2))
    assert json.loads(first.stdout) == json.loads(second.stdout)


def test_json_tells_all(folder: Path) -> None:
    (folder / "run.sh").write_text("#!")
    (folder / "run.sh").chmod(0o755)
    (folder / "empty").mkdir()
    (folder / "link").symlink_to("run.sh")
    (folder / ".env").write_text("KEY=1")
    (folder / ".lightningignore").write_text("*.log\n")
    (folder / "x.log").write_text("")
    (folder / os.fsdecode(b"\xff")).write_text("")

    done = bundle(folder, "app.py", "--list", "--ignored", "--json")

    told = json.loads(done.stdout)
    assert told.keys() == {"folder", "total_bytes", "entries", "ignored", "warnings"}
    assert told["entries"] == [
        {"path": ".env", "kind": "file", "size_bytes": 5, "executable": False},
        {"path": ".lightningignore", "kind": "file", "size_bytes": 6, "executable": False},
        {"path": "app.py", "kind": "file", "size_bytes": len(APP), "executable": False},
        {"path": "empty", "kind": "folder"},
        {"path": "link", "kind": "link", "target": "run.sh"},
        {"path": "run.sh", "kind": "file", "size_bytes": 2, "executable": True},
        {"path": "\udcff", "kind": "file", "size_bytes": 0, "executable": False},
    ]
    assert told["total_bytes"] == 13 + len(APP)
    assert told["ignored"] == [{"path": "x.log", "pattern": "*.log", "source": ".lightningignore:1"}]
    assert [(warning["path"], warning["kind"]) for warning in told["warnings"]] == [(".env", "secret")]
    assert done.stderr == ""


def test_lists_write_nothing(folder: Path) -> None:
    done = bundle(folder, "app.py", "--list", "-o", "x.tar.gz")

    assert done.stdout == f"SIZE   PATH\n{len(APP)} B  app.py\n1 entry, {len(APP)} B\n"
    assert [path.name for path in folder.iterdir()] == ["app.py"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["app.py"], "give -o FILE.tar.gz to write a bundle, or --list to see what would be in it"),
        (["app.py", "-o", "x.zip"], "'x.zip' does not end with .tar.gz"),
        (
            ["app.py", "-o", "nowhere/x.tar.gz"],
            "cannot be written: No such file or directory; choose another",
        ),
        (["other.py", "--list"], "other.py: no such file; name the Python file that makes the LightningApp"),
        ([], "Missing argument 'APP.py'"),
    ],
)
def test_wrong_options(folder: Path, arguments: list[str], message: str) -> None:
    done = bundle(folder, *arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_links_out_of_the_folder_are_all_refused_by_name(folder: Path) -> None:
    (folder / "one").symlink_to("/etc/hosts")
    (folder / "two").symlink_to("../else")
    done = bundle(folder, "app.py", "-o", "x.tar.gz")

    assert done.returncode == 2
    assert "Error: one points to /etc/hosts, out of the app's folder" in done.stderr
    assert "\ntwo points to ../else, out of the app's folder" in done.stderr
    assert "leave it out by the line /two in .lightningignore" in done.stderr
    assert not (folder / "x.tar.gz").exists()

    (folder / ".lightningignore").write_text("/one\n/two\n")
    assert bundle(folder, "app.py", "-o", "x.tar.gz").returncode == 0


def test_an_app_file_that_is_ignored_is_refused(folder: Path) -> None:
    (folder / ".lightningignore").write_text("*.py\n")
    done = bundle(folder, "app.py", "-o", "x.tar.gz")

    assert done.returncode == 2
    assert "app.py is left out by *.py (.lightningignore:1), and nothing runs without it" in done.stderr
    (folder / ".lightningignore").write_text("*.py\n!/app.py\n")
    assert bundle(folder, "app.py", "-o", "x.tar.gz").returncode == 0


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("lightningignore = 'data'", "root.lightningignore is a tuple of patterns, not str; write ('data',)"),
        ("def __init__(self): self.lightningignore = [1]", "root.lightningignore[0] must be a text, not int"),
        ("def __init__(self): 1 / 0", "ZeroDivisionError"),
    ],
)
def test_an_app_that_is_wrong_is_told(folder: Path, line: str, message: str) -> None:
    (folder / "app.py").write_text(APP.replace("    def run", f"    {line}\n\n    def run"))
    done = bundle(folder, "app.py", "--list")

    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr


def test_is_listed_in_the_help() -> None:
    done = subprocess.run([FLOWCTL, "--help"], capture_output=True, text=True, check=True)
    assert "bundle  Pack what another host needs" in done.stdout
