"""What pages of strangers can do to an app in a browser that is logged in to it: nothing.

Another port of the same host is another origin, and yet the same site: there the browser sends strict cookies along.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flowrpc_client import StateReplica
from playwright.sync_api import Page

from tests.browser.conftest import WAIT_MS, MakeServed
from tests.browser.strangers import Stranger
from tests.end_to_end.conftest import RunningApp, var
from tests.end_to_end.http_client import http

APP = """
import threading

from flowrpc import Frontend, Get, Post, StaticWebFrontend
from websockets.sync.server import serve


class Socket(Frontend):
    def start_server(self, host, port, root_path=""):
        self.server = serve(lambda socket: socket.send("hello"), host, port)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop_server(self):
        self.server.shutdown()


class Talk(LightningFlow):
    def configure_layout(self):
        return Socket()


class Root(LightningFlow):
    def __init__(self):
        self.calls = 0
        self.talk = Talk()

    def run(self):
        pass

    def count(self):
        self.calls += 1

    def configure_commands(self):
        return {"count": self.count}

    def configure_api(self):
        return [Get("/count", self.count), Post("/count", self.count), Post("/public", self.count, public=True)]

    def configure_layout(self):
        return StaticWebFrontend(__file__.rpartition("/")[0] + "/pages")


app = LightningApp(Root())
"""
FILES = {
    "pages/index.html": "<!doctype html><title>own</title><p>our own",
    "pages/own.svg": '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"></svg>',
    "pages/own.js": "window.own = true;",
}

ATTEMPTS = {
    "a read": "fetch(app + '/api/v1/state', {credentials: 'include'}).then(text)",
    "a command": "fetch(app + '/api/v1/commands/count', {method: 'POST', credentials: 'include'}).then(text)",
    "a simple command": """fetch(app + '/api/v1/commands/count',
        {method: 'POST', credentials: 'include', mode: 'no-cors', body: '{}'}).then(text)""",
    "a route": "fetch(app + '/count', {method: 'POST', credentials: 'include', mode: 'no-cors'}).then(text)",
    "a public route": "fetch(app + '/public', {method: 'POST', mode: 'no-cors'}).then(text)",
    "a form": """new Promise(done => {
        const frame = document.body.appendChild(document.createElement('iframe'));
        frame.name = 'answer';
        const form = document.body.appendChild(document.createElement('form'));
        Object.assign(form, {method: 'post', action: app + '/count', target: 'answer'});
        frame.onload = () => done('');
        form.submit();
    })""",
    "a beacon": "Promise.resolve(navigator.sendBeacon(app + '/count')).then(() => '')",
    "events": """new Promise(done => {
        const events = new EventSource(app + '/api/v1/watch', {withCredentials: true});
        events.addEventListener('snapshot', event => done(event.data));
        events.onerror = () => done('');
    })""",
    "a socket": """new Promise(done => {
        const socket = new WebSocket(app.replace('http', 'ws') + '/view/root.talk/');
        socket.onmessage = event => done(event.data);
        socket.onerror = () => done('');
    })""",
    "a frame": """new Promise(done => {
        const frame = document.body.appendChild(document.createElement('iframe'));
        frame.onload = () => { try { done(frame.contentDocument.body.innerText) } catch { done('') } };
        frame.src = app + '/view/root/';
    })""",
    "an image of a get": """new Promise(done => {
        const image = new Image();
        image.onload = image.onerror = () => done('');
        image.src = app + '/count';
    })""",
    "a frame of a get": """new Promise(done => {
        const frame = document.body.appendChild(document.createElement('iframe'));
        frame.onload = () => { try { done(frame.contentDocument.body.innerText) } catch { done('') } };
        frame.src = app + '/count';
    })""",
    "a get": "fetch(app + '/count', {credentials: 'include', mode: 'no-cors'}).then(text)",
    "an image": """new Promise(done => {
        const image = new Image();
        image.onload = () => done('seen');
        image.onerror = () => done('');
        image.src = app + '/view/root/own.svg';
    })""",
    "a script": """new Promise(done => {
        const script = document.createElement('script');
        script.onload = () => done('loaded');
        script.onerror = () => done('');
        script.src = app + '/view/root/own.js';
        document.head.append(script);
    })""",
}


SILENT = ("a form", "a beacon", "an image of a get")
"""What tells a page nothing, so that only the app knows of it."""
STRANGER_MS = 5_000
"""How long an attempt of a stranger is waited for: one that hears nothing got nothing."""


def called_after(before: int) -> Callable[[StateReplica], bool]:
    """Tells whether the app was called meanwhile."""
    return lambda replica: bool(var(replica, "root", "calls") > before)


def attempt(page: Page, own: str, script: str, patience_ms: int) -> str:
    """Tries one of it from where the page is; returns what it got."""
    late = f"new Promise(done => setTimeout(done, {patience_ms}, ''))"
    text = "const text = answer => answer.ok ? answer.text() : '';"
    return str(
        page.evaluate(f"app => {{ {text} return Promise.race([{script}.catch(() => ''), {late}]); }}", own)
    )


@pytest.fixture
def served(make_served: MakeServed) -> tuple[RunningApp, str, str]:
    """An app whose pages and sockets are there, the link to log in, and its origin."""
    app, link = make_served(APP, files=FILES)
    with http(app) as client:
        while client.get("/view/root.talk/").status_code == 502:
            pass  # it is starting
    return app, link, link.partition("/login")[0]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"], ids=["same site", "other site"])
def test_a_page_of_another_origin_neither_reads_nor_changes_anything(
    chromium_page: Page, served: tuple[RunningApp, str, str], stranger: Stranger, host: str
) -> None:
    app, link, own = served
    chromium_page.goto(link)
    chromium_page.goto(stranger.url(host=host))
    got = {name: attempt(chromium_page, own, script, STRANGER_MS) for name, script in ATTEMPTS.items()}
    assert got == dict.fromkeys(ATTEMPTS, "")
    with app.client() as client:
        assert client.state()["vars"]["calls"] == 0


def test_a_page_of_the_app_may_do_each_of_it(
    chromium_page: Page, served: tuple[RunningApp, str, str]
) -> None:
    """So that each attempt of the test above is refused for where it comes from, and for nothing else."""
    (app, link, own), page = served, chromium_page
    page.goto(link)
    page.goto(f"{own}/view/root/")
    with app.client() as client, client.replica() as replica:
        for name, script in ATTEMPTS.items():
            before = client.state()["vars"]["calls"]
            if name in SILENT:
                attempt(page, own, script, STRANGER_MS)
                replica.wait_for(called_after(before), timeout=40)
            else:
                assert attempt(page, own, script, WAIT_MS), name
