"""A disk that is full: the app is read-only until there is room again, and nothing acknowledged is lost."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from flowrpc.errors import CallError, FlowrpcError
from flowrpc.protocol.run_directory import entry_in, read_token
from flowrpc_client import FlowClient, StateReplica
from flowrpc_client.errors import NotReachableError
from flowrpc_client.request_id import new_request_id
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.end_to_end.conftest import MakeApp, RunningApp, descendants, flowctl, wait_until_gone
from tests.end_to_end.small_disk import SmallDisk, small_disk

LONG = 60.0

SOURCE = """
class Count(LightningWork):
    def __init__(self):
        super().__init__(parallel=True)
        self.seen = []
        self.until = 0

    def run(self):
        number = 0
        while not self.until or number < self.until:
            number += 1
            self.seen.append(number)
            time.sleep(0.02)


class Root(LightningFlow):
    def __init__(self):
        self.kept = []
        self.size = 0
        self.count = Count()
        self.counting = False

    def run(self):
        if self.counting:
            self.count.run()

    def keep(self, text: str):
        self.kept.append(text)
        return len(self.kept)

    def begin(self):
        self.counting = True

    def finish(self):
        self.count.until = len(self.count.seen) + 50

    def configure_commands(self):
        return [{"keep": self.keep}, {"begin": self.begin}, {"finish": self.finish}]


