"""A real app comes to every failpoint: one that is never reached would prove nothing."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from flowrpc import failpoints
from flowrpc.failpoints.points import POINTS, Process
from flowrpc_client import FlowClient

from tests.end_to_end.conftest import HEADER, RunningApp, children

APP = """
from flowrpc import Path, Retry


class Make(LightningWork):
    def __init__(self):
        super().__init__(parallel=True, retry=Retry(attempts=3))
        self.told = 0
        self.seen = 0
        self.file = None

    def run(self, number):
        file = Path(f"{number}.txt")
        file.write_text("made")
        self.file = file
        while self.told < number:
            time.sleep(0.02)
        self.seen = self.told


class Take(LightningWork):
    def __init__(self):
        super().__init__(parallel=True)
        self.text = ""

    def run(self, path):
        path.get(overwrite=True)
        self.text = path.read_text()


class Root(LightningFlow):
    def __init__(self):
        self.make = Make()
        self.take = Take()
        self.text = ""
        self.wanted = 0

    def run(self):
        if self.wanted:
            self.make.run(self.wanted)
        if self.make.has_succeeded:
            self.take.run(self.make.file)

    def want(self, number):
        self.wanted = number

    def tell(self, number):
        self.make.told = number

    def fill(self, letter, kilobytes):
        self.text = letter * (kilobytes * 1024)

    def part(self):
        self.take.stop()

    def configure_commands(self):
        return {"want": self.want, "tell": self.tell, "fill": self.fill, "part": self.part}


app = LightningApp(Root())
"""


def wait_for(client: FlowClient, holds: object, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not holds(client.state()):  # type: ignore[operator]
        assert time.monotonic() < end, f"waited {seconds:g} s in vain: {client.state()}"
        time.sleep(0.05)


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunningApp:
    marks = tmp_path / "marks"
    marks.mkdir()
    monkeypatch.setenv("FLOWRPC_RUN_DIR", str(tmp_path / "run"))
    monkeypatch.setenv(failpoints.VARIABLE, "*=note")
    monkeypatch.setenv(failpoints.FIRED_VARIABLE, str(marks))
    (tmp_path / "app.py").write_text(HEADER + APP)
    return RunningApp(tmp_path)


@pytest.mark.timeout(240)
def test_a_real_app_comes_to_every_failpoint(app: RunningApp, tmp_path: Path) -> None:
    try:
        live(app)
    finally:
        app.close()
    reached = {mark.name for mark in (tmp_path / "marks").iterdir()}
    assert {point.name for point in POINTS} - reached == set()
    assert {point.process for point in POINTS if point.name in reached} == set(Process)


def live(app: RunningApp) -> None:
    """Runs works that hand a file over, loses an agent, makes snapshots, and ends in order."""
    app.start()
    with app.client() as client:
        client.call("want", number=1)
        wait_for(client, lambda state: state["works"]["make"]["vars"]["file"] is not None)
        (agent,) = children(app.pid)
        os.kill(agent, 9)
        client.call("tell", number=1)
        wait_for(client, lambda state: state["works"]["make"]["vars"]["seen"] == 1)
        client.call("want", number=2)
        wait_for(client, lambda state: "2.txt" in str(state["works"]["make"]["vars"]["file"]))
        client.call("tell", number=2)
        wait_for(client, lambda state: state["works"]["take"]["vars"]["text"] == "made")
        for letter in "ab" * 17:
            client.call("fill", letter=letter, kilobytes=1024)
        client.call("part")
    assert app.end() == 0
