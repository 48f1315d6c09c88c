"""docs/reference/api.md and layout.md: their sessions are what happens."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from flowrpc.protocol.run_directory import read_token

from tests.end_to_end.conftest import FLOWCTL, own_run_directory
from tests.end_to_end.http_client import address_in

PAGES = Path(__file__).parents[2] / "docs" / "reference"

__all__ = ["own_run_directory"]


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (PAGES / page).read_text(), re.DOTALL)


def session(text: str) -> Iterator[tuple[str, str]]:
    """Each command of a session with the output that the page shows."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, output


@pytest.mark.slow
@pytest.mark.parametrize(("page", "block"), [("api.md", 1), ("layout.md", 0)])
def test_the_session_of_a_page_is_what_happens(page: str, block: int, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(blocks(page, "python")[0])
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "index.html").write_text("<h1>Report</h1>\n")
    with subprocess.Popen(
        [FLOWCTL, "run", "app.py"], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    ) as served:
        assert served.stdout is not None
        try:
            assert "is served at" in served.stdout.readline()
            environment = told_by_the_page(tmp_path)
            for command, output in session(blocks(page, "console")[block]):
                found = subprocess.run(
                    ["bash", "-c", command],
                    cwd=tmp_path,
                    env=environment,
                    capture_output=True,
                    text=True,
                    timeout=60,
                    check=False,
                )
                assert found.stdout.rstrip("\n") == output.rstrip("\n"), (command, found.stderr)
        finally:
            served.terminate()
            assert served.wait(timeout=60) == 0
            served.stdout.close()


def told_by_the_page(folder: Path) -> dict[str, str]:
    token = read_token(folder / ".flowrpc" / "tokens" / "call")
    path = f"{FLOWCTL.parent}:{os.environ['PATH']}"
    return os.environ | {
        "APP": address_in(folder),
        "TOKEN": f"Authorization: Bearer {token}",
        "PATH": path,
        "NO_PROXY": "*",
    }


def test_the_example_of_a_frontend_serves(tmp_path: Path) -> None:
    import socket

    import httpx

    names: dict[str, type] = {}
    exec(compile(blocks("layout.md", "python")[2], "layout.md", "exec"), names)
    (tmp_path / "here.txt").write_text("here")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    frontend = names["Listing"](tmp_path)
    frontend.start_server("127.0.0.1", port)
    try:
        with httpx.Client(trust_env=False) as client:
            assert client.get(f"http://127.0.0.1:{port}/here.txt").text == "here"
    finally:
        frontend.stop_server()


def test_the_example_of_panel_serves_below_its_root_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """It passes what `panel.serve` takes; Panel itself is too large to be installed for it."""
    asked: list[Any] = []

    class Thread:
        def stop(self) -> None:
            asked.append("stop")

    def serve(pages: Any, **options: Any) -> Thread:
        asked.append((pages, options))
        return Thread()

    panel = ModuleType("panel")
    monkeypatch.setattr(panel, "serve", serve, raising=False)
    monkeypatch.setitem(sys.modules, "panel", panel)
    names: dict[str, type] = {}
    exec(compile(blocks("layout.md", "python")[3], "layout.md", "exec"), names)

    frontend = names["PanelFrontend"](len)
    frontend.start_server("127.0.0.1", 7, "/view/root.page")
    frontend.stop_server()

    (pages, options), stopped = asked
    assert pages == {"/": len}
    assert options == {
        "address": "127.0.0.1",
        "port": 7,
        "prefix": "/view/root.page",
        "websocket_origin": "*",
        "show": False,
        "threaded": True,
    }
    assert stopped == "stop"
    assert frontend.keeps_root_path