app = LightningApp(Root())
"""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk") as disk:
        yield disk


@pytest.fixture
def app(make_app: MakeApp, disk: SmallDisk) -> Iterator[RunningApp]:
    app = make_app(SOURCE, "--data-dir", str(disk.folder / "data"))
    yield app
    app.close()


def client_of(disk: SmallDisk, timeout: float = LONG) -> FlowClient:
    return FlowClient(data_dir=disk.folder / "data", timeout=timeout)


def wait_until(found: Callable[[], Any], seconds: float = LONG) -> Any:
    end = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.05)
    return value


TRIES = 10
REFUSED_WITHIN = 2.0
"""Seconds within which a call is refused that does not wait."""


class Writer(threading.Thread):
    """Calls `keep` again and again until it is told to stop, and notes what was acknowledged."""

    def __init__(self, disk: SmallDisk, timeout: float, kept: list[str]) -> None:
        super().__init__()
        self.kept = kept
        self.refused: FlowrpcError | None = None
        self._timeout = timeout
        self.full = threading.Event()
        self._disk = disk

    def run(self) -> None:
        with client_of(self._disk, self._timeout) as client:
            number = 0
            while not self.full.is_set():
                number += 1
                text = f"{number}-" + "x" * 2_000
                try:
                    client.call("keep", text=text)
                except FlowrpcError as error:
                    self.refused = error
                    return
                self.kept.append(text)


def fill_until_read_only(disk: SmallDisk, client: FlowClient, timeout: float = LONG) -> Writer:
    """Fills the disk; returns the writer whose last call is in the revision that cannot be saved.

    If what found the disk full were changes of the work alone, the writer was refused, and it is done again.
    """
    kept: list[str] = []
    for _ in range(TRIES):
        disk.fill()
        writer = Writer(disk, timeout, kept)
        writer.start()
        wait_until(lambda: client.app().read_only)
        writer.full.set()
        writer.join(REFUSED_WITHIN)
        if writer.is_alive():
            return writer
        disk.free()
        wait_until(lambda: not client.app().read_only)
    raise AssertionError(f"no call was in the revision that cannot be saved, {TRIES} times")


def seen_by(state: StateReplica) -> Any:
    return state.vars("root.count")["seen"]


def post(disk: SmallDisk, path: str, content: dict[str, Any]) -> int:
    """Sends an HTTP request; returns the status of the answer."""
    entry = entry_in(disk.folder / "data")
    assert entry is not None
    token = read_token(disk.folder / "data" / "tokens" / "admin")
    answer = httpx.post(
        f"{entry.http_address}{path}",
        json=content,
        headers={"Authorization": f"Bearer {token}"},
        timeout=LONG,
    )
    return answer.status_code


def health_of(app: RunningApp, name: str) -> int:
    with grpc.insecure_channel(app.address) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        status: int = stub.Check(health_pb2.HealthCheckRequest(service=name), timeout=LONG).status
        return status


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_full_disk_makes_the_app_read_only_until_there_is_room(disk: SmallDisk, app: RunningApp) -> None:
    app.start()
    with client_of(disk) as client, client.replica() as watched:
        client.call("begin")
        watched.wait_for(lambda state: len(seen_by(state)) > 5, timeout=LONG)
        writer = fill_until_read_only(disk, client)

        revision = client.app().revision
        with pytest.raises(CallError) as refused:
            client.call("keep", text="refused")
        with pytest.raises(CallError) as refused_update:
            client.update("root", {"size": 1})
        with pytest.raises(CallError) as refused_cancel:
            client.cancel(client.runs()[0].run_id)
        reasons = {error.value.reason for error in (refused, refused_update, refused_cancel)}
        assert reasons == {"READ_ONLY"}
        assert f"the disk of {disk.folder / 'data'} is full" in refused.value.message
        assert "free some room there" in refused.value.message
        assert post(disk, "/api/v1/commands/keep", {"text": "x"}) == 507

        assert client.state()["vars"]["kept"] == writer.kept
        assert {command.name for command in client.commands()} == {"keep", "begin", "finish"}
        assert [agent.agent_id for agent in client.agents()] == ["local"]
        with client.logs() as logs:
            assert any("read-only" in record.message for record in logs)
        shown = flowctl("ps").stdout.splitlines()
        assert "READ ONLY" in shown[0]
        assert health_of(app, "") == health_pb2.HealthCheckResponse.SERVING
        assert health_of(app, "flowrpc.writes") == health_pb2.HealthCheckResponse.NOT_SERVING
        time.sleep(7)  # longer than the lease of an agent: that is what is tried here
        assert client.app().revision == watched.revision == revision, "nothing was published"

        disk.free()
        writer.join(LONG)
        assert not writer.is_alive()
        assert writer.refused is None, "what waited was answered"
        wait_until(lambda: not client.app().read_only)
        wait_until(lambda: health_of(app, "flowrpc.writes") == health_pb2.HealthCheckResponse.SERVING)
        client.call("finish")
        watched.wait_for(lambda state: client.runs()[0].status.value == "succeeded", timeout=LONG)
        seen = client.state("root.count")["vars"]["seen"]
        assert seen == list(range(1, len(seen) + 1)), "every delta of the work once and in order"
        assert client.runs()[0].attempt == 1, "the work was not taken for dead"

    app.kill()
    app.start()
    with client_of(disk) as client:
        assert client.state()["vars"]["kept"] == writer.kept
        assert client.state("root.count")["vars"]["seen"] == seen
    assert app.end() == 0


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_the_write_that_waits_is_answered_when_there_is_room_and_its_repeat_alike(
    disk: SmallDisk, app: RunningApp
) -> None:
    app.start()
    answers: list[Any] = []
    request_id = new_request_id()
    text = "y" * 300_000
    with client_of(disk) as client:
        disk.fill()

        def keep() -> None:
            with client_of(disk) as mine:
                answers.append(mine.call("keep", text=text, request_id=request_id))

        threads = [threading.Thread(target=keep)]
        threads[0].start()
        wait_until(lambda: client.app().read_only)
        threads.append(threading.Thread(target=keep))
        threads[1].start()
        with client_of(disk, timeout=1.0) as hurried, pytest.raises(NotReachableError, match="in time"):
            hurried.call("keep", text=text, request_id=request_id)
        assert answers == []
        disk.free()
        for thread in threads:
            thread.join(LONG)
        assert answers == [1, 1]
        assert client.state()["vars"]["kept"] == [text]
    assert app.end() == 0


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("how", ["SIGTERM", "flowctl stop"])
def test_an_app_that_is_read_only_ends_in_time_and_says_what_was_not_saved(
    disk: SmallDisk, app: RunningApp, how: str
) -> None:
    app.start()
    with client_of(disk) as client:
        client.call("begin")
        writer = fill_until_read_only(disk, client, timeout=15)
        revision = client.app().revision
        processes = descendants(app.pid)
        if how == "SIGTERM":
            os.kill(app.pid, signal.SIGTERM)
        else:
            stopped = flowctl("--data-dir", str(disk.folder / "data"), "stop")
            assert (stopped.returncode, stopped.stderr) == (0, "")
            assert stopped.stdout == "it has ended, and could not say at which revision; its log says why\n"
        assert app.wait(timeout=LONG) == 75
        writer.join(LONG)
    assert isinstance(writer.refused, NotReachableError), "nobody was told that it happened"
    wait_until_gone(processes)
    assert "stopped while read-only" in app.stderr()
    assert f"Revision {revision + 1} could not be saved" in app.stderr()

    refused = app.launch()
    assert refused.wait(LONG) == 75, "there is no room even to begin"
    assert "is full" in app.stderr()
    disk.free()
    app.start()
    with client_of(disk) as client:
        assert client.state()["vars"]["kept"] == writer.kept
    assert app.end() == 0
