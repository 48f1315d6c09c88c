"""The state API of real apps: state, commands, runs, and streams of events."""

from __future__ import annotations

import json
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from flowrpc_client.request_id import new_request_id

from tests.end_to_end.conftest import MakeApp, RunningApp
from tests.end_to_end.http_client import address, bearer, events, http

APP = """
class Train(LightningWork):
    def __init__(self):
        super().__init__(parallel=True, raise_exception=False)
        self.epoch = 0

    def run(self, epochs):
        self.epoch = epochs
        if epochs > 5:
            raise ValueError("too many")


class Child(LightningFlow):
    def __init__(self):
        self.number = 0


class Root(LightningFlow):
    def __init__(self):
        self.number = 0
        self.big = 2**60
        self.odd = {"$flowrpc": "mine"}
        self.child = Child()
        self.train = Train()

    def run(self):
        pass

    def add(self, by: int, to: str = "root"):
        \"\"\"Adds a number.\"\"\"
        self.number += by
        if by == 13:
            raise ValueError("no luck")
        return {"number": self.number, "big": self.big + by}

    def keep(self, value):
        self.odd = value
        return value

    def start_training(self, epochs: int):
        self.train.run(epochs)

    def configure_commands(self):
        return {"add": self.add, "keep": self.keep, "train": self.start_training}


app = LightningApp(Root())
"""


@pytest.fixture
def app(make_app: MakeApp) -> RunningApp:
    return make_app(APP).start()


def test_state_is_told_without_changing_an_int(app: RunningApp) -> None:
    with http(app, "read") as client:
        answer = client.get("/api/v1/state").json()
        root, child, train = answer["components"]
        assert [c["name"] for c in answer["components"]] == ["root", "root.child", "root.train"]
        assert root["vars"]["big"] == {"$flowrpc": "int", "value": str(2**60)}
        assert root["vars"]["odd"] == {"$$flowrpc": "mine"}
        assert (root["kind"], child["kind"], train["kind"]) == ("flow", "flow", "work")
        assert answer["state_hash"] == ""
        hashed = client.get("/api/v1/state", params={"with_state_hash": True}).json()["state_hash"]
        assert hashed == client.get("/api/v1/app", params={"with_state_hash": True}).json()["state_hash"]
        with app.client() as grpc_client:
            assert hashed == grpc_client.snapshot(with_state_hash=True).state_hash
        alone = client.get("/api/v1/state", params={"component": "root", "exclude_children": True}).json()
        assert [c["name"] for c in alone["components"]] == ["root"]
        missing = client.get("/api/v1/state", params={"component": "root.chld"})
    assert missing.status_code == 404
    assert missing.json()["detail"] == "no component 'root.chld'; did you mean 'root.child'?"
    assert missing.json()["reason"] == "UNKNOWN_COMPONENT"


def test_commands_are_called_with_json(app: RunningApp) -> None:
    with http(app) as client:
        listed = client.get("/api/v1/commands").json()["commands"]
        assert (listed[0]["name"], listed[0]["help"]) == ("add", "Adds a number.")
        first = client.get("/api/v1/commands", params={"page_size": 2}).json()
        rest = client.get("/api/v1/commands", params={"page_token": first["next_page_token"]}).json()
        assert (first["commands"] + rest["commands"], rest["next_page_token"]) == (listed, "")
        assert client.get("/api/v1/commands", params={"page_token": "\u0663"}).status_code == 422
        answer = client.post("/api/v1/commands/add", json={"by": 2})
        assert answer.status_code == 200
        outcome = answer.json()
        assert outcome["result"] == {"number": 2, "big": {"$flowrpc": "int", "value": str(2**60 + 2)}}
        assert client.get("/api/v1/state").json()["revision"] >= outcome["revision"]
        kept = {"value": {"$flowrpc": "int", "value": str(2**80)}}
        assert client.post("/api/v1/commands/keep", json=kept).json()["result"] == kept["value"]
        failed = client.post("/api/v1/commands/add", json={"by": 13})
        assert failed.status_code == 500
        assert failed.json()["failure"]["message"] == "no luck"
        assert client.get("/api/v1/state").json()["components"][0]["vars"]["number"] == 2
    with app.client() as grpc_client:
        assert grpc_client.state()["vars"]["odd"] == 2**80


