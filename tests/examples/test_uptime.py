"""The example `uptime`: probes come and go by commands."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from flowrpc.testing import SimulatedApp, run_app
from flowrpc_client import CommandFailed, StateReplica

from tests.examples.conftest import SECONDS, descendants, wait_until_ended
from tests.examples.loading import EXAMPLES, load_example


@pytest.fixture
def uptime(monkeypatch: pytest.MonkeyPatch) -> SimulatedApp:
    app = SimulatedApp(load_example("uptime", monkeypatch).Uptime)
    app.settle()
    return app


def test_who_is_down_follows_from_the_probes(uptime: SimulatedApp) -> None:
    assert uptime.call("watch", name="tea", url="http://tea.example") == 1
    assert uptime.call("watch", name="cups", url="http://cups.example", every_seconds=5) == 2
    uptime.settle()
    uptime.works["root.probes.tea"].start().set(up=False, problem="answered 500", asked=1, failed=1)
    uptime.works["root.probes.cups"].start().set(up=True, asked=1)
    uptime.settle()
    assert uptime.root.down == ["tea"]

    assert uptime.call("unwatch", name="tea") == {"asked": 1, "failed": 1}
    uptime.settle()
    assert (uptime.root.down, [*uptime.root.watched]) == ([], ["cups"])
    assert uptime.call("watch", name="tea", url="http://tea.example/new") == 2  # the name is free again


def test_probes_are_asked_for_again_after_a_kill(uptime: SimulatedApp) -> None:
    uptime.call("watch", name="tea", url="http://tea.example")
    uptime.settle()
    uptime.works["root.probes.tea"].start().set(up=True, asked=9)
    uptime.crash()
    uptime.settle()

    assert uptime.root.probes["tea"].is_pending
    run = uptime.works["root.probes.tea"].run
    assert run is not None
    assert run.kwargs == {"url": "http://tea.example", "every_seconds": 30.0}


@pytest.mark.parametrize(
    ("command", "arguments", "told"),
    [
        (
            "watch",
            {"name": "tea", "url": "http://other.example"},
            "tea is watched already, at http://tea.example",
        ),
        ("watch", {"name": "x", "url": "ftp://x.example"}, "begins with http:// or https://"),
        ("watch", {"name": "x", "url": "http://x.example", "every_seconds": 0}, "is positive, not 0"),
        ("watch", {"name": "x.y", "url": "http://x.example"}, r"x\.y"),
        ("unwatch", {"name": "cups"}, "cups is not watched; there is tea"),
    ],
)
def test_what_cannot_be_watched_is_told(
    uptime: SimulatedApp, command: str, arguments: dict[str, Any], told: str
) -> None:
    uptime.call("watch", name="tea", url="http://tea.example")
    with pytest.raises(CommandFailed, match=told):
        uptime.call(command, **arguments)
    assert [*uptime.root.watched] == ["tea"]


@contextmanager
def site(port: int = 0) -> Iterator[int]:
    """A site that answers; returns its port."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(503 if self.path == "/broken" else 200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", port), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def down(seen: StateReplica) -> Any:
    return seen.vars()["down"]


def probe(seen: StateReplica, name: str) -> dict[str, Any]:
    """Returns the vars of a probe."""
    return dict(seen.vars(f"root.probes.{name}"))


@pytest.mark.slow
def test_sites_are_watched_until_they_are_not_also_over_a_kill() -> None:
    with run_app(EXAMPLES / "uptime" / "app.py", "--no-http", timeout=SECONDS) as app:
        with site() as port:
            app.client.call("watch", name="site", url=f"http://127.0.0.1:{port}/", every_seconds=0.05)
            app.client.call("watch", name="page", url=f"http://127.0.0.1:{port}/broken", every_seconds=0.05)
            app.wait_for(lambda seen: down(seen) == ["page"] and probe(seen, "site")["up"] is True)
            state: Any = app.client.state("root.probes.page")
            assert state["vars"]["problem"] == "answered 503"
        app.wait_for(lambda seen: down(seen) == ["page", "site"])

        with_both = descendants(app.pid)
        told: Any = app.client.call("unwatch", name="page")
        assert told["failed"] > 0
        app.wait_for(lambda seen: down(seen) == ["site"])
        assert [work.name for work in app.client.works()] == ["root.probes.site"]
        app.kill()
        wait_until_ended(with_both)
        with site(port):
            app.start()
            app.wait_for(lambda seen: down(seen) == [] and probe(seen, "site")["up"] is True)
