"""Swagger UI in a real browser."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.conftest import MakeServed, Seen

APP = """
from pydantic import BaseModel

from flowrpc import Get, Post


class Order(BaseModel):
    name: str
    count: int = 1


class Root(LightningFlow):
    def __init__(self):
        self.sold = 0

    def run(self):
        pass

    def sell(self, order: Order):
        \"\"\"Sells something.\"\"\"
        self.sold += order.count
        return {"sold": self.sold, "what": order.name}

    def configure_api(self):
        return [Post("/orders", self.sell, status_code=201)]


app = LightningApp(Root())
"""


def test_a_route_is_tried_out_without_internet(
    chromium_page: Page, seen: Seen, make_served: MakeServed
) -> None:
    app, link = make_served(APP)
    origin = link.partition("/login")[0]
    chromium_page.goto(link)
    chromium_page.goto(f"{origin}/docs")
    expect(chromium_page.get_by_text("OAS 3.1")).to_be_visible()
    operation = chromium_page.locator("#operations-root-endpoint, .opblock").filter(has_text="/orders").first
    operation.locator(".opblock-summary-control").click()
    operation.get_by_role("button", name="Try it out").click()
    operation.locator("textarea.body-param__text").fill('{"name": "tea", "count": 3}')
    operation.get_by_role("button", name="Execute").click()
    answer = operation.locator(".live-responses-table")
    expect(answer.locator(".response-col_status").last).to_contain_text("201")
    expect(answer.locator(".response-col_description").last).to_contain_text('"sold": 3')
    with app.client() as client:
        assert client.state()["vars"]["sold"] == 3

    operation.locator("textarea.body-param__text").fill('{"count": "many"}')
    operation.get_by_role("button", name="Execute").click()
    expect(answer.locator(".response-col_status").last).to_contain_text("422")
    expect(answer.locator(".response-col_description").last).to_contain_text('"name"')

    assert seen.origins() == {origin}
    # The browser itself tells of the answer that was refused.
    assert [text for text in seen.complaints if "422" not in text] == []


def test_every_operation_opens(chromium_page: Page, seen: Seen, make_served: MakeServed) -> None:
    _, link = make_served(APP)
    chromium_page.goto(link)
    chromium_page.goto(link.partition("/login")[0] + "/docs")
    operations = chromium_page.locator(".opblock")
    expect(operations.first).to_be_visible()
    for control in chromium_page.locator(".opblock-summary-control").all():
        control.click()
    expect(chromium_page.locator(".opblock.is-open")).to_have_count(operations.count())
    expect(chromium_page.locator(".errors-wrapper")).to_have_count(0)
    expect(chromium_page.get_by_text("Could not resolve")).to_have_count(0)
    assert operations.count() >= 10
    assert seen.complaints == []