def test_a_repeat_with_the_same_key_gets_the_first_answer(app: RunningApp) -> None:
    key = new_request_id()
    with http(app) as client:
        headers = {"Idempotency-Key": key}
        first = client.post("/api/v1/commands/add", json={"by": 2}, headers=headers).json()
        again = client.post(
            "/api/v1/commands/add", json={"by": 2}, headers={"Idempotency-Key": f'"{key}"'}
        ).json()
        assert again == first | {"replayed": True}
        other = client.post("/api/v1/commands/add", json={"by": 3}, headers=headers)
        assert (other.status_code, other.json()["reason"]) == (409, "REQUEST_ID_REUSED")
        bad = client.post("/api/v1/commands/add", json={"by": 3}, headers={"Idempotency-Key": "seven"})
        assert (bad.status_code, bad.json()["reason"]) == (422, "INVALID_REQUEST_ID")
    with app.client() as grpc_client:
        over_grpc = grpc_client.call_outcome("add", {"by": 2}, request_id=key)
        assert over_grpc.replayed, "it is one request, however it is sent"


BAD_CALLS: list[tuple[str, str, int, str]] = [
    ("ad", '{"by": 1}', 404, "no command 'ad'; did you mean 'add'?"),
    ("add", "", 422, "add: the argument 'by' is missing"),
    ("add", '{"by": "x"}', 422, "add: 'by' must be int, not 'x'"),
    ("add", '{"by": 1, "two": 2}', 422, "there is no argument 'two'"),
    ("add", "[1]", 422, "the body is no JSON object; send the arguments by name"),
    ("add", "{", 422, "the body is no JSON: "),
    ("keep", '{"value": NaN}', 422, "NaN is not in JSON"),
    ("keep", '{"value": 1e999}', 422, "arguments.value"),
    ("keep", '{"value": {"$flowrpc": "x"}}', 422, 'arguments.value: a value of a named type is {"$flowrpc"'),
    ("keep", '{"value": ' + "[" * 100 + "]" * 100 + "}", 422, "nest deeper"),
    ("keep", '{"value": ' + "[" * 100_000, 422, "the body "),
    ("keep", '{"value": ' + "9" * 10_000 + "}", 422, "the body is no JSON: "),
    ("keep", '{"value": "\\ud800"}', 422, "arguments.value"),
]


def test_bad_calls_are_refused_and_say_why(app: RunningApp) -> None:
    with http(app) as client:
        for name, body, status, problem in BAD_CALLS:
            answer = client.post(f"/api/v1/commands/{name}", content=body)
            assert answer.status_code == status, (name, body[:50], answer.text)
            assert problem in answer.json()["detail"], (body[:50], answer.text)
        assert client.post("/api/v1/commands/add?timeout_seconds=0", json={"by": 1}).status_code == 422
        assert client.get("/api/v1/state").json()["components"][0]["vars"]["number"] == 0
    assert "Traceback" not in app.stderr()


def test_works_and_runs_are_listed(app: RunningApp) -> None:
    with http(app) as client, app.client() as grpc_client, grpc_client.replica() as replica:
        for epochs in (1, 2, 9):
            client.post("/api/v1/commands/train", json={"epochs": epochs})
        replica.wait_for(lambda _: all(run.status.terminal for run in grpc_client.runs()), timeout=60)
        (work,) = client.get("/api/v1/works").json()["works"]
        assert (work["name"], work["stage"], work["succeeded_count"]) == ("root.train", "failed", 2)
        assert client.get("/api/v1/works", params={"page_token": "1"}).json()["works"] == []
        assert client.get("/api/v1/agents", params={"page_size": 1}).json()["next_page_token"] == ""
        first = client.get("/api/v1/runs", params={"page_size": 2}).json()
        rest = client.get("/api/v1/runs", params={"page_token": first["next_page_token"]}).json()
        assert [run["args"] for run in first["runs"] + rest["runs"]] == [[9], [2], [1]]
        failed = client.get("/api/v1/runs", params={"statuses": "failed", "work": "root.train"}).json()[
            "runs"
        ]
        assert [run["failure"]["message"] for run in failed] == ["too many"]
        assert failed[0]["ended_at"].endswith("+00:00")
        assert client.get("/api/v1/runs", params={"work": "root.nothing"}).status_code == 404
        assert client.get("/api/v1/runs", params={"page_token": "x"}).status_code == 422
        assert client.get("/api/v1/runs", params={"page_size": 0}).status_code == 422


