"""A work whose vars together are larger than what an agent takes at once."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from flowrpc.state.records import FailureReason, Run, RunStatus
from flowrpc_client import FlowClient

from tests.end_to_end.conftest import MakeApp

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
WAIT = 120.0

APP = """
COUNT = 36
LARGE = "x" * 1_900_000  # one text: the flow has it once


class Full(LightningWork):
    def __init__(self):
        super().__init__(parallel=True, raise_exception=False, cache_calls=True)
        for number in range(COUNT):
            setattr(self, f"part_{number}", "")

    def run(self, number):
        while not all(getattr(self, f"part_{part}") for part in range(COUNT)):
            time.sleep(0.02)


class Small(LightningWork):
    def __init__(self):
        super().__init__(parallel=True)

    def run(self):
        pass


class Root(LightningFlow):
    def __init__(self):
        self.full = Full()
        self.small = Small()

    def run(self):
        self.full.run(1)
        if self.full.num_successes:
            self.full.run(2)
        if self.full.has_failed:
            self.small.run()

    def fill(self):
        for number in range(COUNT):
            setattr(self.full, f"part_{number}", LARGE)

    def configure_commands(self):
        return {"fill": self.fill}


app = LightningApp(Root())
"""


def wait_for_runs(client: FlowClient, *statuses: RunStatus) -> list[Run]:
    """Waits until the runs are as they should be, oldest first."""
    end = time.monotonic() + WAIT
    while True:
        runs = client.runs()[::-1]
        if [run.status for run in runs] == list(statuses):
            return runs
        assert time.monotonic() < end, runs
        time.sleep(0.05)


def peak_bytes(pid: int) -> int:
    """Returns how much memory a process has had at most."""
    status = Path(f"/proc/{pid}/status").read_text()
    return 1024 * int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))


def test_a_run_that_is_too_large_fails_and_says_why(make_app: MakeApp) -> None:
    """What the flow changes arrives in parts; what a run begins with has to be one message, and is refused."""
    app = make_app(APP, "--name", "full").start()
    with app.client() as client:
        wait_for_runs(client, RunStatus.RUNNING)
        client.call("fill", timeout=WAIT)
        runs = wait_for_runs(client, RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.SUCCEEDED)
        failure = runs[1].failure
        assert failure is not None
        assert failure.reason is FailureReason.NOT_BUILT
        assert "root.full.run cannot begin: its vars and arguments are 68,40" in failure.message
        assert "part_0 about 1,900,0" in failure.message
        assert len({(agent.agent_id, agent.pid) for agent in client.agents()}) == 1
    assert "dialling again" not in app.stderr(), "the stream went on"
    assert peak_bytes(app.pid) < 2**30, "it was encoded once, not again and again"
