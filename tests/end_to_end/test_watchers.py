"""Watchers of real apps: through kills, with equal hashes, and beside one that never reads."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flowrpc.protocol.answers import SnapshotReason, StateSnapshot

from tests.end_to_end.conftest import FLOWCTL, MakeApp, RunningApp
from tests.end_to_end.watchers import Follower, following

logger = logging.getLogger(__name__)

WATCHERS = int(os.environ.get("FLOWRPC_TEST_WATCHERS", "1200"))
"""More than the thousand new calls beyond which grpc cancels some unless it is told otherwise."""

APP = """
    class Child(LightningFlow):
        def __init__(self):
            super().__init__()
            self.text = "é"
            self.number = 0.5

        def run(self):
            pass

    class Root(LightningFlow):
        def __init__(self):
            super().__init__()
            self.counter = 0
            self.blob = ""
            self.names = {"b": [1], "a": 2**70}
            self.child = Child()

        def run(self):
            pass

        def count(self):
            self.counter += 1
            self.child.number = self.counter / 2
            self.names["b"].append(self.counter)
            return self.counter

        def fill(self, size: int):
            self.blob = str(self.counter % 10) * size

        def configure_commands(self):
            return [{"count": self.count}, {"fill": self.fill}]

    app = LightningApp(Root())
"""


def test_flow_watcher_and_restarted_flow_have_equal_hashes(make_app: MakeApp) -> None:
    """G5: the same revision has the same hash, wherever the state came from."""
    app = make_app(APP).start()
    with app.client(timeout=60) as client, client.replica() as replica, client.replica("root.child") as child:
        for _ in range(5):
            client.call("count")
        newest = client.app(with_state_hash=True)
        replica.wait_for(lambda now: now.revision == newest.revision, timeout=60)
        child.wait_for(lambda now: now.revision == newest.revision, timeout=60)
        of_child = client.snapshot("root.child", with_state_hash=True)
        assert len(newest.state_hash) == 64
        assert replica.state_hash() == newest.state_hash
        assert child.state_hash() == of_child.state_hash != newest.state_hash

        app.kill()
        app.start()

        with app.client(timeout=60) as again:
            now = again.app(with_state_hash=True)
            # The new life says in a revision that the app runs, which changes no component.
            assert now.revision > newest.revision
            assert now.state_hash == newest.state_hash
            again.call("count")
            last = again.app(with_state_hash=True)
        replica.wait_for(lambda now: now.revision == last.revision, timeout=60)
        assert replica.state_hash() == last.state_hash != now.state_hash
        assert replica.mismatches == 0
        printed = subprocess.run(
            [FLOWCTL, "--data-dir", app.folder / ".flowrpc", "--json", "state", "--hash"],
            capture_output=True,
            text=True,
            check=True,
        )
        assert json.loads(printed.stdout)["hash"] == last.state_hash


def test_many_watchers_come_back_after_a_kill_without_a_gap(make_app: MakeApp) -> None:
    app = make_app(APP).start()
    with app.client(timeout=60) as client:
        client.call("count")
    files = _open_files(app)
    token = (app.folder / ".flowrpc/tokens/read").read_text().strip()

    async def scenario() -> None:
        async with following(app.address, token, WATCHERS) as followers:
            await _all(followers, 1)
            await asyncio.to_thread(_count, app)
            await _all(followers, 2)
            newest = await asyncio.to_thread(_newest, app)
            assert {(f.replica.revision, *f.snapshots) for f in followers} == {(newest, "asked")}
            app.kill()
            await asyncio.to_thread(app.start)
            served = time.monotonic()
            await asyncio.to_thread(_count, app)
            await _all(followers, 3)
            seconds = time.monotonic() - served
            logger.info("%s watchers were back %.1f s after the new start", WATCHERS, seconds)
            assert all(follower.resumed for follower in followers)
            assert all(f.snapshots == ["asked"] for f in followers), "they had all that the last life made"

    asyncio.run(asyncio.wait_for(scenario(), 300))
    _wait_for_files(app, files + 8)


def test_flowctl_watch_goes_on_after_a_kill(make_app: MakeApp) -> None:
    app = make_app(APP).start()
    command = [FLOWCTL, "--data-dir", app.folder / ".flowrpc", "watch"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as watch:  # type: ignore[call-overload]
        try:
            shown = iter(watch.stdout.readline, "")
            assert "root.counter = 0" in next(shown)
            _count(app)
            assert any("root.counter = 1" in line for line in shown)
            app.kill()
            assert "the watch goes on when the app is back" in watch.stderr.readline()
            app.start()
            _count(app)
            lines = []
            for line in shown:
                lines.append(line)
                if "root.counter = 2" in line:
                    break
            assert lines[-1].startswith(f"{_newest(app)}  ")
            assert not any("root.counter = 1" in line for line in lines), "it was told before"
            assert app.end() == 0
            assert "end" in list(shown)[-1]
            assert watch.wait() == 0
        finally:
            watch.kill()


def test_watchers_that_never_read_hold_up_nobody(make_app: MakeApp) -> None:
    """Some read nothing of an open stream, some are frozen with the socket open; each is to be sent 50 MB."""
    app = make_app(APP).start()
    with app.client(timeout=60) as client, client.replica() as replica, _frozen_watchers(app, 3):
        client.call("count")
        unread = [client.watch() for _ in range(5)]
        before = _resident_bytes(app)
        for number in range(100):
            client.call("count")
            client.call("fill", size=500_000 + number)
        newest = client.app(with_state_hash=True)
        replica.wait_for(lambda now: now.revision == newest.revision, timeout=60)
        assert replica.state_hash() == newest.state_hash
        grown = _resident_bytes(app) - before
        assert grown < 150e6, f"{grown / 1e6:.0f} MB"
        snapshots = (update for update in unread[0] if isinstance(update, StateSnapshot))
        reasons = [snapshot.reason for snapshot in itertools.islice(snapshots, 2)]
        assert reasons == [SnapshotReason.ASKED, SnapshotReason.TOO_SLOW]
        for stream in unread:
            stream.close()


FROZEN = """
import os, signal, sys
from flowrpc_client import FlowClient
with FlowClient(data_dir=sys.argv[1]) as client, client.watch() as updates:
    next(updates)
    print("watching", flush=True)
    os.kill(os.getpid(), signal.SIGSTOP)
