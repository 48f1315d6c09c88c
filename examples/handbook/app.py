"""A handbook with a search: static pages in one tab, a work that serves a page in the other."""

from __future__ import annotations

import re
from html import escape, unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from flowrpc import LightningApp, LightningFlow, LightningWork, StaticWebFrontend

PAGES = Path(__file__).parent / "pages"
TITLE = re.compile(r"<title>(.*?)</title>", re.DOTALL)


class Pages(LightningFlow):
    """Shows the pages of the handbook."""

    def configure_layout(self) -> StaticWebFrontend:
        return StaticWebFrontend(PAGES)


class Search(LightningWork):
    """Serves a page that searches the handbook."""

    def __init__(self) -> None:
        super().__init__(parallel=True)
        self.pages = 0
        self.searches = 0

    def run(self, folder: str) -> None:
        texts = {path.name: read_page(path) for path in sorted(Path(folder).glob("*.html"))}
        self.pages = len(texts)

        class Answer(BaseHTTPRequestHandler):
            def do_GET(handler) -> None:  # noqa: N805  # self is the work
                words = parse_qs(urlsplit(handler.path).query).get("q", [""])[0]
                body = result_page(words, found_in(texts, words)).encode()
                handler.send_response(200)
                handler.send_header("Content-Type", "text/html; charset=utf-8")
                handler.send_header("Content-Length", str(len(body)))
                handler.end_headers()
                handler.wfile.write(body)

            def log_message(handler, *args: Any) -> None:  # noqa: N805  # self is the work
                pass

        with HandbookServer((self.host, self.port), Answer) as server:
            while True:
                server.handle_request()
                self.searches += 1  # in the work's own thread: the flow sees it at once


class HandbookServer(ThreadingHTTPServer):
    """A server whose sockets do not outlive the work."""

    daemon_threads = True
    block_on_close = False


class Handbook(LightningFlow):
    """Shows pages and search in tabs."""

    def __init__(self) -> None:
        super().__init__()
        self.pages = Pages()
        self.search = Search()
        self.search_url = ""

    def run(self) -> None:
        self.search.run(str(PAGES))
        self.search_url = self.search.url

    @property
    def ready(self) -> bool:
        """Whether the search answers."""
        return self.search.ready

    def configure_layout(self) -> list[dict[str, Any]]:
        return [
            {"name": "Handbook", "content": self.pages},
            {"name": f"Search {self.search.pages} pages", "content": self.search},
        ]


def read_page(path: Path) -> tuple[str, str]:
    """Returns the title and the text of a page."""
    html = path.read_text()
    title = TITLE.search(html)
    return unescape(title.group(1)) if title else path.stem, unescape(re.sub(r"<[^>]*>", " ", html))


def found_in(texts: dict[str, tuple[str, str]], words: str) -> dict[str, str]:
    """Returns the titles of the pages that have all the words, by file name."""
    wanted = words.lower().split()
    return {
        name: title
        for name, (title, text) in texts.items()
        if wanted and all(word in text.lower() for word in wanted)
    }


def result_page(words: str, found: dict[str, str]) -> str:
    """Writes the page that tells what was found."""
    items = "".join(f"<li>{escape(title)} ({escape(name)})</li>" for name, title in found.items())
    return (
        "<!doctype html><title>Search</title>"
        f'<form><input name="q" value="{escape(words)}" autofocus><button>Search</button></form><ul>{items}</ul>'
    )


app = LightningApp(Handbook())
