"""`make screenshots`: every page of the dashboard, light and dark, on a laptop and a phone, for people to look at."""

from __future__ import annotations

import os
import sys
import tempfile
import textwrap
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.conftest import OPTIONS, WAIT_MS, executable
from tests.browser.dashboard_app import FILES, SOURCE
from tests.end_to_end.conftest import HEADER, RunningApp
from tests.end_to_end.http_client import address, page_url

SIZES = {"laptop": (1280, 800), "phone": (390, 844)}
SCHEMES = ("light", "dark")
EMPTY = """
class Root(LightningFlow):
    def run(self):
        pass


app = LightningApp(Root())
"""
"""An app with nothing to show."""
TABS = ("Report", "Later", "Overview", "Components", "Works & runs", "Logs", "Commands")


def main() -> None:
    """Writes the pictures to a folder."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    if executable() is None:
        sys.exit("no browser: install Chromium")
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        os.environ["FLOWRPC_RUN_DIR"] = f"{scratch}/run"
        app = served(Path(scratch, "shop"))
        empty = started(Path(scratch, "empty"), EMPTY)
        try:
            browser = playwright.chromium.launch(
                executable_path=executable(),
                args=OPTIONS,
                chromium_sandbox=os.geteuid() != 0,
                env={**os.environ, "HOME": scratch},
            )
            take_all(browser, page_url(app), folder)
            take_empty(browser, empty, folder)
            browser.close()
        finally:
            app.close()
            empty.close()


def served(folder: Path) -> RunningApp:
    """Serves the app with some life in it."""
    app = started(folder, SOURCE, FILES)
    with app.client() as client:
        client.call("try_and_fail")
        client.call("start", epochs=300)
        client.call("talk", lines=12)
    return app


def started(folder: Path, source: str, files: dict[str, str] | None = None) -> RunningApp:
    """Serves an app of source text."""
    folder.mkdir()
    (folder / "app.py").write_text(HEADER + textwrap.dedent(source))
    for name, content in (files or {}).items():
        (folder / name).parent.mkdir()
        (folder / name).write_text(content)
    return RunningApp(folder).start()


def take_empty(browser: Browser, app: RunningApp, folder: Path) -> None:
    """Takes the pages of an app with nothing to show, of one that is gone, and for who is not logged in."""
    page = browser.new_page(color_scheme="light")
    for size, (width, height) in SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        page.goto(address(app))
        expect(page.locator("#connection")).to_have_text("logged out")
        take(page, folder / f"logged-out-{size}.png")
        page.goto(f"{address(app)}/docs")
        take(page, folder / f"login-{size}.png")
    page.goto(page_url(app))
    expect(page.locator("#connection")).to_have_text("live")
    for size, (width, height) in SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        for tab in TABS[2:]:
            page.get_by_role("tab", name=tab, exact=True).click()
            take(page, folder / f"empty-{tab.split()[0].lower()}-{size}.png")
    page.get_by_role("tab", name="Commands").focus()
    page.keyboard.press("ArrowLeft")
    take(page, folder / "focus-tab.png")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    take(page, folder / "focus-field.png")
    page.get_by_role("tab", name="Components").click()
    page.get_by_role("tree").focus()
    page.keyboard.press("ArrowDown")
    take(page, folder / "focus-tree.png")
    app.kill()
    expect(page.locator("#connection")).to_have_text("reconnecting")
    take(page, folder / "reconnecting.png")


def take_all(browser: Browser, link: str, folder: Path) -> None:
    """Takes every page in every way."""
    expect.set_options(timeout=WAIT_MS)
    page = browser.new_page()
    page.goto(link)
    expect(page.locator("#connection")).to_have_text("live")
    page.get_by_role("tab", name="Commands").click()
    for name in ("count", "refuse"):
        form = page.locator("form.command", has=page.get_by_role("heading", name=name, exact=True))
        for field in form.locator("[aria-required=true]").all():
            field.fill("it is not possible")
        form.get_by_role("button").click()
    expect(page.locator(".result")).to_have_count(2)
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        for size, (width, height) in SIZES.items():
            page.set_viewport_size({"width": width, "height": height})
            for tab in TABS:
                page.get_by_role("tab", name=tab, exact=True).click()
                take(page, folder / f"{tab.split()[0].lower()}-{size}-{scheme}.png")
            page.get_by_role("tab", name="Components").click()
            page.locator(".row.var", has_text="names").first.click()
            expect(page.get_by_role("dialog").get_by_role("textbox")).to_be_editable()
            take(page, folder / f"var-{size}-{scheme}.png")
            page.keyboard.press("Escape")


def take(page: Page, path: Path) -> None:
    """Takes a picture once what was asked for is there."""
    page.wait_for_timeout(700)
    page.screenshot(path=path)
    print(path)


if __name__ == "__main__":
    main()
