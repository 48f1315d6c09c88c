"""Pages of another origin, served by a real server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Stranger:
    """Serves pages that somebody else wrote."""

    def __init__(self, server: ThreadingHTTPServer, pages: dict[str, str]) -> None:
        self._port = server.server_port
        self._pages = pages

    def url(self, content: str = "", host: str = "127.0.0.1") -> str:
        """Serves a page; returns its address, whose site is the app's own if the host is the same."""
        path = f"/page-{len(self._pages)}"
        self._pages[path] = f"<!doctype html><title>a stranger</title>{content}"
        return f"http://{host}:{self._port}{path}"


@contextmanager
def strange_server() -> Iterator[Stranger]:
    """Serves another origin on loopback."""
    pages: dict[str, str] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = pages.get(self.path, "").encode()
            self.send_response(200 if content else 204)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Tells nobody."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield Stranger(server, pages)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
