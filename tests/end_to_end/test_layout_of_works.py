"""docs/reference/layout.md: a tab that names a work follows its `url`, from when it comes until it goes."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import httpx
import pytest

from tests.end_to_end.conftest import MakeApp, RunningApp, wait_until_gone
from tests.end_to_end.http_client import events, http
from tests.end_to_end.tabbed_works import SOURCE

PATIENCE_SECONDS = 40


@pytest.fixture
def client(make_app: MakeApp) -> Iterator[httpx.Client]:
    app: RunningApp = make_app(SOURCE).start()
    with http(app) as client:
        yield client


def call(client: httpx.Client, name: str, **arguments: Any) -> None:
    answer = client.post(f"/api/v1/commands/{name}", json=arguments)
    assert answer.status_code == 200, answer.text


def tabs(client: httpx.Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/api/v1/layout").json()["layout"]["tabs"]
    return found


def shown(client: httpx.Client, holds: Callable[[str], bool]) -> str:
    """Waits until the tab of the work shows what it is to show; returns its target."""
    return until(client, lambda: tabs(client)[1]["target"], holds)


def until(client: httpx.Client, read: Callable[[], str], holds: Callable[[str], bool]) -> str:
    """Looks again with each thing that happens in the app; the test's own timeout ends it."""
    found = ""
    with client.stream("GET", "/api/v1/watch") as told:
        for _ in events(told):
            if holds(found := read()):
                return found
    raise AssertionError(f"the app ended, and it is still {found!r}")


def served_by(url: str) -> int:
    """Asks a page which process serves it."""
    page = httpx.get(url, trust_env=False, timeout=PATIENCE_SECONDS).text
    return int(page.partition("served by ")[2].partition("<")[0])


@contextmanager
def taken(port: int) -> Iterator[None]:
    """Listens on a port, so that nobody else can."""
    with closing(socket.socket()) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", port))
        listening.listen()
        yield


def test_a_tab_of_a_work_is_empty_until_the_work_serves(client: httpx.Client) -> None:
    assert tabs(client)[1] == {"name": "Work 0", "content": "", "target": ""}
    call(client, "serve")
    target = shown(client, bool)
    assert tabs(client)[1] == {"name": "Work 0", "content": target, "target": target}
    assert served_by(target) > 0


def test_the_target_goes_when_the_run_ends_and_comes_with_the_next(client: httpx.Client) -> None:
    call(client, "serve")
    first = shown(client, bool)
    call(client, "end")
    shown(client, lambda target: not target)
    call(client, "serve")
    assert shown(client, bool) == first, "a work keeps its port"


def test_the_target_changes_with_the_port(client: httpx.Client) -> None:
    call(client, "serve")
    first = shown(client, bool)
    pid = served_by(first)
    call(client, "stop_it")
    shown(client, lambda target: not target)
    wait_until_gone({pid}, seconds=PATIENCE_SECONDS)
    with taken(int(first.rpartition(":")[2])):
        call(client, "serve")
        second = shown(client, bool)
        assert second != first
        assert served_by(second) != pid


def test_the_target_goes_when_the_process_is_killed(client: httpx.Client) -> None:
    call(client, "serve")
    os.kill(served_by(shown(client, bool)), signal.SIGKILL)
    shown(client, lambda target: not target)


def test_what_a_work_of_a_flow_below_shows_follows_its_state_too(client: httpx.Client) -> None:
    def inner() -> str:
        (tab,) = tabs(client)[2]["layout"]["tabs"]
        return str(tab["target"])

    assert inner() == ""
    call(client, "serve", work="below")
    until(client, inner, lambda target: target.endswith("/"))
    call(client, "turn", page="second")
    assert inner().endswith("/second"), "the answer and the layout are of one revision"
