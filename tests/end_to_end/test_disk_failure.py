"""A disk that fails to sync or to write: nothing is acknowledged after it, and the service ends with 75."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from flowrpc.errors import FlowrpcError
from flowrpc_client import FlowClient

from tests.end_to_end.conftest import MakeApp, RunningApp
from tests.end_to_end.failing_disk import failing_disk

SOURCE = """
class Root(LightningFlow):
    def __init__(self):
        self.kept = []

    def run(self):
        pass

    def keep(self, text: str):
        self.kept.append(text)

    def configure_commands(self):
        return {"keep": self.keep}


app = LightningApp(Root())
"""
CALLERS = 8


class Writer(threading.Thread):
    """Keeps texts until one is not acknowledged."""

    def __init__(self, app: RunningApp, number: int, size: int, last: int) -> None:
        super().__init__()
        self.acknowledged: list[str] = []
        self.sent: list[str] = []
        self._app = app
        self._number = number
        self._size = size
        self._last = last

    def run(self) -> None:
        with self._app.client(timeout=20) as client:
            for count in range(self._last):
                text = f"{self._number}-{count}-".ljust(self._size, "x")
                self.sent.append(text)
                try:
                    client.call("keep", text=text, timeout=5.0)
                except FlowrpcError:
                    return
                self.acknowledged.append(text)


def write(app: RunningApp, *, size: int = 100, last: int = 100_000) -> list[Writer]:
    writers = [Writer(app, number, size, last) for number in range(CALLERS)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(90)
        assert not writer.is_alive()
    return writers


def check(client: FlowClient, writers: list[Writer]) -> None:
    """What was acknowledged is there, once and in order; of what was not, at most each caller's last."""
    kept = client.state()["vars"]["kept"]
    assert len(kept) == len(set(kept))
    for writer in writers:
        own = [text for text in kept if text.startswith(f"{writer._number}-")]
        assert own in (writer.acknowledged, writer.sent)


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("call", ["sync", "write"])
def test_nothing_is_acknowledged_after_a_call_that_failed(
    make_app: MakeApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    app = make_app(SOURCE)
    with monkeypatch.context() as patch:
        for name, value in failing_disk(tmp_path, call, "journal.db-wal", 200).items():
            patch.setenv(name, value)
        app.start()
    writers = write(app)

    assert app.wait(timeout=60) == 75
    assert sum(len(writer.acknowledged) for writer in writers) > 20
    assert "the storage failed, nothing more was acknowledged" in app.stderr()
    assert "journal.db: disk I/O error; check the disk and start again" in app.stderr()
    app.start()
    with app.client() as client:
        check(client, writers)
        client.call("keep", text="more")
    assert app.end() == 0


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_folding_the_log_in_may_fail_and_is_done_again(
    make_app: MakeApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(SOURCE)
    with monkeypatch.context() as patch:
        for name, value in failing_disk(tmp_path, "sync", "journal.db", 3).items():
            patch.setenv(name, value)
        app.start()
    assert not (tmp_path / "failed").exists(), "a start folds nothing in"
    writers = write(app, size=50_000, last=50)
    assert (tmp_path / "failed").exists()
    assert all(writer.acknowledged == writer.sent for writer in writers)

    app.kill()
    app.start()
    with app.client() as client:
        check(client, writers)
    assert app.end() == 0
