"""`flowctl run --open` and `--no-ui`."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tests.end_to_end.conftest import MakeApp, flowctl
from tests.end_to_end.http_client import browser, page_url, stranger

APP = """
class Root(LightningFlow):
    def run(self):
        pass


app = LightningApp(Root())
"""


def program(folder: Path, script: str) -> str:
    """Writes a program that takes the place of a browser."""
    path = folder / "browser.sh"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_the_browser_gets_a_link_of_its_own(
    make_app: MakeApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = tmp_path / "opened"
    # A program that goes on as long as its window is open holds nothing up.
    script = f'echo "$1" >{opened}.new; mv {opened}.new {opened}; sleep 2'
    monkeypatch.setenv("BROWSER", f"{program(tmp_path, script)} %s")
    app = make_app(APP).start("--open")
    printed = page_url(app)
    while not opened.exists():
        assert app.process is not None
        assert app.process.poll() is None, app.stderr()
    link = opened.read_text().strip()
    assert link.partition("?")[0] == printed.partition("?")[0]
    assert link != printed
    for each in (link, printed):
        with stranger(app) as client:
            assert client.get(each).status_code == 303
    assert app.end() == 0


@pytest.mark.parametrize("browser_command", ["/no/such/browser %s", "/bin/false %s"])
def test_where_no_browser_opens_the_app_runs_all_the_same(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, browser_command: str
) -> None:
    monkeypatch.setenv("BROWSER", browser_command)
    monkeypatch.setenv("PATH", "/nowhere")  # nor one that it would find by itself
    monkeypatch.delenv("DISPLAY", raising=False)
    app = make_app(APP).start("--open")
    while "follow the link that was printed" not in app.stderr():
        assert app.process is not None
        assert app.process.poll() is None, app.stderr()
    with browser(app) as client:
        assert client.get("/api/v1/state").status_code == 200
    assert app.end() == 0


def test_opening_needs_http(make_app: MakeApp) -> None:
    app = make_app(APP)
    refused = flowctl("run", "app.py", "--open", "--no-http", cwd=app.folder)
    assert refused.returncode == 2
    assert "leave out --no-http" in refused.stderr


def test_without_the_dashboard_the_page_is_the_roots_frontend_or_docs(make_app: MakeApp) -> None:
    app = make_app(APP).start("--no-ui")
    with browser(app) as client:
        answer = client.get("/")
        assert (answer.status_code, answer.headers["location"]) == (307, "/docs")
        assert client.get("/docs").status_code == 200
