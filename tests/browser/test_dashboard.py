"""docs/reference/dashboard.md: the dashboard in a real browser, over a real app."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.conftest import WAIT_MS, MakeServed, Seen
from tests.browser.dashboard_app import FILES, SOURCE
from tests.end_to_end.conftest import RunningApp, flowctl

SERIOUS = ("serious", "critical")
OWN_TABS = ["Overview", "Components", "Works & runs", "Logs", "Commands"]

Open = Callable[..., RunningApp]


@pytest.fixture(autouse=True)
def patience() -> None:
    expect.set_options(timeout=WAIT_MS)


@pytest.fixture
def open_dashboard(chromium_page: Page, make_served: MakeServed) -> Open:
    """Serves the app, logs the page in, and chooses a tab."""

    def open_page(tab: str, *, read_only: bool = False) -> RunningApp:
        app, link = make_served(SOURCE, files=FILES)
        if read_only:
            link = login_link(app, "--read-only")
        chromium_page.goto(link)
        expect(connection(chromium_page)).to_have_text("live")
        choose(chromium_page, tab)
        return app

    return open_page


def login_link(app: RunningApp, *options: str) -> str:
    return flowctl("--data-dir", str(app.folder / ".flowrpc"), "login", *options).stdout.strip()


def connection(page: Page) -> Locator:
    return page.locator("#connection")


def choose(page: Page, tab: str) -> None:
    page.get_by_role("tab", name=tab, exact=True).click()


def row(page: Page, name: str) -> Locator:
    """The row of a var in the tree."""
    return page.locator(".row.var", has=page.locator(".name", has_text=re.compile(f"^{name}$")))


def command_form(page: Page, name: str) -> Locator:
    return page.locator("form.command", has=page.get_by_role("heading", name=name, exact=True))


def call(page: Page, name: str, **arguments: str) -> Locator:
    """Fills the form of a command and sends it; returns the newest result."""
    form = command_form(page, name)
    for argument, typed in arguments.items():
        field = form.locator(f"[name={argument}]")
        if field.evaluate("field => field.tagName") == "SELECT":
            field.select_option(typed)
        else:
            field.fill(typed)
    before = page.locator(".result").count()
    form.get_by_role("button", name="Call").click()
    expect(page.locator(".result")).to_have_count(before + 1)
    return page.locator(".result").first


def test_the_layouts_tabs_come_first_and_an_address_that_is_a_script_is_not_shown(
    chromium_page: Page, seen: Seen, open_dashboard: Open
) -> None:
    open_dashboard("Report")
    tabs = chromium_page.locator("#tabs").get_by_role("tab")
    expect(tabs).to_have_text(["Report", "Evil", "Later", *OWN_TABS])
    expect(chromium_page.frame_locator("iframe").get_by_role("heading")).to_have_text("The report")
    choose(chromium_page, "Later")
    expect(chromium_page.get_by_role("tabpanel")).to_contain_text("Nothing to show yet")
    choose(chromium_page, "Evil")
    expect(chromium_page.get_by_role("tabpanel")).to_contain_text("cannot be shown")
    assert chromium_page.locator("iframe").count() == 1
    assert "evil" not in chromium_page.title()
    assert seen.complaints == []


def test_a_command_is_called_from_its_form_and_the_tree_follows(
    chromium_page: Page, seen: Seen, open_dashboard: Open
) -> None:
    app = open_dashboard("Commands")
    expect(call(chromium_page, "count", by="41").locator("pre")).to_have_text("41")
    choose(chromium_page, "Components")
    expect(row(chromium_page, "counter").locator(".value")).to_have_text("41")
    with app.client() as client:
        client.call("count")
    expect(row(chromium_page, "counter").locator(".value")).to_have_text("42")
    assert seen.complaints == []
    assert len(seen.origins()) == 1, "everything is of one origin, so it works without internet"


def test_a_list_of_many_pages_is_shown_whole(chromium_page: Page, open_dashboard: Open) -> None:
    def shorten(route: Route) -> None:
        route.continue_(url=route.request.url.replace("page_size=1000", "page_size=3"))

    chromium_page.route("**/api/v1/commands?*", shorten)
    open_dashboard("Commands")
    expect(chromium_page.locator("form.command")).to_have_count(9)


def test_a_form_sends_what_was_typed_exactly_and_tells_what_does_not_fit(
    chromium_page: Page, open_dashboard: Open
) -> None:
    open_dashboard("Commands")
    result = call(
        chromium_page, "echo", text='"<b>世界\\', number=str(2**80 + 1), share="2.0", on="true", more="[1, 2]"
    )
    told = result.locator("pre").inner_text()
    for part in ('"text": "\\"<b>世界\\\\"', f'"number": {2**80 + 1}', '"share": 2.0', '"on": true'):
        assert part in told, told
    form = command_form(chromium_page, "echo")
    form.locator("[name=number]").fill("3.5")
    form.locator("[name=more]").fill("[1,")
    form.get_by_role("button", name="Call").click()
    expect(form).to_contain_text("A whole number")
    expect(form).to_contain_text("JSON, such as")
    expect(form.locator("[name=number]")).to_be_focused()
    expect(chromium_page.locator(".result")).to_have_count(1)
    raised = call(chromium_page, "refuse", why="<i>no</i>")
    expect(raised.locator(".badge")).to_have_text("failed")
    expect(raised.locator("pre")).to_contain_text("ValueError: <i>no</i>")


def test_the_items_of_a_command_that_streams_are_shown_as_they_come(
    chromium_page: Page, seen: Seen, open_dashboard: Open
) -> None:
    open_dashboard("Commands")
    told = call(chromium_page, "rows", count="3").locator("pre")
    expect(told).to_have_text('3 items\n"row 0 <b>"\n"row 1 <b>"\n"row 2 <b>"')
    failed = call(chromium_page, "rows", count="1", failing="true")
    expect(failed.locator(".badge")).to_have_text("failed")
    expect(failed.locator("pre")).to_contain_text("ValueError: no more")
    form = command_form(chromium_page, "rows")
    form.locator("[name=count]").fill("100000000")
    form.get_by_role("button", name="Call").click()
    expect(form.locator("output")).to_contain_text("item ")
    form.get_by_role("button", name="Stop").click()
    expect(chromium_page.locator(".result")).to_have_count(3)
    expect(chromium_page.locator(".result").first.locator("pre")).to_contain_text("then it was stopped")
    expect(form.get_by_role("button", name="Call")).to_be_enabled()
    assert seen.complaints == []


def test_a_var_is_seen_whole_and_changed(chromium_page: Page, seen: Seen, open_dashboard: Open) -> None:
    app = open_dashboard("Components")
    title = chromium_page.title()
    expect(row(chromium_page, "title").locator(".value")).to_contain_text("<img src=x onerror=")
    assert chromium_page.title() == title, "what a var holds is text, never markup"
    expect(row(chromium_page, "names").locator(".value")).to_have_text(re.compile("…$"))
    row(chromium_page, "names").click()
    field = chromium_page.get_by_role("dialog").get_by_role("textbox")
    expect(field).to_have_value(re.compile('"name 299"'))
    chromium_page.keyboard.press("Escape")
    for name, typed in (("large", str(2**61 + 1)), ("share", "2.0"), ("title", '"<u>ü</u>"')):
        row(chromium_page, name).click()
        expect(field).to_be_editable()
        field.fill(typed)
        chromium_page.get_by_role("button", name="Save").click()
        expect(chromium_page.get_by_role("dialog")).to_have_count(0)
        expect(row(chromium_page, name).locator(".value")).to_have_text(typed)
    with app.client() as client:
        vars_ = client.state()["vars"]
    assert (vars_["large"], repr(vars_["share"]), vars_["title"]) == (2**61 + 1, "2.0", "<u>ü</u>")
    assert seen.complaints == []


def test_a_value_that_cannot_be_saved_is_told_in_its_place(chromium_page: Page, open_dashboard: Open) -> None:
    app = open_dashboard("Components")
    row(chromium_page, "counter").click()
    dialog = chromium_page.get_by_role("dialog")
    field = dialog.get_by_role("textbox")
    expect(field).to_be_editable()
    field.fill("three")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_contain_text("This is no JSON")
    with app.client() as client:
        client.call("count")
    field.fill("7")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_contain_text("has changed meanwhile")


def test_a_viewer_sees_everything_and_changes_nothing(chromium_page: Page, open_dashboard: Open) -> None:
    app = open_dashboard("Components", read_only=True)
    expect(chromium_page.locator("#role")).to_have_text("read only")
    row(chromium_page, "counter").click()
    dialog = chromium_page.get_by_role("dialog")
    expect(dialog.get_by_role("textbox")).to_have_value("0")
    assert not dialog.get_by_role("textbox").is_editable()
    assert dialog.get_by_role("button", name="Save").count() == 0
    chromium_page.keyboard.press("Escape")
    choose(chromium_page, "Commands")
    expect(command_form(chromium_page, "count").get_by_role("button", name="Call")).to_be_disabled()
    status = chromium_page.evaluate(
        "fetch('/api/v1/commands/count', {method: 'POST'}).then(answer => answer.status)"
    )
    assert status == 403, "what the page leaves out, the app refuses"
    with app.client() as client:
        assert client.state()["vars"]["counter"] == 0


def test_a_run_is_cancelled_from_its_row(chromium_page: Page, seen: Seen, open_dashboard: Open) -> None:
    app = open_dashboard("Works & runs")
    expect(chromium_page.get_by_role("tabpanel")).to_contain_text("No runs yet")
    with app.client() as client:
        client.call("start", epochs=10_000)
        runs = chromium_page.locator("table", has_text="Arguments").locator("tbody tr")
        expect(runs.locator(".badge")).to_have_text("running")
        expect(runs).to_contain_text('"epochs": 10000')
        runs.get_by_role("button", name="Cancel").click()
        chromium_page.get_by_role("button", name="Cancel the run", exact=True).click()
        expect(runs.locator(".badge")).to_have_text("cancelled")
        client.call("try_and_fail")
        expect(runs.first.locator(".badge")).to_have_text("failed")
    runs.first.get_by_role("button", name="Details").click()
    expect(chromium_page.get_by_role("dialog")).to_contain_text("the numbers <b>do not</b> add up")
    chromium_page.keyboard.press("Escape")
    choose(chromium_page, "Overview")
    expect(chromium_page.locator(".lane")).to_have_count(2)
    expect(chromium_page.locator(".bar.cancelled")).to_have_count(1)
    assert seen.complaints == []


def test_ten_thousand_log_lines_are_followed_filtered_and_few_are_in_the_page(
    chromium_page: Page, open_dashboard: Open
) -> None:
    app = open_dashboard("Logs")
    records = chromium_page.locator(".record")
    note = chromium_page.get_by_role("tabpanel").get_by_role("status")
    with app.client(timeout=60.0) as client:
        client.call("talk", lines=9_990)
        expect(records.last).to_contain_text("line 9989 <i>of</i> many")
        assert records.count() < 200
        chromium_page.get_by_label("Level", exact=True).select_option("errors only")
        expect(records.last).to_contain_text("line 9980 ")
        expect(note).to_have_text(re.compile("^999 of "))
        chromium_page.get_by_label("Level", exact=True).select_option("all levels")
        chromium_page.get_by_label("Follow").uncheck()
        chromium_page.locator(".log").evaluate("box => box.scrollTo(0, 0)")
        client.call("talk", lines=50)
        client.call("start", epochs=2)
        chromium_page.get_by_label("Component, with what is below it").fill("root.train")
        expect(records.last).to_contain_text("epoch 2 is done")
        chromium_page.get_by_label("Component, with what is below it").fill("")
        expect(note).to_have_text("10,000 records")
        assert chromium_page.locator(".log").evaluate("box => box.scrollTop") == 0, "who reads is not moved"


def test_a_thousand_components_are_walked_by_keyboard(chromium_page: Page, open_dashboard: Open) -> None:
    app = open_dashboard("Components")
    with app.client(timeout=60.0) as client:
        client.call("grow", components=1_000)
    status = chromium_page.get_by_role("tabpanel").get_by_role("status")
    expect(status).to_have_text("1,006 components")
    chromium_page.get_by_role("button", name="Open all").click()
    tree = chromium_page.get_by_role("tree")
    assert chromium_page.get_by_role("treeitem").count() < 150
    tree.focus()
    chromium_page.keyboard.press("End")
    last = chromium_page.locator("[role=treeitem][aria-selected=true]")
    expect(last).to_contain_text("open")
    expect(last).to_be_in_viewport()
    chromium_page.keyboard.press("ArrowLeft")
    expect(last).to_contain_text("999")
    expect(last).to_have_attribute("aria-expanded", "true")
    chromium_page.keyboard.press("ArrowLeft")
    expect(last).to_have_attribute("aria-expanded", "false")
    chromium_page.keyboard.press("Home")
    expect(last).to_contain_text("root")
    chromium_page.get_by_label("Filter components by name").fill("more.997")
    expect(status).to_have_text("1 found")


def test_the_page_is_used_by_keyboard_alone(chromium_page: Page, open_dashboard: Open) -> None:
    open_dashboard("Overview")
    chromium_page.get_by_role("tab", name="Overview").focus()
    chromium_page.keyboard.press("ArrowRight")
    expect(chromium_page.get_by_role("tab", name="Components")).to_be_focused()
    assert chromium_page.url.endswith("#components")
    chromium_page.get_by_role("tree").focus()
    while "counter" not in chromium_page.locator("[role=treeitem][aria-selected=true]").inner_text():
        chromium_page.keyboard.press("ArrowDown")
    chromium_page.keyboard.press("Enter")
    expect(chromium_page.get_by_role("dialog")).to_be_visible()
    chromium_page.keyboard.press("Escape")
    expect(chromium_page.get_by_role("tree")).to_be_focused()
    chromium_page.reload()
    expect(chromium_page.get_by_role("tab", name="Components")).to_have_attribute("aria-selected", "true")


def test_the_page_goes_on_after_the_app_was_killed(chromium_page: Page, open_dashboard: Open) -> None:
    app = open_dashboard("Commands")
    chromium_page.evaluate("window.same = true")
    call(chromium_page, "count", by="5")
    command_form(chromium_page, "echo").locator("[name=text]").fill("half typed")
    app.kill()
    expect(connection(chromium_page)).to_have_text("reconnecting")
    expect(chromium_page.locator("#notice")).to_contain_text("goes on by itself")
    app.start()
    expect(connection(chromium_page)).to_have_text("live")
    expect(chromium_page.locator("#notice")).to_be_hidden()
    expect(call(chromium_page, "count", by="1").locator("pre")).to_have_text("6")
    assert command_form(chromium_page, "echo").locator("[name=text]").input_value() == "half typed"
    assert chromium_page.evaluate("window.same"), "the page was not loaded again"


def test_who_is_not_logged_in_is_told_how_to_be(chromium_page: Page, open_dashboard: Open) -> None:
    app = open_dashboard("Overview")
    chromium_page.context.clear_cookies()
    chromium_page.reload()
    expect(connection(chromium_page)).to_have_text("logged out")
    expect(chromium_page.locator("#notice")).to_contain_text("flowctl login")
    chromium_page.goto(login_link(app))
    expect(connection(chromium_page)).to_have_text("live")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault(scheme: str, chromium_page: Page, open_dashboard: Open) -> None:
    chromium_page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
    app = open_dashboard("Commands")
    call(chromium_page, "count")
    call(chromium_page, "refuse", why="it is a test")
    with app.client() as client:
        client.call("try_and_fail", epochs=1)
        client.call("start", epochs=1)
    faults: dict[str, list[str]] = {}
    for width in (1280, 390):
        chromium_page.set_viewport_size({"width": width, "height": 800})
        for tab in ("Later", *OWN_TABS):
            choose(chromium_page, tab)
            faults[f"{tab} {width}"] = serious(chromium_page)
        choose(chromium_page, "Components")
        row(chromium_page, "names").click()
        expect(chromium_page.get_by_role("dialog").get_by_role("textbox")).to_be_editable()
        faults[f"dialog {width}"] = serious(chromium_page)
        chromium_page.keyboard.press("Escape")
    assert not any(faults.values()), faults


def serious(page: Page) -> list[str]:
    """What axe finds that hinders people."""
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [
        f"{fault['id']}: {fault['nodes'][0]['html'][:200]} {fault['nodes'][0].get('failureSummary', '')[:300]}"
        for fault in found
        if fault["impact"] in SERIOUS
    ]


def test_axe_finds_a_fault_where_there_is_one(chromium_page: Page) -> None:
    chromium_page.set_content("<main><input><p style='color: #ddd'>text</p></main>")
    assert [fault.split(":")[0] for fault in serious(chromium_page)][:2] == [
        "color-contrast",
        "document-title",
    ]
