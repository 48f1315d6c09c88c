"""A page that follows the state: at once after a command, and without a gap over a crash of the app."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.conftest import MakeServed, Seen

APP = """
from flowrpc import StaticWebFrontend


class Root(LightningFlow):
    def __init__(self):
        self.count = 0

    def run(self):
        pass

    def add(self):
        self.count += 1

    def configure_commands(self):
        return {"add": self.add}

    def configure_layout(self):
        return StaticWebFrontend(__file__.rpartition("/")[0] + "/pages")


app = LightningApp(Root())
"""
PAGE = """
<!doctype html><title>follows</title><link rel="icon" href="data:,">
<output></output><button>add</button>
<script>
    const output = document.querySelector("output"), kinds = [], revisions = [], ids = [];
    let opened = 0;
    const events = new EventSource("/api/v1/watch");
    events.onopen = () => { opened += 1; };
    events.addEventListener("snapshot", event => {
        const told = JSON.parse(event.data);
        kinds.push(told.reason || "more");
        for (const part of told.components) if (part.name === "root") output.value = part.vars.count;
        revisions.push(told.revision);
    });
    events.addEventListener("revision", event => {
        const told = JSON.parse(event.data);
        revisions.push(told.number);
        ids.push(event.lastEventId);
        for (const delta of told.deltas)
            for (const change of delta.changes)
                if (change.path[0] === "count") output.value = change.value;
    });
    document.querySelector("button").onclick = () => fetch("/api/v1/commands/add", {method: "POST"});
</script>
"""
FILES = {"pages/index.html": PAGE}


def test_a_page_follows_commands_of_its_own_and_of_others(
    chromium_page: Page, seen: Seen, make_served: MakeServed
) -> None:
    app, link = make_served(APP, files=FILES)
    chromium_page.goto(link)
    chromium_page.goto(link.partition("/login")[0] + "/view/root/")
    output = chromium_page.locator("output")
    expect(output).to_have_text("0")
    chromium_page.get_by_role("button").click()
    expect(output).to_have_text("1")
    with app.client() as client:
        client.call("add")
        expect(output).to_have_text("2")
    assert seen.complaints == []


def test_a_page_misses_nothing_while_the_app_was_killed_and_came_back(
    chromium_page: Page, make_served: MakeServed
) -> None:
    app, link = make_served(APP, files=FILES)
    chromium_page.goto(link)
    chromium_page.goto(link.partition("/login")[0] + "/view/root/")
    output = chromium_page.locator("output")
    expect(output).to_have_text("0")
    with app.client() as client:
        client.call("add")
    expect(output).to_have_text("1")
    app.kill()
    app.start()
    with app.client() as client:  # before the browser is back, or after: it must hear of it once
        last = [client.call("add") for _ in range(3)][-1]
    assert last is None
    expect(output).to_have_text("4")
    kinds, revisions, opened = chromium_page.evaluate("[kinds, revisions, opened]")
    assert kinds == ["asked"], "it went on where it was, and needed no snapshot"
    assert opened == 2
    assert revisions == list(range(revisions[0], revisions[0] + len(revisions))), "each once, in order"
