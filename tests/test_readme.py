"""The README's app and session, as a reader would copy them."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from flowrpc_client import FlowClient

README = (Path(__file__).parents[1] / "README.md").read_text()
BIN = Path(sys.executable).parent


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def session() -> Iterator[tuple[str, str]]:
    """Yields each command of the second terminal with the output that the README shows."""
    for part in re.split(r"^\$ ", blocks("console")[1], flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, output


def without_chance(text: str) -> str:
    """Leaves out what differs from run to run: revisions, ports, keys, ids."""
    text = re.sub(r"revision \d+", "revision N", text)
    text = re.sub(r"key=\S+", "key=KEY", text)
    text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", text)
    return re.sub(r"\b[0-9a-f]{8}-\d+\b", "RUN", text)


@pytest.mark.slow
def test_the_app_of_the_readme_answers_as_the_readme_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOWRPC_RUN_DIR", str(tmp_path / "run"))
    monkeypatch.setenv("PATH", f"{BIN}:/usr/bin:/bin")
    folder = tmp_path / "example"
    folder.mkdir()
    (folder / "app.py").write_text(blocks("python")[0])
    command, shown = blocks("console")[0].removeprefix("$ ").split("\n", 1)
    with subprocess.Popen(command.split(), cwd=folder, stdout=subprocess.PIPE, text=True) as app:
        assert app.stdout is not None
        try:
            told = "".join([app.stdout.readline() for _ in shown.splitlines()])
            assert without_chance(told) == without_chance(shown)
            for command, output in session():
                if "state" in command:
                    wait_until_trained(folder)
                found = subprocess.run(
                    command.split(), cwd=folder, capture_output=True, text=True, timeout=60, check=False
                )
                assert without_chance(found.stdout + found.stderr) == without_chance(output), command
            assert app.wait(timeout=60) == 0
        finally:
            app.kill()


def wait_until_trained(folder: Path) -> None:
    with FlowClient(data_dir=folder / ".flowrpc") as client, client.replica() as replica:
        replica.wait_for(lambda replica: replica.vars("root")["status"] == "trained", timeout=60)


@pytest.mark.slow
def test_the_python_client_of_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWRPC_RUN_DIR", str(tmp_path / "run"))
    (tmp_path / "app.py").write_text(blocks("python")[0])
    with subprocess.Popen(
        [BIN / "flowctl", "run", "app.py"], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    ) as app:
        assert app.stdout is not None
        try:
            app.stdout.readline()
            script = [sys.executable, "-c", blocks("python")[1]]
            found = subprocess.run(
                script, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
            )
            assert (found.stdout, found.stderr) == ("['y']\n", "")
        finally:
            app.terminate()
            assert app.wait(timeout=60) == 0


def test_what_the_readme_names_is_there() -> None:
    root = Path(__file__).parents[1]
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in link]

    assert len(links) > 5
    assert [link for link in links if not (root / link).exists()] == []
