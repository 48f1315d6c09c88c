"""What the dashboard tells of a running app: figures, what works take, and how soon it tells a change."""

from __future__ import annotations

import re
from statistics import median

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.conftest import WAIT_MS, MakeServed
from tests.browser.dashboard_app import FILES, SOURCE
from tests.browser.test_dashboard import choose, connection
from tests.end_to_end.conftest import RunningApp

SOON_MS = 500
"""How long a page may take to show what a command did, once that was answered."""

REACHED = "([element, least]) => Number(element.textContent.replaceAll(',', '')) >= least"
UPDATES = """
async (rounds) => {
    const row = [...document.querySelectorAll(".row.var")].find((row) => row.textContent.startsWith("counter"));
    const found = [];
    for (let round = 0; round < rounds; round += 1) {
        let begin = performance.now();
        await (await fetch("/healthz")).text();
        const lag = performance.now() - begin;
        const shown = new Promise((done) => {
            const watcher = new MutationObserver(() => { watcher.disconnect(); done(performance.now()); });
            watcher.observe(row, {subtree: true, childList: true, characterData: true});
        });
        await (await fetch("/api/v1/commands/count", {method: "POST"})).text();
        begin = performance.now();
        found.push([await shown - begin, lag]);
    }
    return found;
}
"""
"""Of each command how long after its answer the page shows what it did, and how slow the machine is: a bare request."""


@pytest.fixture(autouse=True)
def patience() -> None:
    expect.set_options(timeout=WAIT_MS)


@pytest.fixture
def app(chromium_page: Page, make_served: MakeServed) -> RunningApp:
    app, link = make_served(SOURCE, files=FILES)
    chromium_page.goto(link)
    expect(connection(chromium_page)).to_have_text("live")
    return app


def card(page: Page, name: str) -> Locator:
    return page.locator(".card", has=page.get_by_role("term").filter(has_text=re.compile(f"^{name}$")))


def chart(page: Page, name: str) -> Locator:
    return page.locator("figure", has=page.get_by_role("heading", name=name))


def test_the_overview_tells_how_the_app_is(chromium_page: Page, app: RunningApp) -> None:
    page = chromium_page
    choose(page, "Overview")
    expect(card(page, "Status")).to_contain_text("running")
    expect(card(page, "Passes per second")).to_contain_text("at rest")
    expect(chart(page, "Timeline of runs")).to_contain_text("No run has started yet")
    expect(chart(page, "Command latency")).to_contain_text("nothing yet")
    with app.client() as client:
        client.call("start", epochs=10_000)
        expect(card(page, "Runs")).to_contain_text("1 running")
        expect(card(page, "Passes per second")).to_contain_text(re.compile(r"second\d"))
        revision = client.call_outcome("count").revision
        expect(card(page, "Components")).to_contain_text("3 flows, 2 works")
        shown = card(page, "Revision").get_by_role("definition").first
        page.wait_for_function(REACHED, arg=[shown.element_handle(), revision])
    expect(chart(page, "Command latency").locator(".legend")).to_contain_text(
        re.compile(r"half are within [\d.]+ ms")
    )
    expect(chart(page, "Command latency").locator(".line[d^=M]")).not_to_have_count(0)
    expect(chart(page, "Revisions").locator(".legend")).to_contain_text(
        re.compile(r"revisions [\d.]+ per second")
    )
    expect(chart(page, "Revisions").locator(".line.first[d*=L]")).to_have_count(1)
    expect(chart(page, "Timeline of runs").locator(".legend")).to_have_text("running")


def test_works_and_agents_tell_what_they_need_and_have(chromium_page: Page, app: RunningApp) -> None:
    page = chromium_page
    choose(page, "Works & runs")
    works, agents, runs = (page.get_by_role("region", name=name) for name in ("Works", "Agents", "Runs"))
    expect(works.get_by_role("row", name="root.check")).to_contain_text("0.1 CPUs, 32 MiB")
    expect(agents.get_by_role("row").last).to_contain_text(re.compile(r"local.*0 of \d+.*CPUs, .*GiB"))
    with app.client() as client:
        client.call("try_and_fail", epochs=10_000)
        expect(runs.get_by_role("row").last).to_contain_text(
            re.compile(r"running.*root\.check.*1.*10000.*local")
        )
        expect(agents.get_by_role("row").last).to_contain_text(re.compile(r"1 of \d+.*0\.1 CPUs, 32 MiB"))


def test_what_a_command_did_is_shown_within_half_a_second(chromium_page: Page, app: RunningApp) -> None:
    """Beside what this machine needs for a bare request just then; a page that draws seldom is found."""
    page = chromium_page
    choose(page, "Components")
    took, lag = zip(*page.evaluate(UPDATES, 11), strict=True)
    assert median(took) <= SOON_MS + 4 * median(lag)

    def alter(route: Route) -> None:
        source = route.fetch().text()
        assert "DRAW_MS = 200" in source
        route.fulfill(body=source.replace("DRAW_MS = 200", "DRAW_MS = 4000"), content_type="text/javascript")

    page.route("**/model.js", alter)
    page.reload()
    expect(page.locator(".row.var").first).to_be_visible()
    took, lag = zip(*page.evaluate(UPDATES, 3), strict=True)
    assert median(took) > SOON_MS + 4 * median(lag), "so the above can fail"
