"""Layouts in the core: asked for at the start and at sealing, kept where clients read them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flowrpc.component import LightningFlow, LightningWork, List
from flowrpc.component.layout import LAYOUT
from flowrpc.errors import ComponentError, InvalidValueError
from flowrpc.flow_service.effects import FrontendsChanged
from flowrpc.frontend import Frontend, StaticWebFrontend

from tests.flow_service.driver import Driver


class Page(Frontend):
    def start_server(self, host: str, port: int, root_path: str = "") -> None: ...

    def stop_server(self) -> None: ...


class Shown(LightningFlow):
    """Shows whatever a test tells it to."""

    def __init__(self, show: Any = None) -> None:
        self.number = 0
        self._show = show
        self._page = Page()

    def configure_layout(self) -> Any:
        return self._show(self) if callable(self._show) else self._page


class Serving(LightningWork):
    def __init__(self, shows: Any = "http://127.0.0.1:1") -> None:
        super().__init__(parallel=True)
        self._shows = shows

    def run(self) -> None:
        """Is never executed here."""

    def configure_layout(self) -> Any:
        return self._shows


class Quiet(LightningFlow):
    """Shows nothing itself; what is below it does."""

    def __init__(self) -> None:
        self.inner = Shown(lambda _: [{"name": "web", "content": "http://example.com"}])


def make_root(show: Callable[[Any], Any] | None = None) -> type[LightningFlow]:
    """A root that shows what a test wants, or leaves it to the default."""

    class Default(LightningFlow):
        def __init__(self) -> None:
            self.number = 0
            self.first = Shown()
            self.second = Quiet()
            self.items = List()
            self.serving = Serving()
            self.silent = Serving(None)
            self.framed = Serving(Page())
            self.odd = Serving(7)

        def run(self) -> None:
            """Is kept busy by its clients."""

        def bump(self) -> None:
            self.number += 1

        def more(self) -> None:
            self.items.append(Dynamic())

        def less(self) -> None:
            self.items.pop()

        def configure_commands(self) -> Any:
            return {"bump": self.bump, "more": self.more, "less": self.less}

    class Own(Default):
        def configure_layout(self) -> Any:
            assert show is not None
            return show(self)

    return Default if show is None else Own


class Dynamic(LightningFlow):
    def configure_layout(self) -> Any:
        return StaticWebFrontend(Path(__file__).parent / "pages")


def layout(driver: Driver, name: str = "root") -> Any:
    return driver.replica.components[name].vars.get(LAYOUT)


def frontends(driver: Driver) -> list[list[str]]:
    """The names of the frontends, each time that they were told."""
    told: list[list[str]] = []
    carry_out = driver.carry_out

    def listen(effects: Any) -> None:
        told.extend(sorted(e.frontends) for e in effects if isinstance(e, FrontendsChanged))
        carry_out(effects)

    driver.carry_out = listen  # type: ignore[method-assign]
    return told


def test_by_default_the_nearest_flows_with_a_layout_are_tabs() -> None:
    driver = Driver(make_root())

    assert layout(driver) == [
        {"name": "root.first", "content": "root.first", "target": ""},
        {"name": "root.second.inner", "content": "root.second.inner", "target": ""},
    ]
    assert layout(driver, "root.first") == {"target": "/view/root.first/"}
    assert layout(driver, "root.second.inner") == [
        {"name": "web", "content": "http://example.com", "target": "http://example.com"}
    ]
    assert layout(driver, "root.second") == [
        {"name": "root.second.inner", "content": "root.second.inner", "target": ""}
    ]


def test_a_tree_that_shows_nothing_keeps_nothing() -> None:
    class Plain(LightningFlow):
        def run(self) -> None: ...

    assert layout(Driver(Plain)) is None


@pytest.mark.parametrize(
    ("show", "expected"),
    [
        (lambda r: {"name": "a", "content": r.first}, [{"name": "a", "content": "root.first", "target": ""}]),
        (lambda r: ({"content": r.first},), [{"content": "root.first", "name": "first", "target": ""}]),
        (
            lambda r: [{"content": r.second.inner}],
            [{"content": "root.second.inner", "name": "inner", "target": ""}],
        ),
        (lambda _: [{"name": "x", "content": ""}], [{"name": "x", "content": "", "target": ""}]),
        (lambda _: [{"content": "/later"}], [{"content": "/later", "target": ""}]),
        (
            lambda _: [{"content": "https://a.example/x", "icon": [1]}],
            [{"content": "https://a.example/x", "icon": [1], "target": "https://a.example/x"}],
        ),
        (
            lambda r: {"content": r.serving},
            [{"content": "http://127.0.0.1:1", "name": "serving", "target": "http://127.0.0.1:1"}],
        ),
        (lambda r: {"content": r.silent}, [{"content": "", "name": "silent", "target": ""}]),
        (lambda r: {"content": r.framed}, {"target": "/view/root/"}),
        (lambda _: [], []),
    ],
)
def test_what_a_flow_returns_is_kept_as_values(show: Callable[[Any], Any], expected: Any) -> None:
    driver = Driver(make_root(show))

    found = layout(driver)
    assert (found or []) == expected
    assert found is not None or expected == []


UNSUPPORTED = "The return value of configure_layout() in `Own` is an unsupported layout format"


@pytest.mark.parametrize(
    ("show", "cause", "problem"),
    [
        (lambda _: "tabs", TypeError, UNSUPPORTED),
        (lambda _: None, TypeError, UNSUPPORTED),
        (lambda r: [r.first], TypeError, UNSUPPORTED),
        (lambda _: [{"name": "x"}], ValueError, "is missing a key 'content'"),
        (lambda _: [{"content": None}], ValueError, "contains an unsupported entry: {'content': None}"),
        (lambda _: [{"content": Shown()}], ValueError, "contains an unsupported entry"),
        (lambda r: [{"content": r}], ValueError, "Set the `content` key to a flow below this one"),
        (
            lambda r: [{"content": r.framed}, {"content": ""}],
            TypeError,
            "must be the only tab in the layout of root",
        ),
        (
            lambda r: [{"content": r.odd}],
            TypeError,
            "configure_layout() in `Serving` is of an unsupported type: int",
        ),
        (lambda _: [{"content": "", "icon": {1}}], InvalidValueError, "tab 0['icon']: set is not a type"),
        (lambda _: StaticWebFrontend("nowhere"), ComponentError, "nowhere is no folder"),
        (lambda _: 1 / 0, ZeroDivisionError, "division by zero"),
    ],
)
def test_what_cannot_be_shown_is_refused_at_the_start(
    show: Callable[[Any], Any], cause: type[Exception], problem: str
) -> None:
    with pytest.raises(ComponentError) as refused:
        Driver(make_root(show))

    assert str(refused.value).startswith("root.configure_layout(): ")
    assert problem in str(refused.value)
    assert isinstance(refused.value.__cause__, cause)


def test_a_layout_follows_the_state() -> None:
    driver = Driver(make_root(lambda r: [{"name": f"bumped {r.number}", "content": ""}]))

    driver.call("bump")

    assert layout(driver) == [{"name": "bumped 1", "content": "", "target": ""}]
    (changed,) = [d for d in driver.revisions[-1].deltas if d.component == "root"]
    assert len(changed.changes) == 2, "the layout is in the revision of the change that it follows"


def test_asking_for_a_layout_makes_no_revision_and_no_pass() -> None:
    asked: list[int] = []

    def note(root: Any) -> Any:
        asked.append(root.number)
        return []

    driver = Driver(make_root(note))
    driver.settle()
    revisions, passes, times = len(driver.revisions), driver.passes, len(asked)

    for _ in range(3):
        driver.settle()

    assert (len(driver.revisions), driver.passes, len(asked)) == (revisions, passes, times)


def test_what_fails_later_is_logged_once_and_the_layout_stays(caplog: pytest.LogCaptureFixture) -> None:
    def show(root: Any) -> Any:
        if 0 < root.number < 3:
            raise ValueError("no tabs today")
        return [{"name": f"bumped {root.number}", "content": ""}]

    driver = Driver(make_root(show))
    with caplog.at_level(logging.ERROR):
        driver.call("bump")
        driver.call("bump")
        assert layout(driver) == [{"name": "bumped 0", "content": "", "target": ""}]
        driver.call("bump")

    (record,) = caplog.records
    assert "root.configure_layout() failed" in record.getMessage()
    assert "no tabs today" in record.getMessage()
    assert layout(driver) == [{"name": "bumped 3", "content": "", "target": ""}]


def test_a_layout_changes_no_state(caplog: pytest.LogCaptureFixture) -> None:
    def show(root: Any) -> Any:
        if root.number == 1:
            root.number = 7
        return []

    driver = Driver(make_root(show))
    with caplog.at_level(logging.ERROR):
        driver.call("bump")

    assert driver.vars()["number"] == 1
    assert "it must not change state; that was undone" in caplog.text


def test_a_frontend_that_was_not_there_at_the_start_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    driver = Driver(make_root(lambda r: Page() if r.number else []))
    with caplog.at_level(logging.ERROR):
        driver.call("bump")

    assert "root returned a Frontend, but none when the app was created" in caplog.text
    assert not layout(driver)


def test_flows_that_come_bring_their_frontends_and_take_them_along() -> None:
    driver = Driver(make_root())
    told = frontends(driver)

    driver.call("more")
    assert layout(driver, "root.items.0") == {"target": "/view/root.items.0/"}
    assert [tab["content"] for tab in layout(driver)] == ["root.first", "root.second.inner", "root.items.0"]
    driver.call("less")
    assert [tab["content"] for tab in layout(driver)] == ["root.first", "root.second.inner"]

    assert told == [["root.first", "root.items.0"], ["root.first"]]


def test_a_layout_that_the_code_has_no_more_is_emptied() -> None:
    driver = Driver(make_root(lambda _: [{"content": "http://example.com"}]))

    base: Any = make_root()

    class Own(base):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.first._show = lambda _: []

        def configure_layout(self) -> Any:
            return []

    driver.restart(Own)

    assert layout(driver) == []
    assert layout(driver, "root.first") == []


def test_the_default_of_a_work_is_its_url() -> None:
    class Plain(LightningWork):
        def run(self) -> None: ...

    assert Plain().configure_layout() == ""
