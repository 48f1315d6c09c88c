"""The example `short_links`: commands, a part at the client, and routes."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from flowrpc.errors import CallError
from flowrpc.testing import AppProcess, SimulatedApp, run_app
from flowrpc_client import CommandFailed

from tests.examples.conftest import FLOWCTL, SECONDS
from tests.examples.loading import EXAMPLES, load_example

DOCS: dict[str, Any] = {"slug": "docs", "url": "https://example.com/docs"}
HELP: dict[str, Any] = {"slug": "help", "url": "https://example.com/help"}


@pytest.fixture
def links(monkeypatch: pytest.MonkeyPatch) -> SimulatedApp:
    return SimulatedApp(load_example("short_links", monkeypatch).ShortLinks)


def test_links_are_added(links: SimulatedApp) -> None:
    assert links.call("add", link=DOCS) == 1
    assert links.call("import_links", links=[HELP, {"slug": "a", "url": "http://a.example"}]) == 3
    assert links.root.urls["a"] == "http://a.example/"


def test_of_several_links_all_are_added_or_none(links: SimulatedApp) -> None:
    links.call("add", link=DOCS)
    with pytest.raises(CommandFailed, match=r"docs is taken, by https://example\.com/docs"):
        links.call("import_links", links=[HELP, DOCS])
    assert [*links.root.urls] == ["docs"]


@pytest.mark.parametrize(
    "link", [{"slug": "Docs", "url": "http://a.example"}, {"slug": "docs", "url": "docs"}]
)
def test_a_link_that_is_none_is_refused(links: SimulatedApp, link: dict[str, Any]) -> None:
    with pytest.raises(CallError) as refused:
        links.call("add", link=link)
    assert refused.value.reason == "INVALID_ARGUMENTS"


@pytest.fixture
def app() -> Iterator[AppProcess]:
    with run_app(EXAMPLES / "short_links" / "app.py", timeout=SECONDS) as served:
        yield served


def http(app: AppProcess, role: str | None = "call") -> httpx.Client:
    token = "" if role is None else (app.data_dir / "tokens" / role).read_text().strip()
    headers = {"Authorization": f"Bearer {token}"} if role else {}
    address = app.client.app().http_address
    return httpx.Client(base_url=address, headers=headers, timeout=SECONDS, trust_env=False)


@pytest.mark.slow
def test_links_are_made_and_followed_by_http_and_survive_a_kill(app: AppProcess) -> None:
    with http(app) as client, http(app, None) as stranger:
        made = client.post("/links", json=DOCS)
        assert (made.status_code, made.json()) == (201, {"follow": "/to/docs"})
        again = client.post("/links", json=DOCS)
        assert (again.status_code, again.json()["detail"]) == (
            409,
            "docs is taken, by https://example.com/docs",
        )
        assert client.post("/links", json={"slug": "-", "url": "https://a.example"}).status_code == 422
        followed = stranger.get("/to/docs")
        assert (followed.status_code, followed.headers["location"]) == (307, DOCS["url"])
        assert stranger.get("/links/docs").status_code == 401
        assert stranger.get("/to/nowhere").status_code == 404

    app.kill()
    app.start()
    with http(app) as client:
        assert client.get("/links/docs").json() == {"url": DOCS["url"], "visits": 1}
        assert client.delete("/links/docs").status_code == 204
        assert client.get("/links/docs").json() == {"detail": "there is no link 'docs'"}


@pytest.mark.slow
def test_a_file_at_the_client_is_imported_when_its_reader_is_trusted(app: AppProcess, tmp_path: Path) -> None:
    def flowctl(*arguments: str) -> tuple[int, str]:
        call = [FLOWCTL, "--data-dir", str(app.data_dir), "call", "import_links", *arguments]
        call += ["--args", f"path={tmp_path / 'links.csv'}"]
        done = subprocess.run(call, capture_output=True, text=True, timeout=SECONDS, check=False)
        return done.returncode, done.stdout + done.stderr

    (tmp_path / "links.csv").write_text(
        "slug,url\ndocs,https://example.com/docs\nhelp,https://example.com/help\n"
    )
    code, told = flowctl()
    assert code != 0
    assert "Nothing of it was run." in told
    assert flowctl("--trust")[1].startswith("2\n")
    (tmp_path / "links.csv").write_text("name,url\ndocs,https://example.com/docs\n")
    code, told = flowctl("--trust")
    assert code != 0
    assert "line 2: the columns are slug,url" in told
