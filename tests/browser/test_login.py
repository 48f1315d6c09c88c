"""The login link in a real browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import MakeServed, Seen, Serve, new_page
from tests.browser.strangers import Stranger

APP = """
class Root(LightningFlow):
    def run(self):
        pass

app = LightningApp(Root())
"""
STATUS = "fetch('/api/v1/state').then(answer => answer.status)"


def test_the_link_works_once_and_leaves_a_cookie_that_no_script_reads(
    chromium: Browser, chromium_page: Page, seen: Seen, serve: Serve
) -> None:
    link = serve(APP)
    chromium_page.goto(link)
    expect(chromium_page).not_to_have_url(re.compile("key="))
    (cookie,) = chromium_page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Strict", "/")
    assert chromium_page.evaluate("document.cookie") == ""
    assert chromium_page.evaluate(STATUS) == 200
    assert seen.complaints == []
    with new_page(chromium) as other:
        answer = other.goto(link)
        assert answer is not None
        assert answer.status == 403
        assert "used already" in other.inner_text("body")
        assert other.evaluate(STATUS) == 401


def test_who_is_logged_in_may_follow_the_used_link_again(chromium_page: Page, serve: Serve) -> None:
    link = serve(APP)
    for _ in range(2):
        answer = chromium_page.goto(link)
        assert answer is not None
        assert answer.status == 200
        assert chromium_page.evaluate(STATUS) == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"], ids=["same site", "other site"])
def test_a_link_in_a_page_of_another_origin_logs_in(
    chromium_page: Page, serve: Serve, stranger: Stranger, host: str
) -> None:
    link = serve(APP)  # as in a chat or an issue, where the browser keeps Strict cookies out of what follows
    chromium_page.goto(stranger.url(f'<a href="{link}">look</a>', host=host))
    chromium_page.click("a")
    expect(chromium_page).not_to_have_url(re.compile("key=|login|page"))
    assert chromium_page.evaluate("document.contentType") == "text/html", chromium_page.inner_text("body")


def test_a_login_goes_on_when_the_app_was_killed_and_came_back(
    chromium_page: Page, make_served: MakeServed
) -> None:
    app, link = make_served(APP)
    chromium_page.goto(link)
    app.kill()
    app.start()
    assert chromium_page.evaluate(STATUS) == 200


def test_a_browser_without_a_login_sees_how_to_get_one(chromium_page: Page, seen: Seen, serve: Serve) -> None:
    origin = serve(APP).partition("/login")[0]
    answer = chromium_page.goto(f"{origin}/docs")
    assert answer is not None
    assert answer.status == 401
    expect(chromium_page.get_by_role("heading", name="Log in")).to_be_visible()
    expect(chromium_page.get_by_text(f"{origin}/api/v1/login-links")).to_be_visible()
    expect(chromium_page.get_by_text("flowctl login")).to_be_visible()
    assert seen.origins() == {origin}
    assert [text for text in seen.complaints if "401" not in text] == []
