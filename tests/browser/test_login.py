"""The login link in a real browser."""

from __future__ import annotations

import re

from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Seen, Serve, new_page

APP = """
class Root(LightningFlow):
    def run(self):
        pass

app = LightningApp(Root())
"""


def test_the_link_works_once_and_leaves_a_cookie_that_no_script_reads(
    chromium: Browser, chromium_page: Page, seen: Seen, serve: Serve
) -> None:
    link = serve(APP)
    chromium_page.goto(link)
    expect(chromium_page).not_to_have_url(re.compile("key="))
    (cookie,) = chromium_page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Strict", "/")
    assert chromium_page.evaluate("document.cookie") == ""
    assert chromium_page.evaluate("fetch('/api/v1/state').then(answer => answer.status)") == 200
    with new_page(chromium) as (_, stranger):
        answer = stranger.goto(link)
        assert answer is not None
        assert answer.status == 403
        assert "used already" in stranger.inner_text("body")
        assert stranger.evaluate("fetch('/api/v1/state').then(answer => answer.status)") == 401
    assert seen.complaints == []
