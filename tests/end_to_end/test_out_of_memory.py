"""A work that takes all memory: the kernel kills its process, and the flow is told why."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from flowrpc.state.records import FailureReason, RunStatus

from tests.end_to_end.conftest import MakeApp, descendants, wait_until_gone

LIMIT = 300_000_000

GREEDY = """
class Greedy(LightningWork):
    def __init__(self):
        super().__init__(parallel=True, raise_exception=False)

    def run(self):
        taken = []
        while True:
            taken.append(bytearray(10_000_000))


class Root(LightningFlow):
    def __init__(self):
        self.greedy = Greedy()
        self.reason = ""

    def run(self):
        self.greedy.run()
        if self.greedy.has_failed:
            self.reason = self.greedy.status.reason


app = LightningApp(Root())
"""


def own_group() -> Path | None:
    """Returns the memory cgroup of this process, where version 1 of cgroups has one."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, name = line.split(":", 2)
        if "memory" in controllers.split(","):
            return Path("/sys/fs/cgroup/memory") / name.lstrip("/")
    return None


@pytest.fixture
def small_group() -> Iterator[Path]:
    """Makes a cgroup with little memory; skips where this user or kernel does not allow it."""
    own = own_group()
    if own is None:
        pytest.skip("no memory cgroup of version 1 to make a smaller one in")
    group = own / f"flowrpc-test-{os.getpid()}"
    try:
        group.mkdir()
        (group / "memory.limit_in_bytes").write_text(str(LIMIT))
    except OSError as error:
        pytest.skip(f"cannot make a memory cgroup: {error}")
    yield group
    group.rmdir()


@pytest.mark.slow
def test_a_work_that_the_kernel_kills_for_want_of_memory_says_so(
    make_app: MakeApp, small_group: Path
) -> None:
    app = make_app(GREEDY)
    (small_group / "cgroup.procs").write_text(str(os.getpid()))  # the app begins where this process is
    try:
        app.start()
    finally:
        (small_group.parent / "cgroup.procs").write_text(str(os.getpid()))

    with app.client() as client, client.replica() as replica:
        replica.wait_for(lambda replica: replica.vars("root")["reason"] != "", timeout=60)
        (run,) = client.runs()
    assert run.failure is not None
    assert (run.status, run.failure.reason) == (RunStatus.FAILED, FailureReason.OUT_OF_MEMORY)
    assert "give it more, or make it need less" in run.failure.message
    processes = descendants(app.pid)
    assert app.end() == 0
    wait_until_gone(processes)
