"""Commands that stream, of real apps over sockets: every door, readers that leave, are slow or late, and crashes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import grpc
import pytest
from flowrpc.errors import CallError
from flowrpc_client import CommandFailed, FlowClient, NotReachableError
from flowrpc_client.request_id import new_request_id
from google.rpc import error_details_pb2

from tests.end_to_end.conftest import FLOWCTL, HEADER, MakeApp, RunningApp, flowctl
from tests.end_to_end.forwarder import Forwarder
from tests.end_to_end.http_client import http
from tests.end_to_end.test_typed_contract import Stranger, details

APP = """
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass
class Tick:
    number: int
    word: str


class Root(LightningFlow):
    def __init__(self):
        self.count = 0
        self.passes = 0
        self.open = 0
        self.closed = []

    def run(self):
        self.passes = self.count

    def ticks(self, up_to: int, fail_at: int = -1) -> Iterator[Tick]:
        '''Counts.'''
        for n in range(up_to):
            self.count += 1
            if n == fail_at:
                raise ValueError("no further")
            yield Tick(number=n, word=f"tick {n}")

    def many(self, up_to: int = 10**9, size: int = 0) -> Iterator[str]:
        self.open += 1
        try:
            for n in range(up_to):
                self.count += 1
                yield "x" * size
        finally:
            self.open -= 1
            self.closed.append(n)

    def slow(self) -> Iterator[int]:
        for n in range(3):
            yield n
            time.sleep(0.3)

    def configure_commands(self):
        return {"ticks": self.ticks, "many": self.many, "slow": self.slow, "plain": self.plain}

    def plain(self, n: int = 1) -> int:
        return n


