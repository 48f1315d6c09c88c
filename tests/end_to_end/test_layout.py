"""Layouts and frontends of real apps, asked for as a browser does."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.end_to_end.conftest import MakeApp, RunningApp, descendants
from tests.end_to_end.http_client import address, browser, http, stranger

APP = """
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from flowrpc import Frontend, StaticWebFrontend

HERE = Path(__file__).parent


class Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        told = {"method": self.command, "path": self.path, "body": body.decode(), "headers": dict(self.headers)}
        content = json.dumps(told).encode()
        self.send_response(418 if self.path == "/teapot" else 200)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("X-Echo", "yes")
        self.send_header("Set-Cookie", "theirs=1; Path=/view/root.own/")
        self.end_headers()
        self.wfile.write(content)
        if self.path == "/die":
            self.close_connection = True
            threading.Thread(target=self.die, daemon=True).start()

    def die(self):
        self.server.shutdown()
        self.server.server_close()

    do_GET = do_POST = do_PUT = answer

    def log_message(self, *args):
        pass


class EchoFrontend(Frontend):
    def start_server(self, host, port, root_path=""):
        self.server = ThreadingHTTPServer((host, port), Echo)
        (HERE / "started").write_text(root_path)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop_server(self):
        self.server.shutdown()
        self.server.server_close()
        (HERE / "stopped").touch()


class Broken(Frontend):
    def start_server(self, host, port, root_path=""):
        raise OSError("no server today")

    def stop_server(self):
        pass


class Static(LightningFlow):
    def configure_layout(self):
        return StaticWebFrontend(HERE / "pages")


class Own(LightningFlow):
    def configure_layout(self):
        return EchoFrontend()


class Dead(LightningFlow):
    def configure_layout(self):
        return Broken()


class Root(LightningFlow):
    def __init__(self):
        self.pages = Static()
        self.own = Own()
        self.dead = Dead()
        self.title = "Pages"
        self.more = List()

    def run(self):
        pass

    def rename(self, title: str):
        self.title = title

    def add(self):
        self.more.append(Static())

    def configure_commands(self):
        return {"rename": self.rename, "add": self.add}

    def configure_layout(self):
        tabs = [dict(name=self.title, content=self.pages), dict(name="Own", content=self.own)]
        return tabs + [dict(name="Lightning", content="")] + [dict(content=flow) for flow in self.more]


