"""What pages of strangers can do to an app in a browser that is logged in to it: nothing.

Another port of the same host is another origin, and yet the same site: there the browser sends strict cookies along.
"""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import MakeServed
from tests.browser.strangers import Stranger

APP = """
from flowrpc import Get, Post, StaticWebFrontend


class Root(LightningFlow):
    def __init__(self):
        self.calls = 0

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
FILES = {"pages/index.html": "<!doctype html><title>own</title><p>our own"}

ATTEMPTS = {
    "a read": "fetch(app + '/api/v1/state', {credentials: 'include'}).then(a => a.text())",
    "a command": "fetch(app + '/api/v1/commands/count', {method: 'POST', credentials: 'include'}).then(a => a.text())",
    "a simple command": """fetch(app + '/api/v1/commands/count',
        {method: 'POST', credentials: 'include', mode: 'no-cors', body: '{}'}).then(a => a.text())""",
    "a route": "fetch(app + '/count', {method: 'POST', credentials: 'include', mode: 'no-cors'}).then(a => a.text())",
    "a public route": "fetch(app + '/public', {method: 'POST', mode: 'no-cors'}).then(a => a.text())",
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
        const socket = new WebSocket(app.replace('http', 'ws') + '/view/root/socket');
        socket.onopen = () => done('open');
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
    "a get": "fetch(app + '/count', {credentials: 'include', mode: 'no-cors'}).then(a => a.text())",
    "an image": """new Promise(done => {
        const image = new Image();
        image.onload = () => done('seen');
        image.onerror = () => done('');
        image.src = app + '/api/v1/state';
    })""",
    "a script": """new Promise(done => {
        const script = document.createElement('script');
        script.onload = () => done('loaded');
        script.onerror = () => done('');
        script.src = app + '/api/v1/state';
        document.head.append(script);
    })""",
}


def attempt(page: Page, app: str) -> dict[str, str]:
    """Tries all of it from where the page is; returns what each got. What hears nothing got nothing."""
    late = "new Promise(done => setTimeout(done, 5000, ''))"
    return {
        name: page.evaluate(f"app => Promise.race([{script}.catch(() => ''), {late}])", app)
        for name, script in ATTEMPTS.items()
    }


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"], ids=["same site", "other site"])
def test_a_page_of_another_origin_neither_reads_nor_changes_anything(
    chromium_page: Page, make_served: MakeServed, stranger: Stranger, host: str
) -> None:
    app, link = make_served(APP, files=FILES)
    chromium_page.goto(link)
    own = link.partition("/login")[0]
    chromium_page.goto(stranger.url(host=host))
    got = attempt(chromium_page, own)
    assert got == dict.fromkeys(ATTEMPTS, "")
    with app.client() as client:
        assert client.state()["vars"]["calls"] == 0


def test_a_page_of_the_app_may_all_that(chromium_page: Page, make_served: MakeServed) -> None:
    """So that the test above can fail."""
    app, link = make_served(APP, files=FILES)
    chromium_page.goto(link)
    own = link.partition("/login")[0]
    got = attempt(chromium_page, own)
    assert {name for name, text in got.items() if text} >= {"a read", "a command", "events", "a frame"}, got
    with app.client() as client:
        assert client.state()["vars"]["calls"] >= 4