"""


@contextmanager
def _frozen_watchers(app: RunningApp, count: int) -> Iterator[None]:
    """Starts processes that begin a watch and freeze."""
    command = [sys.executable, "-c", FROZEN, str(app.folder / ".flowrpc")]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(count)]
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "watching\n"
        yield
    finally:
        for process in processes:
            process.kill()
            process.communicate()


async def _all(followers: list[Follower], counter: int) -> None:
    await asyncio.gather(
        *(
            follower.until(
                lambda now: "root" in now.components and now.components["root"].vars["counter"] == counter
            )
            for follower in followers
        )
    )


def _count(app: RunningApp) -> None:
    with app.client(timeout=60) as client:
        client.call("count")


def _newest(app: RunningApp) -> int:
    with app.client(timeout=60) as client:
        return client.app().revision


def _open_files(app: RunningApp) -> int:
    return len(list(Path(f"/proc/{app.pid}/fd").iterdir()))


def _resident_bytes(app: RunningApp) -> int:
    return int(Path(f"/proc/{app.pid}/statm").read_text().split()[1]) * resource.getpagesize()


def _wait_for_files(app: RunningApp, most: int) -> None:
    """Waits until the service has no more files open than it should."""
    end = time.monotonic() + 60
    while _open_files(app) > most and time.monotonic() < end:
        time.sleep(0.1)
    assert _open_files(app) <= most
