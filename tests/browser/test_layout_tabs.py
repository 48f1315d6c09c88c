"""The tabs of the layout in the dashboard: they follow the works and the state, and leave the visitor where he is."""

from __future__ import annotations

import re

import pytest
from flowrpc_client import FlowClient
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import WAIT_MS, MakeServed, Seen
from tests.end_to_end.conftest import RunningApp
from tests.end_to_end.tabbed_works import SOURCE

SLOW_STATE = """
const listen = EventSource.prototype.addEventListener;
EventSource.prototype.addEventListener = function (kind, take) {
    listen.call(this, kind, kind === "state" ? (event) => setTimeout(take, 1000, event) : take);
};
"""
"""Lets the page hear of the app's state a second after it heard which app it is."""


@pytest.fixture(autouse=True)
def patience() -> None:
    expect.set_options(timeout=WAIT_MS)


@pytest.fixture
def dashboard(chromium_page: Page, make_served: MakeServed) -> RunningApp:
    app, link = make_served(SOURCE)
    chromium_page.goto(link)
    expect(tab(chromium_page, "Work 0")).to_be_visible()
    return app


def tab(page: Page, name: str) -> Locator:
    return page.get_by_role("tab", name=name, exact=True)


def panel(page: Page) -> Locator:
    return page.locator("#content > [role=tabpanel]:not([hidden])")


def test_a_tab_shows_the_page_of_its_work_when_that_serves_and_until_it_ends(
    chromium_page: Page, seen: Seen, dashboard: RunningApp
) -> None:
    chromium_page.evaluate("window.same = true")
    tab(chromium_page, "Work 0").click()
    expect(panel(chromium_page)).to_contain_text("Nothing to show yet")
    heading = chromium_page.frame_locator("iframe").get_by_role("heading")
    with dashboard.client() as client:
        client.call("serve")
        expect(heading).to_contain_text("served by")
        first = chromium_page.locator("iframe").get_attribute("src")
        expect(tab(chromium_page, "Work 0")).to_have_attribute("aria-selected", "true")
        client.call("end")
        expect(panel(chromium_page)).to_contain_text("Nothing to show yet")
        expect(chromium_page.locator("iframe")).to_have_count(0)
        client.call("serve")
        expect(heading).to_contain_text("served by")
    assert chromium_page.locator("iframe").get_attribute("src") == first
    assert chromium_page.evaluate("window.same"), "the page was not loaded again"
    assert [text for text in seen.complaints if "favicon" not in text] == []


def test_a_tab_in_a_tab_follows_its_work_too(chromium_page: Page, dashboard: RunningApp) -> None:
    tab(chromium_page, "Nested").click()
    expect(tab(chromium_page, "Inner")).to_have_attribute("aria-selected", "true")
    expect(panel(chromium_page)).to_contain_text("Nothing to show yet")
    page = chromium_page.frame_locator("iframe").get_by_role("paragraph")
    with dashboard.client() as client:
        client.call("serve", work="below")
        expect(page).to_have_text("/")
        client.call("turn", page="second")
        expect(page).to_have_text("/second")


def test_the_table_of_works_tells_where_they_serve_now(chromium_page: Page, dashboard: RunningApp) -> None:
    tab(chromium_page, "Works & runs").click()
    row = chromium_page.get_by_role("row", name="root.server").first
    expect(row).to_contain_text("not started")
    expect(row.get_by_role("link")).to_have_count(0)
    with dashboard.client() as client:
        client.call("serve")
        expect(row.get_by_role("link")).to_have_attribute("href", re.compile(r"^http://127\.0\.0\.1:\d+/$"))
        client.call("end")
        expect(row.get_by_role("link")).to_have_count(0)


def rename(client: FlowClient, page: Page, count: int) -> None:
    client.call("number", count=count)
    expect(tab(page, f"Work {count}")).to_be_visible()


def test_who_reads_a_tab_stays_there_whatever_happens_to_the_others(
    chromium_page: Page, dashboard: RunningApp
) -> None:
    page = chromium_page
    tab(page, "Work 0").click()
    with dashboard.client() as client:
        client.call("serve")
        expect(page.frame_locator("iframe").get_by_role("heading")).to_contain_text("served by")
        page.locator("iframe").evaluate("frame => { frame.same = true; }")
        for count in (3, 10, 2):  # with ten, a tab comes before it
            rename(client, page, count)
            expect(tab(page, f"Work {count}")).to_have_attribute("aria-selected", "true")
            expect(tab(page, f"Work {count}")).to_be_focused()
    assert page.locator("iframe").evaluate("frame => frame.same"), "its page was not loaded again"


def test_the_first_tab_of_the_layout_is_shown_at_first(chromium_page: Page, dashboard: RunningApp) -> None:
    chromium_page.add_init_script(SLOW_STATE)
    chromium_page.reload()
    expect(tab(chromium_page, "Empty")).to_have_attribute("aria-selected", "true")
    chromium_page.goto(chromium_page.url.partition("#")[0] + "#layout-2")
    chromium_page.reload()
    expect(tab(chromium_page, "Nested")).to_have_attribute("aria-selected", "true")
