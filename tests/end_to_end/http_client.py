"""Clients of the HTTP that real apps serve."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from flowrpc.protocol.run_directory import entry_in, read_token

from tests.end_to_end.conftest import RunningApp


def address(app: RunningApp) -> str:
    """Where the app serves HTTP, as it told those who look for it."""
    return address_in(app.folder)


def address_in(folder: Path) -> str:
    """Where the app in a folder serves HTTP."""
    entry = entry_in(folder / ".flowrpc")
    assert entry is not None
    return entry.http_address


def page_url(app: RunningApp) -> str:
    """The login link that the app printed after the line that says it is served."""
    assert app.process is not None
    assert app.process.stdout is not None
    line = app.process.stdout.readline()
    assert line.startswith("the page is at "), line
    return line.removeprefix("the page is at ").strip()


def bearer(app: RunningApp, role: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {read_token(app.folder / '.flowrpc' / 'tokens' / role)}"}


def http(app: RunningApp, role: str = "call") -> httpx.Client:
    """A program with a token."""
    return httpx.Client(base_url=address(app), headers=bearer(app, role), timeout=60, trust_env=False)


def stranger(app: RunningApp) -> httpx.Client:
    return httpx.Client(base_url=address(app), timeout=60, trust_env=False)


@contextmanager
def browser(app: RunningApp) -> Iterator[httpx.Client]:
    """A browser that followed the login link: it has a cookie and says where it comes from."""
    with stranger(app) as client:
        client.headers["Origin"] = address(app)
        answer = client.get(page_url(app))
        assert answer.status_code == 303, answer.text
        yield client


class ServerEvent(NamedTuple):
    """One server-sent event."""

    kind: str
    id: str
    data: Any


def events(answer: httpx.Response) -> Iterator[ServerEvent]:
    """Reads a stream of events as a browser would."""
    fields: dict[str, str] = {}
    for line in answer.iter_lines():
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif "data" in fields:
            yield ServerEvent(fields.get("event", ""), fields.get("id", ""), json.loads(fields["data"]))
            fields = {}