app = LightningApp(Root())
"""


@pytest.fixture
def app(make_app: MakeApp) -> RunningApp:
    made = make_app(APP)
    pages = made.folder / "pages"
    (pages / "sub").mkdir(parents=True)
    (pages / "index.html").write_text("<!doctype html><title>the page</title>")
    (pages / "sub" / "index.html").write_text("below")
    (pages / "data.txt").write_text("0123456789")
    (pages / "inside.txt").symlink_to("data.txt")
    (pages / "link").symlink_to(pages)
    (made.folder / "secret.txt").write_text("secret")
    (pages / "outside.txt").symlink_to(made.folder / "secret.txt")
    (pages / "outside").symlink_to(made.folder)
    return made.start()


def layout(client: httpx.Client) -> Any:
    return client.get("/api/v1/layout").json()["layout"]


def test_the_layout_is_told_as_one_tree_and_follows_the_state(app: RunningApp) -> None:
    shown = {"flow": "root.pages", "target": "/view/root.pages/", "tabs": []}
    with http(app) as client:
        found = layout(client)
        assert (found["flow"], found["target"]) == ("root", "")
        assert found["tabs"][0] == {"name": "Pages", "content": "root.pages", "target": "", "layout": shown}
        assert found["tabs"][2] == {"name": "Lightning", "content": "", "target": ""}
        assert client.post("/api/v1/commands/rename", json={"title": "New"}).status_code == 200
        assert layout(client)["tabs"][0]["name"] == "New", "the answer and the layout are of one revision"
        root = client.get("/api/v1/state", params={"exclude_children": True}).json()["components"][0]
        assert root["vars"]["_layout"][0]["name"] == "New"


def test_a_folder_is_served_under_the_apps_origin(app: RunningApp) -> None:
    with browser(app) as client:
        bare = client.get("/view/root.pages")
        assert (bare.status_code, bare.headers["location"]) == (307, "/view/root.pages/")
        page = client.get("/view/root.pages/")
        assert "the page" in page.text
        assert page.headers["content-type"].startswith("text/html")
        assert client.get("/view/root.pages/sub/").text == "below"
        data = client.get("/view/root.pages/data.txt")
        etag = data.headers["etag"]
        assert data.headers["cache-control"] == "no-cache"
        assert client.get("/view/root.pages/data.txt", headers={"If-None-Match": etag}).status_code == 304
        part = client.get("/view/root.pages/data.txt", headers={"Range": "bytes=2-4"})
        assert (part.status_code, part.text) == (206, "234")
        assert client.get("/view/root.pages/data.txt", headers={"Range": "bytes=99-"}).status_code == 416
        assert client.head("/view/root.pages/data.txt").headers["content-length"] == "10"
        assert client.post("/view/root.pages/data.txt").status_code == 405
        assert client.get("/view/root.pages/nothing").status_code == 404
        assert client.get("/view/root.nothing/").json()["detail"] == "'root.nothing' has no frontend"


def test_nothing_outside_of_the_folder_is_served(app: RunningApp) -> None:
    with http(app) as client:
        assert client.get("/view/root.pages/inside.txt").text == "0123456789"
        paths = [
            "outside.txt",
            "outside/secret.txt",
            "%2e%2e/secret.txt",
            "..%2fsecret.txt",
            "sub/%2e%2e/%2e%2e/secret.txt",
        ]
        paths += [
            "%2fetc/passwd",
            "/etc/passwd",
            "..%5csecret.txt",
            "data.txt%00.html",
            "%252e%252e/secret.txt",
        ]
        for path in paths:
            answer = client.get(f"/view/root.pages/{path}")
            assert answer.status_code in (400, 404), path
            assert "secret" not in answer.text.replace("root.pages", "")
        for path in ("sub/%2e%2e/data.txt", "sub%2f..%2fdata.txt", "sub/../data.txt", "link/data.txt"):
            answer = client.get(f"/view/root.pages/{path}")
            assert (answer.status_code, answer.text) == (200, "0123456789"), path
        (app.folder / "pages" / "outside.txt").unlink()
        (app.folder / "secret.txt").rename(app.folder / "pages" / "outside.txt")
        assert client.get("/view/root.pages/outside.txt").text == "secret", "it was refused for where it was"


def test_pages_are_for_those_who_may_read(app: RunningApp) -> None:
    paths = ("/view/root.pages/", "/view/root.pages", "/view/root.own/", "/view/nothing/", "/api/v1/layout")
    with stranger(app) as client:
        for path in paths:
            assert client.get(path).status_code == 401, path
    with http(app, "read") as client:
        wait_until_answered(client, "/view/root.own/")
        found = [client.get(path).status_code for path in paths]
    assert found == [200, 307, 200, 404, 200]


def test_a_frontend_with_a_server_of_its_own_is_stood_in_front_of(app: RunningApp) -> None:
    with browser(app) as client:
        client.cookies.set("theirs", "old")
        wait_until_answered(client, "/view/root.own/")
        answer = client.put("/view/root.own/some/p%20th?q=a%26b", content=b"hello")
        told = answer.json()
        assert (told["method"], told["path"], told["body"]) == ("PUT", "/some/p%20th?q=a%26b", "hello")
        assert answer.headers["x-echo"] == "yes"
        assert "theirs=1" in answer.headers["set-cookie"]
        headers = {name.lower(): value for name, value in told["headers"].items()}
        assert headers["cookie"] == "theirs=old", "the login is nobody else's business"
        assert headers["x-forwarded-prefix"] == "/view/root.own"
        assert headers["host"] == address(app).removeprefix("http://")
        assert client.get("/view/root.own/teapot").status_code == 418
        del client.headers["origin"]
        assert client.post("/view/root.own/").status_code == 403
    with http(app) as client:
        told = client.get("/view/root.own/").json()
        assert "authorization" not in {name.lower() for name in told["headers"]}
    assert (app.folder / "started").read_text() == "/view/root.own"
    assert app.end() == 0
    assert (app.folder / "stopped").exists()
    assert descendants(app.pid) == set()


def wait_until_answered(client: httpx.Client, path: str) -> None:
    """Waits for the server of a frontend, which starts beside the app."""
    until(lambda: client.get(path).status_code != 502)


def test_a_frontend_that_dies_is_started_again(app: RunningApp) -> None:
    with browser(app) as client:
        for _ in range(2):
            wait_until_answered(client, "/view/root.own/")
            client.get("/view/root.own/die")
            until(lambda: client.get("/view/root.own/").status_code == 502)
        wait_until_answered(client, "/view/root.own/")
    assert app.end() == 0
    died = "the frontend of root.own takes no connections any more; it is started again in"
    assert [line.partition(died)[2] for line in app.stderr().splitlines() if died in line] == [
        " 0.5 s; 4 restarts are left",
        " 1 s; 3 restarts are left",
    ]


def until(happens: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not happens():
        assert time.monotonic() < end


def test_a_frontend_that_does_not_start_is_told(app: RunningApp) -> None:
    with http(app) as client:
        answer = client.get("/view/root.dead/")
    assert answer.status_code == 502
    assert "the frontend of root.dead does not answer (ConnectError)" in answer.text
    assert app.end() == 0
    assert "the frontend of root.dead did not start" in app.stderr()
    assert "no server today" in app.stderr()


def test_a_flow_that_comes_brings_its_page(app: RunningApp) -> None:
    with http(app) as client:
        assert client.get("/view/root.more.0/").status_code == 404
        assert client.post("/api/v1/commands/add").status_code == 200
        assert "the page" in client.get("/view/root.more.0/").text
        assert layout(client)["tabs"][-1]["layout"]["target"] == "/view/root.more.0/"


def test_the_frontend_of_the_root_is_the_page_of_the_app(make_app: MakeApp) -> None:
    app = make_app(
        """
        from flowrpc import StaticWebFrontend

        class Flow(LightningFlow):
            def run(self):
                pass

            def configure_layout(self):
                return StaticWebFrontend("pages")

        app = LightningApp(Flow())
        """
    )
    (app.folder / "pages").mkdir()
    (app.folder / "pages" / "index.html").write_text("hello")
    app.start()
    with browser(app) as client:
        assert client.get("/api/v1/layout").json()["layout"]["target"] == "/view/root/"
        assert client.get("/view/root/").text == "hello"


@pytest.mark.parametrize(
    ("returned", "problem"),
    [
        ("StaticWebFrontend('pages')", "root.configure_layout(): StaticWebFrontend('pages'): "),
        (
            "'pages'",
            "The return value of configure_layout() in `Flow` is an unsupported layout format: 'pages'",
        ),
        ("[dict(name='x')]", "is missing a key 'content'"),
    ],
)
def test_a_layout_that_cannot_be_shown_is_refused_at_the_start(
    make_app: MakeApp, returned: str, problem: str
) -> None:
    app = make_app(
        f"""
        from flowrpc import StaticWebFrontend

        class Flow(LightningFlow):
            def run(self):
                pass

            def configure_layout(self):
                return {returned}

        app = LightningApp(Flow())
        """
    )
    app.launch()
    assert app.wait() == 2
    assert problem in app.stderr()
    assert "Traceback" not in app.stderr()


def test_a_static_frontend_is_served_outside_of_an_app_too(tmp_path: Path) -> None:
    import socket

    from flowrpc.frontend import StaticWebFrontend

    (tmp_path / "index.html").write_text("alone")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    frontend = StaticWebFrontend(tmp_path)
    frontend.start_server("127.0.0.1", port, "/there")
    try:
        transport = httpx.HTTPTransport(retries=20)
        with httpx.Client(transport=transport, trust_env=False) as client:
            assert client.get(f"http://127.0.0.1:{port}/there/").text == "alone"
    finally:
        frontend.stop_server()
