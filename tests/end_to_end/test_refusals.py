"""A real app tells how often it refused something, and why, whoever asks and over which protocol it was."""

from __future__ import annotations

import json

import httpx
import pytest
from flowrpc.errors import CallError
from flowrpc_client import FlowClient

from tests.end_to_end.conftest import MakeApp, flowctl
from tests.end_to_end.http_client import address, bearer, http, stranger

APP = """
class Root(LightningFlow):
    def __init__(self):
        self.number = 0

    def run(self):
        pass

    def add(self, by: int):
        self.number += by

    def count(self, to: int):
        yield from range(to)

    def configure_commands(self):
        return [{"add": self.add}, {"count": self.count}]


app = LightningApp(Root())
"""


def test_refusals_are_counted_by_reason(make_app: MakeApp) -> None:
    app = make_app(APP)
    app.start()
    with app.client() as client, http(app) as web, stranger(app) as unknown:
        assert client.app().refused == {}
        assert web.get("/api/v1/app").json()["refused"] == {}

        for _ in range(3):
            with pytest.raises(CallError, match="typo"):
                client.call("typo")
        with pytest.raises(CallError, match="by"):
            client.call("add")
        with pytest.raises(CallError):
            client.update("root", {"number": 1}, expected_revision=0)
        with pytest.raises(CallError, match="typo"):
            list(client.stream("typo"))
        wrong = app.folder / "wrong"
        wrong.touch(0o600)
        wrong.write_text("wrong")
        with FlowClient(app.address, wrong) as thief, pytest.raises(CallError):
            thief.app()

        assert web.post("/api/v1/commands/typo", json={}).status_code == 404
        assert web.get("/api/v1/state", params={"component": "root.typo"}).status_code == 404
        assert unknown.get("/api/v1/state").status_code == 401
        read_only = httpx.post(
            f"{address(app)}/api/v1/commands/add",
            headers=bearer(app, "read"),
            json={"by": 1},
            trust_env=False,
        )
        assert read_only.status_code == 403
        client.call("add", by=1)

        refused = {
            "INVALID_ARGUMENTS": 1,
            "PERMISSION_DENIED": 1,
            "REVISION_CONFLICT": 1,
            "UNAUTHENTICATED": 2,
            "UNKNOWN_COMMAND": 5,
            "UNKNOWN_COMPONENT": 1,
        }
        assert client.app().refused == refused
        assert web.get("/api/v1/app").json()["refused"] == refused

    shown = flowctl("--json", "ps")
    assert refused in [facts["refused"] for facts in json.loads(shown.stdout)]
