"""The frontends of the seed in a real browser: a folder, Streamlit, and tabs of both."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.conftest import MakeServed, Seen

APP = """
from flowrpc import StaticWebFrontend, StreamlitFrontend


def my_streamlit_ui(state):
    import streamlit as st

    st.title(f"{state.count} orders")
    if st.button("One more"):
        state.count += 1
        st.rerun()


class Folder(LightningFlow):
    def configure_layout(self):
        return StaticWebFrontend(__file__.rpartition("/")[0] + "/pages")


class Drawn(LightningFlow):
    def __init__(self):
        self.count = 0

    def configure_layout(self):
        return StreamlitFrontend(render_fn=my_streamlit_ui)


class Flow(LightningFlow):
    def __init__(self):
        self.child0 = Folder()
        self.child1 = Drawn()

    def run(self):
        pass

    def configure_layout(self):
        return [
            dict(name="First Tab", content=self.child0),
            dict(name="Second Tab", content=self.child1),
            dict(name="Lightning", content=""),
        ]


app = LightningApp(Flow())
"""
FILES = {
    "pages/index.html": """<!doctype html><title>folder</title><link rel="icon" href="data:,">
        <link rel="stylesheet" href="style.css"><h1>our folder</h1><a href="below/">below</a>
        <script type="module" src="./page.mjs"></script>""",
    "pages/style.css": "h1 { color: rgb(1, 2, 3) }",
    "pages/page.mjs": "document.body.append('the script ran')",
    "pages/below/index.html": "<title>below</title><link rel='icon' href='data:,'><h1>below</h1>",
}
FRAMES = """
async () => {
    const {layout} = await (await fetch("/api/v1/layout")).json();
    document.body.replaceChildren(...layout.tabs.map(tab => {
        const frame = document.createElement("iframe");
        frame.title = tab.name;
        if (tab.layout) frame.src = tab.layout.target;
        return frame;
    }));
}
"""


def test_a_folder_is_a_page_with_all_that_it_needs(
    chromium_page: Page, seen: Seen, make_served: MakeServed
) -> None:
    _, link = make_served(APP, files=FILES)
    origin = link.partition("/login")[0]
    chromium_page.goto(link)
    chromium_page.goto(f"{origin}/view/root.child0")
    expect(chromium_page).to_have_url(f"{origin}/view/root.child0/")
    expect(chromium_page.get_by_text("the script ran")).to_be_visible()
    expect(chromium_page.get_by_role("heading")).to_have_css("color", "rgb(1, 2, 3)")
    chromium_page.get_by_role("link").click()
    expect(chromium_page.get_by_role("heading")).to_have_text("below")
    assert seen.complaints == []
    assert seen.origins() == {origin}


def test_tabs_show_a_folder_and_a_page_of_streamlit_that_changes_state(
    chromium_page: Page, seen: Seen, make_served: MakeServed
) -> None:
    app, link = make_served(APP, files=FILES)
    origin = link.partition("/login")[0]
    chromium_page.goto(link)
    page = f"{origin}/view/root.child1/"
    while (answer := chromium_page.goto(page)) is not None and answer.status == 502:
        pass  # it is starting
    seen.complaints.clear()  # of the 502
    chromium_page.goto(f"{origin}/view/root.child0/")
    chromium_page.evaluate(FRAMES)
    expect(chromium_page.locator("iframe")).to_have_count(3)
    first, second = (chromium_page.frame_locator(f"[title='{name} Tab']") for name in ("First", "Second"))
    expect(first.get_by_text("the script ran")).to_be_visible()
    expect(second.get_by_text("0 orders")).to_be_visible()
    second.get_by_role("button", name="One more").click()
    expect(second.get_by_text("1 orders")).to_be_visible()
    expect(second.get_by_text("Deploy")).to_have_count(0)
    with app.client() as client:
        assert client.state()["flows"]["child1"]["vars"]["count"] == 1
    assert [text for text in seen.complaints if "Unrecognized feature" not in text] == []
    assert "HTTP Request" not in app.stderr(), "what is passed on is not worth a line each"
    assert seen.origins() <= {origin, origin.replace("http", "ws")}