def test_a_watch_goes_on_where_it_broke_off_also_in_the_next_life(app: RunningApp) -> None:
    with http(app) as client:
        with client.stream("GET", "/api/v1/watch") as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            coming = events(stream)
            snapshot = next(coming)
            client.post("/api/v1/commands/add", json={"by": 1})
            seen = next(coming)
            assert seen.data["deltas"][0]["changes"] == [{"op": "set", "path": ["number"], "value": 1}]
        client.post("/api/v1/commands/add", json={"by": 1})
        with client.stream("GET", "/api/v1/watch", headers={"Last-Event-ID": seen.id}) as stream:
            missed = next(events(stream))
        assert missed.kind == "revision"
        assert missed.data["number"] == seen.data["number"] + 1
        with client.stream("GET", "/api/v1/watch", headers={"Last-Event-ID": "1@another"}) as stream:
            assert next(events(stream)).kind == "snapshot", "numbers of another journal mean nothing here"
        assert client.get("/api/v1/watch", headers={"Last-Event-ID": "x"}).status_code == 422
        assert client.get("/api/v1/watch", params={"component": "root.x"}).status_code == 404
    app.kill()
    app.start()
    after, _, journal_id = seen.id.partition("@")
    asked = {"after_revision": after, "journal_id": journal_id}
    with http(app) as client:
        with client.stream("GET", "/api/v1/watch", params=asked) as stream:
            answer = next(events(stream))
        assert client.get("/api/v1/watch", params={"after_revision": after}).status_code == 422
    assert answer.kind in ("revision", "snapshot")
    assert answer.data.get("number", seen.data["number"] + 1) == seen.data["number"] + 1
    assert snapshot.id.partition("@")[2] == answer.id.partition("@")[2]


def test_a_watch_of_a_child_tells_of_the_child_only(app: RunningApp) -> None:
    with (
        http(app) as client,
        client.stream("GET", "/api/v1/watch", params={"component": "root.train"}) as stream,
    ):
        coming = events(stream)
        assert [c["name"] for c in next(coming).data["components"]] == ["root.train"]
        client.post("/api/v1/commands/add", json={"by": 1})
        client.post("/api/v1/commands/train", json={"epochs": 1})
        told = next(coming)
    assert [run["work"] for run in told.data["runs"]] == ["root.train"]
    assert told.data["deltas"] == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_end_of_the_app_ends_open_streams(app: RunningApp, number: signal.Signals) -> None:
    with (
        http(app) as client,
        ThreadPoolExecutor() as pool,
        client.stream("GET", "/api/v1/watch") as first,
        client.stream("GET", "/api/v1/watch") as second,
    ):
        streams = [events(first), events(second)]
        assert [next(stream).kind for stream in streams] == ["snapshot", "snapshot"]
        exit_code = pool.submit(app.end, number)
        kinds = [[event.kind for event in stream][-1] for stream in streams]
        assert exit_code.result() == 0
    assert kinds == ["end", "end"]
    assert [line for line in app.stderr().splitlines() if "has no lock" not in line] == [
        f"stopped: by {number.name}"
    ]


def test_clients_that_read_nothing_hold_nobody_up(app: RunningApp) -> None:
    """Neither the app, nor its end; what they miss is not kept for them."""
    host, _, port = address(app).removeprefix("http://").rpartition(":")
    token = bearer(app, "read")["Authorization"]
    request = f"GET /api/v1/watch HTTP/1.1\r\nHost: {host}\r\nAuthorization: {token}\r\n\r\n".encode()
    deaf = [socket.create_connection((host, int(port))) for _ in range(5)]
    try:
        with http(app) as client:
            for connection in deaf:
                connection.settimeout(20)
                connection.sendall(request)
                assert connection.recv(12) == b"HTTP/1.1 200"
            before = resident_bytes(app.pid)
            for number in range(60):
                value = {"value": str(number) * 200_000}
                assert client.post("/api/v1/commands/keep", json=value).status_code == 200
        grown = resident_bytes(app.pid) - before
        assert app.end() == 0
    finally:
        for connection in deaf:
            connection.close()
    # 60 revisions of some 400 kB for each of 5 streams would be 100 MB beside the 16 MiB that are kept.
    assert grown < 80_000_000, grown


def resident_bytes(pid: int) -> int:
    with open(f"/proc/{pid}/statm") as file:  # noqa: PTH123  # no Path for /proc: its size is 0
        return int(file.read().split()[1]) * 4096


def test_a_reader_of_doubles_reads_what_is_meant(app: RunningApp) -> None:
    with http(app) as client:
        text = client.get("/api/v1/state").text
    assert json.loads(text, parse_int=float) == json.loads(text)


def app_info(client: httpx.Client) -> Any:
    return client.get("/api/v1/app").json()


def test_the_app_tells_what_it_is(app: RunningApp) -> None:
    with http(app, "read") as client:
        info = app_info(client)
    assert (info["name"], info["root_type"], info["status"]["stage"]) == ("shop", "app:Root", "running")
    assert info["http_address"] == address(app)
