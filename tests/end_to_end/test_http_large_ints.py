"""Ints beyond 2^53 in each API below `/api/v1`: readers that make doubles of numbers read what is meant."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.end_to_end.conftest import MakeApp, RunningApp
from tests.end_to_end.http_client import events, http

LARGE = 2**53 + 1
WRITTEN = {"$flowrpc": "int", "value": str(LARGE)}
APP = f"""
class Train(LightningWork):
    def __init__(self):
        super().__init__(parallel=True)

    def run(self, number):
        pass


class Root(LightningFlow):
    def __init__(self):
        self.number = {LARGE}
        self.train = Train()

    def run(self):
        pass

    def add(self, by: int = {LARGE}):
        self.number += by
        self.train.run(self.number)
        return [by, -by]

    def count(self, first: int):
        yield first

    def configure_commands(self):
        return {{"add": self.add, "count": self.count}}

    def configure_layout(self):
        return [{{"name": "tab", "content": "", "size": {LARGE}}}]


app = LightningApp(Root())
"""


@pytest.fixture
def app(make_app: MakeApp) -> RunningApp:
    return make_app(APP).start()


def numbers(content: Any) -> list[Any]:
    """All numbers in what was read."""
    if isinstance(content, dict):
        return [number for value in content.values() for number in numbers(value)]
    if isinstance(content, list):
        return [number for value in content for number in numbers(value)]
    return [content] if isinstance(content, int | float) and not isinstance(content, bool) else []


def test_no_int_that_a_double_cannot_hold_is_sent_as_a_number(app: RunningApp) -> None:
    texts = {}
    with http(app) as client, client.stream("GET", "/api/v1/watch") as stream:
        coming = events(stream)
        texts["snapshot"] = json.dumps(next(coming).data)
        for by in (LARGE, WRITTEN):  # both are read
            answer = client.post("/api/v1/commands/add", json={"by": by})
            assert answer.json()["result"] == [WRITTEN, WRITTEN | {"value": str(-LARGE)}]
        texts["revision"] = json.dumps(next(coming).data)
        texts["item"] = client.post("/api/v1/commands/count", json={"first": LARGE}).text
        refused = client.post("/api/v1/commands/add", json={"by": str(LARGE)})
        assert refused.status_code == 422
        for path in ("state", "runs", "commands", "layout", "works"):
            texts[path] = client.get(f"/api/v1/{path}").text
    for name, text in texts.items():
        assert '{"$flowrpc"' in text or name in ("works", "commands"), name
        assert [number for number in numbers(json.loads(text)) if abs(number) > 2**53 - 1] == [], name
