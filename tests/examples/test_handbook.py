"""The example `handbook`: static pages in one tab, a work with a page in the other."""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
from flowrpc.testing import SimulatedApp, run_app
from flowrpc_client import FlowClient

from tests.examples.conftest import FLOWCTL, SECONDS
from tests.examples.loading import EXAMPLES, load_example

APP = EXAMPLES / "handbook" / "app.py"


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return load_example("handbook", monkeypatch)


def test_pages_are_found_by_all_their_words(example: ModuleType) -> None:
    texts = {path.name: example.read_page(path) for path in example.PAGES.glob("*.html")}

    assert example.found_in(texts, "kettle MINUTES") == {"brewing.html": "Brewing"}
    assert example.found_in(texts, "minutes & no longer") == {"brewing.html": "Brewing"}
    assert example.found_in(texts, "coffee") == {}
    assert example.found_in(texts, "  ") == {}


def test_what_was_searched_for_is_shown_as_text(example: ModuleType) -> None:
    page = example.result_page('"><script>', {"a.html": "<b>"})

    assert "<script>" not in page
    assert "<li>&lt;b&gt; (a.html)</li>" in page


def test_it_is_ready_when_the_search_answers(example: ModuleType) -> None:
    app = SimulatedApp(example.Handbook)
    app.settle()
    assert (app.root.ready, app.root.search_url) == (False, "")

    app.works["root.search"].start().serve("http://127.0.0.1:4321")
    app.settle()
    assert (app.root.ready, app.root.search_url) == (True, "http://127.0.0.1:4321")


@pytest.mark.slow
def test_both_tabs_lead_to_pages() -> None:
    with run_app(APP, timeout=SECONDS) as app:
        token = (app.data_dir / "tokens" / "read").read_text().strip()
        app.wait_for(lambda seen: bool(seen.vars()["search_url"] and seen.vars("root.search")["pages"]))
        with httpx.Client(
            base_url=app.client.app().http_address,
            headers={"Authorization": f"Bearer {token}"},
            timeout=SECONDS,
            trust_env=False,
        ) as client:
            handbook, search = client.get("/api/v1/layout").json()["layout"]["tabs"]
            page = client.get(handbook["layout"]["target"]).text
            found = httpx.get(search["target"], params={"q": "green"}, trust_env=False).text

        assert (handbook["name"], search["name"]) == ("Handbook", "Search 3 pages")
        assert "<h1>Handbook of the tea room</h1>" in page
        assert "<li>Brewing (brewing.html)</li>" in found
        app.wait_for(lambda seen: bool(seen.vars("root.search")["searches"]))
        assert app.stop() == 0


@pytest.mark.slow
def test_whoever_waits_for_it_can_search_at_once(tmp_path: Path) -> None:
    data = tmp_path / "data"
    started = subprocess.run(
        [FLOWCTL, "run", str(APP), "--data-dir", str(data), "--wait", "--wait-timeout", "40"],
        timeout=50,
        check=False,
    )
    try:
        assert started.returncode == 0
        with FlowClient(data_dir=data) as client:
            state: Any = client.state()
        found = httpx.get(state["vars"]["search_url"], params={"q": "till"}, trust_env=False)
        assert "Opening" in found.text
    finally:
        stop = [FLOWCTL, "--data-dir", str(data), "stop"]
        subprocess.run(stop, capture_output=True, timeout=SECONDS, check=False)
