"""What the dashboard tells of a running app: figures, what works take, and how soon it tells a change."""

from __future__ import annotations

import re
from functools import partial

import pytest
from flowrpc.gateway.dashboard import PAUSE_SECONDS
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.conftest import WAIT_MS, MakeServed
from tests.browser.dashboard_app import FILES, SOURCE
from tests.browser.test_dashboard import choose, connection, row
from tests.end_to_end.conftest import RunningApp

SOON_MS = 500
"""How long it may take from a command until a page shows what it did, beside what machine and network take."""

TOLD = """
window.told = 0;
const listen = EventSource.prototype.addEventListener;
EventSource.prototype.addEventListener = function (kind, take) {
    listen.call(this, kind, kind === "state" ? (event) => { take(event); window.told += 1; } : take);
};
"""
"""Counts what the page was told of the app's state."""
SLOW = {
    "**/model.js": ("DRAW_MS = 200", "DRAW_MS = 4000"),
    "**/main.js": ("tabs.draw(); }, 1000)", "tabs.draw(); }, 4000)"),
}
"""Makes the page draw what it was told every four seconds."""

REACHED = "([element, least]) => Number(element.textContent.replaceAll(',', '')) >= least"


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


def shown_after(page: Page, app: RunningApp, link: str, milliseconds: int) -> bool:
    """Tells whether a page shows what a command did so long after it was told; else its clock stands still."""
    page.clock.install(time=0)
    page.clock.pause_at(1_000)
    page.add_init_script(TOLD)
    page.goto(link)
    while page.locator("#tabs").get_by_role("tab").count() == 0:
        page.clock.run_for(100)
    choose(page, "Components")
    value = row(page, "counter").locator(".value")
    expect(value).to_have_text("0")
    with app.client() as client:
        for number in range(1, 6):
            before = page.evaluate("told")
            client.call("count")
            while page.evaluate("told") == before:
                pass
            page.clock.run_for(milliseconds)
            if value.inner_text() != str(number):
                return False
    return True


def test_a_page_shows_in_time_what_it_was_told(chromium_page: Page, make_served: MakeServed) -> None:
    """The app tells at most so seldom, and what is left of half a second is the page's: no machine's speed is in it."""
    left = SOON_MS - round(PAUSE_SECONDS * 1_000)
    app, link = make_served(SOURCE, files=FILES)
    assert shown_after(chromium_page, app, link, left)


def test_a_page_that_draws_seldom_is_found(chromium_page: Page, make_served: MakeServed) -> None:
    def alter(route: Route, slow: tuple[str, str]) -> None:
        source = route.fetch().text()
        assert slow[0] in source
        route.fulfill(body=source.replace(*slow), content_type="text/javascript")

    for path, slow in SLOW.items():
        chromium_page.route(path, partial(alter, slow=slow))
    app, link = make_served(SOURCE, files=FILES)
    assert not shown_after(chromium_page, app, link, SOON_MS)
