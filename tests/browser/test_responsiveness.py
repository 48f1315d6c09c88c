"""A thousand components and ten thousand log lines cost the browser no more than ten: measured as what it computes.

What counts is the processor time of the page's main thread, as the browser tells it, for an update of the app, a key
that is pressed then, and the frame that shows both. Delays on the clock would tell how busy the machine is; this tells
how long the page keeps a key waiting, as a ratio to the same page with little in it, measured in the same run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import MakeServed
from tests.browser.dashboard_app import FILES, SOURCE
from tests.browser.test_dashboard import choose, connection
from tests.end_to_end.conftest import RunningApp

LIMIT = 3.0
"""How much more an update may cost the full page than the one with little in it; 0.75 to 1.35 were measured."""
ROUNDS = 10
FEW_ROUNDS = 2
"""How often a page with the fault is measured: it takes long, and is far beyond the limit."""

ROUND = """
async ({rounds, command, given}) => {
    const box = document.querySelector("[role=tabpanel]:not([hidden]) .scroll");
    for (let round = 0; round < rounds; round += 1) {
        const shown = new Promise((done) => {
            const watcher = new MutationObserver(() => { watcher.disconnect(); done(); });
            watcher.observe(box, {subtree: true, childList: true, characterData: true});
        });
        await fetch(`/api/v1/commands/${command}`, {method: "POST", body: JSON.stringify(given)});
        await shown;
        box.dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowDown", bubbles: true, cancelable: true}));
        await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    }
}
"""
"""Rounds of an update, a key when that is shown, and the next frame."""

PLANT = ("this.#rows.slice(first, first + inSight)", "(console.debug(first), this.#rows.slice())")
"""Makes a list draw all rows each time instead of those in sight."""


class Meter:
    """Measures what rounds cost a page."""

    def __init__(self, page: Page, command: str, **given: Any) -> None:
        self._page = page
        self._call = {"command": command, "given": given}
        self._browser = page.context.new_cdp_session(page)
        self._browser.send("Performance.enable", {"timeDomain": "threadTicks"})

    def cost(self, rounds: int = ROUNDS) -> float:
        """Returns the seconds of processor time that a round took, once the page is warm."""
        self._page.evaluate(ROUND, {**self._call, "rounds": rounds // 2})
        before = self._seconds()
        self._page.evaluate(ROUND, {**self._call, "rounds": rounds})
        return (self._seconds() - before) / rounds

    def _seconds(self) -> float:
        metrics = self._browser.send("Performance.getMetrics")["metrics"]
        return float(next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration"))


@pytest.fixture
def app(chromium_page: Page, make_served: MakeServed) -> RunningApp:
    app, link = make_served(SOURCE, files=FILES)
    chromium_page.goto(link)
    return app


def draw_all_rows(page: Page) -> None:
    """Loads the page again, with the fault."""

    def alter(route: Route) -> None:
        source = route.fetch().text()
        assert PLANT[0] in source
        route.fulfill(body=source.replace(*PLANT), content_type="text/javascript")

    page.route("**/virtual_list.js", alter)
    page.reload()


def compared(page: Page, meter: Meter, show: Callable[[], None], fill: Callable[[], None]) -> list[float]:
    """Measures little, much, and much with the fault; returns how much more the latter two cost."""
    show()
    little = meter.cost()
    fill()
    show()
    much = meter.cost()
    draw_all_rows(page)
    show()
    return [much / little, meter.cost(FEW_ROUNDS) / little]


def test_a_thousand_components_cost_what_ten_do(chromium_page: Page, app: RunningApp) -> None:
    page = chromium_page

    def fill() -> None:
        with app.client(timeout=60.0) as client:
            client.call("grow", components=996)

    def show() -> None:
        expect(connection(page)).to_have_text("live")
        choose(page, "Components")
        with app.client(timeout=60.0) as client:
            components = 6 + len(client.state()["structures"]["more"]["flows"])
        status = page.get_by_role("tabpanel").get_by_role("status")
        expect(status).to_have_text(f"{components:,} components")
        page.get_by_role("button", name="Open all").click()

    with app.client() as client:
        client.call("grow", components=4)
    ratios = compared(page, Meter(page, "count", by=1), show, fill)
    assert ratios[0] < LIMIT < ratios[1], ratios


def test_ten_thousand_log_lines_cost_what_a_hundred_do(chromium_page: Page, app: RunningApp) -> None:
    page = chromium_page

    def fill() -> None:
        with app.client(timeout=60.0) as client:
            client.call("talk", lines=10_000)

    def show() -> None:
        expect(connection(page)).to_have_text("live")
        choose(page, "Logs")
        expect(page.locator(".record").last).to_contain_text("of</i> many")

    with app.client() as client:
        client.call("talk", lines=100)
    ratios = compared(page, Meter(page, "talk", lines=10), show, fill)
    assert ratios[0] < LIMIT < ratios[1], ratios
