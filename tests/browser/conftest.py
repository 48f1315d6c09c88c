"""Real apps in a real browser: the Chromium of the system, headless, without anything of the user's."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    WebError,
    expect,
    sync_playwright,
)

from tests.browser.strangers import Stranger, strange_server
from tests.end_to_end.conftest import MakeApp, RunningApp, make_app, own_run_directory
from tests.end_to_end.http_client import page_url

__all__ = ["make_app", "own_run_directory"]  # fixtures

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
OPTIONS = ["--disable-background-networking", "--disable-component-update"]
WAIT_MS = 60_000
"""How long anything in a page may take to come; machines are slow when they are busy."""

Serve = Callable[..., str]
"""Serves an app of source text; returns a link that logs a browser in."""
MakeServed = Callable[..., tuple[RunningApp, str]]
"""Does so, and returns the app, too."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skips each test by its name where there is no browser, and gives it time where there is one."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.timeout(150))
            if executable() is None:
                reason = f"{item.name} needs a browser; install one of {', '.join(NAMES)}"
                item.add_marker(pytest.mark.skip(reason=reason))


def executable() -> str | None:
    """Finds the browser."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser of the module.

    It lives no longer, because Playwright has an event loop in this thread as long as it runs, and tests of other
    modules have their own.
    """
    home = tmp_path_factory.mktemp("browser-home")
    expect.set_options(timeout=WAIT_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable(),
            args=OPTIONS,
            chromium_sandbox=os.geteuid() != 0,  # it refuses to be root's otherwise
            env={**os.environ, "HOME": str(home), "XDG_CONFIG_HOME": str(home), "XDG_CACHE_HOME": str(home)},
        )
        yield browser
        browser.close()


@dataclass
class Seen:
    """What the pages of a context did."""

    complaints: list[str] = field(default_factory=list)
    """Errors and warnings in the console, and exceptions that nobody caught."""
    requests: list[str] = field(default_factory=list)
    """Where requests went."""

    def follow(self, context: BrowserContext) -> None:
        """Notes what the pages of a context do from now on."""
        context.on("request", self._request)
        context.on("console", self._console)
        context.on("weberror", self._error)

    def _request(self, request: Request) -> None:
        self.requests.append(request.url)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def _error(self, error: WebError) -> None:
        self.complaints.append(str(error.error))

    def origins(self) -> set[str]:
        """Returns where requests went; what a page holds itself went nowhere."""
        return {
            "/".join(url.split("/")[:3]) for url in self.requests if not url.startswith(("data:", "blob:"))
        }


@contextmanager
def new_page(chromium: Browser) -> Iterator[Page]:
    """Opens a page in a context of its own: no cookies, no cache."""
    with chromium.new_context() as context:
        context.set_default_timeout(WAIT_MS)
        yield context.new_page()


@pytest.fixture
def chromium_page(chromium: Browser) -> Iterator[Page]:
    """A page without cookies, in a browser that knows nothing."""
    with new_page(chromium) as page:
        yield page


@pytest.fixture
def seen(chromium_page: Page) -> Seen:
    """Notes what the page asks for and complains of, from now on."""
    found = Seen()
    found.follow(chromium_page.context)
    return found


@pytest.fixture
def stranger() -> Iterator[Stranger]:
    """Pages of another origin."""
    with strange_server() as server:
        yield server


@pytest.fixture
def make_served(make_app: MakeApp) -> MakeServed:
    """Serves an app of source text; returns it with the login link that it printed."""

    def make(source: str, *options: str, files: dict[str, str] | None = None) -> tuple[RunningApp, str]:
        app = make_app(source, *options)
        for name, content in (files or {}).items():
            (app.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (app.folder / name).write_text(content)
        app.start()
        return app, page_url(app)

    return make


@pytest.fixture
def serve(make_served: MakeServed) -> Serve:
    """Serves an app of source text by `flowctl run`; returns the login link that it printed."""
    return lambda *arguments, **options: make_served(*arguments, **options)[1]