app = LightningApp(Root())
"""

TICKS = [{"number": n, "word": f"tick {n}"} for n in range(3)]
WAIT = 60.0


def until(condition: Callable[[], Any]) -> Any:
    """Waits for a condition of another process."""
    end = time.monotonic() + WAIT
    while not (found := condition()):
        assert time.monotonic() < end, "it never came true"
        threading.Event().wait(0.02)
    return found


def variables(client: FlowClient) -> dict[str, Any]:
    return dict(client.state()["vars"])


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """One app for all tests that leave it as it is."""
    folder = tmp_path_factory.mktemp("served") / "shop"
    folder.mkdir()
    (folder / "app.py").write_text(HEADER + APP)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLOWRPC_RUN_DIR", str(folder / "run"))
        app = RunningApp(folder).start()
    yield app
    app.close()


@pytest.fixture
def app(served: RunningApp, monkeypatch: pytest.MonkeyPatch) -> RunningApp:
    monkeypatch.setenv("FLOWRPC_RUN_DIR", str(served.folder / "run"))
    return served


@pytest.fixture
def own_app(make_app: MakeApp) -> RunningApp:
    return make_app(APP).start()


@contextmanager
def closing(client: FlowClient) -> Iterator[None]:
    """Waits until a generator was closed that is opened inside."""
    before = len(variables(client)["closed"])
    yield
    until(lambda: len(variables(client)["closed"]) == before + 1 and variables(client)["open"] == 0)


def test_the_client_gets_items_and_what_was_raised(app: RunningApp) -> None:
    with app.client() as client:
        assert list(client.stream("ticks", up_to=3)) == TICKS
        before = variables(client)["count"]
        got: list[Any] = []
        with pytest.raises(CommandFailed, match="ValueError: no further") as failed:
            got.extend(client.stream("ticks", up_to=9, fail_at=2))
        assert got == TICKS[:2]
        assert failed.value.command == "ticks"
        assert variables(client)["count"] == before + 2
        assert list(client.stream("ticks", up_to=0)) == []


def test_an_item_tells_the_revision_that_holds_it(app: RunningApp) -> None:
    with app.client() as client:
        items: list[Any] = list(client.stream_items("ticks", {"up_to": 40}))
        assert [item.value["number"] for item in items] == list(range(40))
        revisions = [item.revision for item in items]
        assert revisions == sorted(revisions)
        assert client.app().revision >= revisions[-1]
        assert len(set(revisions)) > 1, "they were not told before all was over"


def test_what_is_refused_is_refused_before_anything_happens(app: RunningApp) -> None:
    with app.client() as client:
        before = variables(client)["count"]
        for command, arguments, reason in [
            ("tickz", {}, "UNKNOWN_COMMAND"),
            ("ticks", {"upto": 1}, "INVALID_ARGUMENTS"),
            ("plain", {}, "WRONG_METHOD"),
        ]:
            with pytest.raises(CallError) as refused:
                list(client.stream_items(command, arguments))
            assert refused.value.reason == reason
        with pytest.raises(CallError) as refused:
            client.call("ticks", up_to=1)
        assert refused.value.reason == "WRONG_METHOD"
        assert variables(client)["count"] == before


def test_only_who_may_call_may_stream(app: RunningApp) -> None:
    token = app.folder / ".flowrpc" / "tokens" / "read"
    with FlowClient(app.address, token) as client, pytest.raises(CallError) as refused:
        list(client.stream("ticks", up_to=1))
    assert refused.value.reason == "PERMISSION_DENIED"


def test_the_list_tells_what_streams(app: RunningApp) -> None:
    with app.client() as client:
        told = {info.name: (info.streams, info.item_annotation) for info in client.commands()}
    assert told == {
        "many": (True, "str"),
        "plain": (False, ""),
        "slow": (True, "int"),
        "ticks": (True, "Tick"),
    }


def test_flowctl_prints_a_line_for_each_item(app: RunningApp) -> None:
    done = flowctl("call", "ticks", "--args", "up_to=3", cwd=app.folder)
    assert [json.loads(line) for line in done.stdout.splitlines()] == TICKS
    assert done.returncode == 0
    failed = flowctl("call", "ticks", "--args", "up_to=3", "--args", "fail_at=1", cwd=app.folder)
    assert [json.loads(line) for line in failed.stdout.splitlines()] == TICKS[:1]
    assert failed.returncode == 1
    assert "command 'ticks' raised ValueError: no further" in failed.stderr
    assert "[streams]" in flowctl("commands", cwd=app.folder).stdout
    assert "Streams:\n  Tick" in flowctl("call", "ticks", "--help", cwd=app.folder).stdout


def test_flowctl_prints_items_as_they_come_and_ctrl_c_closes(app: RunningApp) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    command: list[str | Path] = [FLOWCTL, "call", "many", "--args", "size=3"]
    pipe = subprocess.PIPE
    with (
        app.client() as client,
        closing(client),
        subprocess.Popen(command, cwd=app.folder, stdout=pipe, text=True, env=environment) as process,
    ):
        assert process.stdout is not None
        assert process.stdout.readline() == '"xxx"\n'
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        assert process.wait(timeout=WAIT) == 130


def test_http_sends_a_line_for_each_item_and_the_error_as_the_last(app: RunningApp) -> None:
    with http(app) as web:
        answer = web.post("/api/v1/commands/ticks", json={"up_to": 3})
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/x-ndjson"
        lines = [json.loads(line) for line in answer.text.splitlines()]
        assert [line["item"] for line in lines] == TICKS
        assert all(line["revision"] > 0 for line in lines)

        lines = web.post("/api/v1/commands/ticks", json={"up_to": 3, "fail_at": 1}).text.splitlines()
        assert json.loads(lines[0])["item"] == TICKS[0]
        assert json.loads(lines[1])["failure"]["message"] == "no further"

        refused = web.post("/api/v1/commands/ticks", json={"upto": 3})
        assert refused.status_code == 422
        assert refused.json()["reason"] == "INVALID_ARGUMENTS"
        key = {"Idempotency-Key": new_request_id()}
        refused = web.post("/api/v1/commands/ticks", json={"up_to": 3}, headers=key)
        assert refused.status_code == 422
        assert "without an Idempotency-Key" in refused.text
    with http(app, "read") as web:
        assert web.post("/api/v1/commands/ticks", json={"up_to": 3}).status_code == 403


def test_http_closes_at_the_deadline_and_says_so(app: RunningApp) -> None:
    address = "/api/v1/commands/many?timeout_seconds=0.5"
    with app.client() as client, closing(client), http(app) as web:
        with web.stream("POST", address, json={}) as answer:
            last = [json.loads(line) for line in answer.iter_lines()][-1]
        assert last["reason"] == "DEADLINE_EXCEEDED"


def test_http_closes_when_the_reader_leaves(app: RunningApp) -> None:
    address = "/api/v1/commands/many?timeout_seconds=600"
    with (
        app.client() as client,
        closing(client),
        http(app) as web,
        web.stream("POST", address, json={}) as sent,
    ):
        next(sent.iter_lines())


def test_http_closes_at_the_deadline_of_a_reader_that_does_not_read(app: RunningApp) -> None:
    address = "/api/v1/commands/many?timeout_seconds=1"
    with http(app) as web, web.stream("POST", address, json={"size": 200_000}), app.client() as client:
        until(lambda: variables(client)["open"] == 1)
        until(lambda: variables(client)["open"] == 0)


def test_a_typed_method_streams(app: RunningApp) -> None:
    stranger = Stranger(app)
    method = stranger.method("Ticks")
    assert method.server_streaming
    assert [field.name for field in method.input_type.fields] == ["up_to", "fail_at"]
    assert [field.name for field in method.output_type.fields] == ["item", "revision"]
    answers = list(stranger.call("Ticks", up_to=3))
    assert [(answer.item.number, answer.item.word) for answer in answers] == [
        (n, f"tick {n}") for n in range(3)
    ]
    assert answers[0].revision <= answers[-1].revision

    got: list[Any] = []
    with pytest.raises(grpc.RpcError) as failed:
        got.extend(stranger.call("Ticks", up_to=3, fail_at=2))
    assert [answer.item.number for answer in got] == [0, 1]
    assert failed.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    info = details(failed.value, error_details_pb2.ErrorInfo)
    assert info.reason == "COMMAND_FAILED"
    assert info.metadata["type"] == "ValueError"

    with pytest.raises(grpc.RpcError) as refused:
        list(stranger.call("Ticks"))
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    stranger.channel.close()


def test_a_typed_reader_that_leaves_closes_the_generator(app: RunningApp) -> None:
    stranger = Stranger(app)
    with app.client() as client, closing(client):
        call = stranger.call("Many")
        next(call)
        call.cancel()
    stranger.channel.close()


@pytest.mark.parametrize("way", ["close", "drop", "deadline", "die"])
def test_a_reader_that_leaves_closes_the_generator(app: RunningApp, way: str) -> None:
    with app.client() as client, closing(client):
        if way == "deadline":
            with pytest.raises(NotReachableError):
                deque(client.stream("many", timeout=0.5))
        elif way == "die":
            with subprocess.Popen(
                [FLOWCTL, "call", "many"], cwd=app.folder, stdout=subprocess.PIPE, text=True
            ) as process:
                assert process.stdout is not None
                process.stdout.readline()
                process.kill()
        else:
            stream = client.stream("many")
            next(stream)
            if way == "close":
                stream.close()
            del stream


def test_items_are_sent_as_they_are_made(app: RunningApp) -> None:
    """The generator sleeps after each item; the first one does not wait for the others."""
    with app.client() as client:
        came = [time.monotonic() for _ in client.stream("slow")]
    assert came[2] - came[0] > 0.4


def test_streams_passes_and_commands_do_not_block_each_other(app: RunningApp) -> None:
    with app.client() as client, client.stream("many") as one, client.stream("many") as other:
        for n in range(200):
            next(one)
            next(other)
            assert client.call("plain", n=n) == n
        seen = variables(client)
        assert seen["open"] == 2
        until(lambda: variables(client)["passes"] >= seen["count"])


def test_a_slow_reader_grows_no_memory(app: RunningApp) -> None:
    """A hundred thousand items of 10 kB are a GB, if they were made: only those are that have room."""
    with app.client() as client:
        begin, before = _rest(client), _resident_bytes(app.pid)
        with client.stream("many", up_to=100_000, size=10_000) as stream:
            next(stream)
            assert _rest(client) - begin <= 4_000, (
                "more were made than there is room for"
            )  # in the sockets, too
            deque(islice(stream, 2_000))
            assert _rest(client) - begin <= 6_000
            assert _resident_bytes(app.pid) - before < 60 * 1024 * 1024


def test_many_items_come_in_order(app: RunningApp) -> None:
    with app.client() as client:
        items: Any = client.stream("ticks", up_to=5_000)
        assert [item["number"] for item in items] == list(range(5_000))


def test_of_large_items_few_wait(app: RunningApp) -> None:
    with app.client() as client, client.stream("many", size=2_000_000) as stream:
        before = _rest(client)
        for _ in range(20):
            next(stream)
        assert _rest(client) - before <= 20 + 16


def test_after_kill_9_every_item_that_was_received_is_in_the_state(own_app: RunningApp) -> None:
    received: list[Any] = []
    with own_app.client() as client, client.stream("ticks", up_to=10**9) as stream:
        received.extend(islice(stream, 500))
        own_app.kill()
        with pytest.raises(NotReachableError):  # and it is not sent again by itself
            received.extend(stream)
    own_app.start()
    assert [item["number"] for item in received] == list(range(len(received)))
    with own_app.client() as client:
        count = variables(client)["count"]
        # What was made for it and never came: at most what had room, and what lay in the sockets.
        assert len(received) <= count <= len(received) + 5_000
        until(lambda: variables(client)["passes"] == count)


def test_stopping_the_app_ends_streams_with_a_reason(own_app: RunningApp) -> None:
    with own_app.client() as client, client.stream("many") as stream:
        next(stream)
        client.stop()
        with pytest.raises(NotReachableError, match="the app has ended"):
            deque(stream)
    assert own_app.wait() == 0
    own_app.start()
    with own_app.client() as client:
        assert variables(client)["open"] == 0
        assert len(variables(client)["closed"]) == 1


def test_streams_beyond_the_bound_are_refused(app: RunningApp) -> None:
    with app.client() as client:
        streams = [client.stream("many") for _ in range(256)]
        for stream in streams:
            next(stream)
        with pytest.raises(CallError, match="256 commands stream already") as refused:
            next(client.stream("many"))
        assert refused.value.reason == "OVERLOADED"
        for stream in streams:
            stream.close()
        until(lambda: variables(client)["open"] == 0)
        assert next(client.stream("many")) == ""


def _rest(client: FlowClient) -> int:
    """Waits until no more items are made; returns how many there are."""
    count, same = -1, 0
    while same < 10:
        now = int(variables(client)["count"])
        count, same = now, same + 1 if now == count else 0
        threading.Event().wait(0.02)
    return count


def _resident_bytes(pid: int) -> int:
    fields = Path(f"/proc/{pid}/statm").read_text().split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")


def test_a_first_call_over_a_slow_link(make_app: MakeApp) -> None:
    """A stream is not begun twice by the client, so its channel has to connect at the first attempt."""
    app = make_app(APP).start()
    token = app.folder / ".flowrpc" / "tokens" / "admin"
    with (
        Forwarder(app.address, delay_seconds=0.2) as network,
        FlowClient(network.address, token_file=token, timeout=WAIT) as client,
    ):
        assert list(client.stream("slow")) == [0, 1, 2]
