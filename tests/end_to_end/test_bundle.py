"""Bundles of an example app, unpacked elsewhere and used there for real."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.conftest import FLOWCTL, RunningApp, flowctl, var

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reference" / "bundle.md").read_text()

pytestmark = pytest.mark.slow


@pytest.fixture
def counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the census of these tests counts."""
    folder = tmp_path / "counted"
    folder.mkdir()
    for number in range(4):
        (folder / f"m{number}.py").write_text("def f():\n    pass\n")
    monkeypatch.setenv("CODE_CENSUS_ROOT", str(folder))
    return folder


@pytest.fixture
def unpacked(tmp_path: Path) -> Path:
    """The bundle of the example, made of a copy that was used, and unpacked."""
    used = shutil.copytree(ROOT / "examples" / "code_census", tmp_path / "used")
    for name in (".flowrpc/tokens/admin", "__pycache__/app.cpython-311.pyc", ".venv/pyvenv.cfg", ".git/HEAD"):
        (used / name).parent.mkdir(parents=True, exist_ok=True)
        (used / name).write_text("")
    done = flowctl("bundle", "app.py", "-o", "census.tar.gz", cwd=used)
    assert done.returncode == 0, done.stderr
    place = tmp_path / "elsewhere"
    with tarfile.open(used / "census.tar.gz") as tar:
        tar.extractall(place, filter="data")
    assert sorted(path.name for path in place.iterdir()) == ["README.md", "app.py", "census.py", "demo.py"]
    shutil.rmtree(used)
    return place


@pytest.fixture
def app(unpacked: Path) -> Iterator[RunningApp]:
    app = RunningApp(unpacked)
    yield app
    app.close()


def count(app: RunningApp) -> int:
    """Waits for the census and returns how many files it counted."""
    with app.client() as client, client.replica() as replica:
        replica.wait_for(lambda replica: var(replica, "root", "finished_scan") == 1, timeout=60)
        return int(var(replica, "root", "totals")["files"])


@pytest.mark.usefixtures("counted")
def test_an_unpacked_bundle_serves_the_app(app: RunningApp) -> None:
    app.start()
    assert count(app) == 4
    assert app.end() == 0


@pytest.mark.usefixtures("counted")
def test_an_unpacked_bundle_executes_works_of_an_app_elsewhere(app: RunningApp, tmp_path: Path) -> None:
    copy = shutil.copytree(app.folder, tmp_path / "third")
    app.start("--remote-work", "root.*")
    token = app.folder / ".flowrpc" / "tokens" / "work"
    command: list[str | Path] = [
        FLOWCTL,
        "work",
        "serve",
        "app.py",
        "--work",
        "root.*",
        "--flow",
        app.address,
        "--token-file",
        token,
    ]
    with subprocess.Popen(command, cwd=copy, stderr=subprocess.DEVNULL) as agent:
        try:
            assert count(app) == 4
        finally:
            agent.terminate()
            agent.wait(timeout=60)
    assert app.end() == 0


@pytest.mark.usefixtures("counted")
def test_a_bundle_of_an_app_that_was_served_is_the_same(app: RunningApp, tmp_path: Path) -> None:
    """Serving leaves state, tokens and bytecode in the folder."""
    before = json.loads(
        flowctl("bundle", "app.py", "-o", str(tmp_path / "1.tgz"), "--json", cwd=app.folder).stdout
    )
    app.start()
    count(app)
    while_served = flowctl("bundle", "app.py", "-o", str(tmp_path / "2.tgz"), "--json", cwd=app.folder)
    app.end()

    for file in app.folder.glob("stderr-*"):
        file.unlink()
    after = json.loads(
        flowctl("bundle", "app.py", "-o", str(tmp_path / "3.tgz"), "--json", cwd=app.folder).stdout
    )
    assert after["sha256"] == before["sha256"]
    names = {entry["path"] for entry in json.loads(while_served.stdout)["entries"]}
    assert {name for name in names if not name.startswith("stderr-")} == {
        e["path"] for e in before["entries"]
    }


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def without_chance(text: str, bundle: Path) -> str:
    """Leaves out what differs from run to run."""
    text = text.replace("/tmp/train.tar.gz", str(bundle))
    text = re.sub(r"\b[0-9a-f]{64}\b", "HASH", text)
    text = re.sub(r"packed [\d.]+ k?B", "packed N B", text)
    return re.sub(r" +", " ", text)


def test_the_session_of_the_page_goes_as_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{FLOWCTL.parent}:/usr/bin:/bin")
    folder, bundle = tmp_path / "app", tmp_path / "train.tar.gz"
    files = {
        "app.py": blocks("python")[0],
        ".lightningignore": blocks("text")[0],
        "data/train.csv": "1,2\n3,4\n",
        "data/raw.csv": "",
        "notebooks/one.ipynb": "",
        "best.ckpt": "",
        ".venv/pyvenv.cfg": "",
        ".flowrpc/lock": "",
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    first, other_host, second = blocks("console")
    for session in (first, second):
        for part in re.split(r"^\$ ", session, flags=re.MULTILINE)[1:]:
            command, _, shown = part.partition("\n")
            command = command.replace("/tmp/train.tar.gz", str(bundle))
            done = subprocess.run(
                ["sh", "-c", f"{command} 2>&1"], cwd=folder, capture_output=True, text=True, check=False
            )
            assert without_chance(done.stdout, bundle) == without_chance(shown, bundle), command
    (folder / ".env").unlink()
    _run_on_the_other_host(other_host, bundle, tmp_path)


def _run_on_the_other_host(session: str, bundle: Path, tmp_path: Path) -> None:
    unpack, serve = (line.removeprefix("$ ") for line in session.strip().splitlines())
    subprocess.run(["sh", "-c", unpack.replace("/tmp/train.tar.gz", str(bundle))], cwd=tmp_path, check=True)
    assert serve == "flowctl run app.py"
    app = RunningApp(tmp_path / "train").start()
    try:
        with app.client() as client, client.replica() as replica:
            replica.wait_for(lambda replica: var(replica, "root.train", "rows") == 2, timeout=60)
        assert app.end() == 0
    finally:
        app.close()


def test_what_the_example_prints_is_no_part_of_the_answer(tmp_path: Path) -> None:
    source = (
        "from flowrpc import LightningApp, LightningFlow\nprint('loading')\n"
        "class Root(LightningFlow):\n    def run(self):\n        pass\n"
        "import beside\napp = LightningApp(Root())\n"
    )
    (tmp_path / "app.py").write_text(source)
    (tmp_path / "beside.py").write_text("")
    done = flowctl("bundle", "app.py", "--list", "--ignored", "--json", cwd=tmp_path)

    assert [entry["path"] for entry in json.loads(done.stdout)["entries"]] == ["app.py", "beside.py"]
    assert json.loads(done.stdout)["ignored"] == [], "loading leaves no bytecode behind"
    assert done.stderr == "loading\n"
