"""What may wait for a runner that does not read: so much, and then it is killed."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from flowrpc.protocol.messages import LogBatch, Serving, VarsChanged
from flowrpc.state import Set
from flowrpc.state.records import Failure, FailureReason
from flowrpc.wire.attach import runner_request_from_bytes
from flowrpc.work_service import runner_process
from flowrpc.work_service.framing import FrameBuffer
from flowrpc.work_service.guard import Guard
from flowrpc.work_service.launcher import Launch, Launcher
from flowrpc.work_service.outbox import Frame
from flowrpc.work_service.runner_process import RunnerProcess

from tests.work_service.conftest import NoGuard, agent_here, on_a_loop
from tests.work_service.flow_double import DEADLINE_SECONDS, flow_double
from tests.work_service.test_agent import BEHAVE, pid_of_work

MIB = 1024 * 1024
BOUND_BYTES = MIB + MIB // 2


def of_a_mib(number: int, work: str = "root.behave") -> VarsChanged:
    """Makes what is more than a socket takes."""
    return VarsChanged(work=work, number=number, changes=(Set(("seen",), "x" * MIB),))


class Peer:
    """Starts a process that reads nothing; what is sent to it the test reads when it likes. Also hears of it."""

    def __init__(self) -> None:
        self.launches: list[Launch] = []
        self.taken_back: list[Launch] = []
        self.socket: socket.socket | None = None
        self.child: subprocess.Popen[bytes] | None = None
        self.exit: asyncio.Future[Failure] = asyncio.get_running_loop().create_future()
        self.lines: list[str] = []
        self._frames = FrameBuffer()

    # Of a launcher

    def launch(self, launch: Launch) -> None:
        self.launches.append(launch)

    def begin(self) -> None:
        """Starts it."""
        (launch,) = self.launches
        frames, *outputs = launch.open_ends()
        self.socket = socket.socket(fileno=frames)
        self.socket.setblocking(False)
        stdout, stderr = outputs
        self.child = subprocess.Popen(["sleep", "600"], stdout=stdout, stderr=stderr, start_new_session=True)
        for output in outputs:
            os.close(output)
        launch.on_child(self.child)

    def take_back(self, launch: Launch) -> None:
        self.taken_back.append(launch)

    def reap(self, child: Any) -> None:
        pass

    async def read(self) -> VarsChanged:
        """Reads one request."""
        assert self.socket is not None
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(DEADLINE_SECONDS):
            while True:
                for payload in self._frames.feed(await loop.sock_recv(self.socket, MIB)):
                    request = runner_request_from_bytes(payload)
                    assert isinstance(request, VarsChanged)
                    return request

    # Of a listener

    def on_frame(self, work: str, frame: Frame, size_bytes: int) -> None:
        raise NotImplementedError

    def on_serving(self, work: str, serving: Serving) -> None:
        raise NotImplementedError

    def on_logs(self, work: str, batch: LogBatch) -> None:
        self.lines += [record.message for record in batch.records]

    def on_exit(self, work: str, failure: Failure) -> None:
        self.exit.set_result(failure)

    async def exited(self) -> Failure:
        async with asyncio.timeout(DEADLINE_SECONDS):
            return await self.exit


@asynccontextmanager
async def runner_and_peer(app_file: Path) -> AsyncIterator[tuple[RunnerProcess, Peer]]:
    """Asks for a runner; the test begins it, and hears of its end before the block ends."""
    peer = Peer()
    guard, launcher = cast("Guard", NoGuard()), cast("Launcher", peer)
    process = RunnerProcess("root.behave", app_file, peer, guard, ("", ""), launcher=launcher)
    process.launch()
    try:
        yield process, peer
        process.kill()
        await peer.exited()
    finally:
        if peer.child is not None and peer.child.poll() is None:
            peer.child.kill()
            peer.child.wait()
        if peer.socket is not None:
            peer.socket.close()


@pytest.fixture(autouse=True)
def small_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner_process, "MAX_UNREAD_BYTES", BOUND_BYTES)


@on_a_loop
async def test_a_runner_that_lets_too_much_wait_is_killed(app_file: Path) -> None:
    async with runner_and_peer(app_file) as (process, peer):
        peer.begin()
        process.tell(of_a_mib(1))
        process.tell(of_a_mib(2))
        process.tell(of_a_mib(3))
        failure = await peer.exited()
    assert peer.lines == ["killed: more than 1,572,864 bytes wait for its runner, which does not read"]
    assert (failure.reason, failure.signal) == (FailureReason.SIGNALLED, signal.SIGKILL)


@on_a_loop
async def test_a_runner_that_reads_is_told_as_much_as_there_is(app_file: Path) -> None:
    """What waits counts, and not what was told; what waits below the bound may wait for ever."""
    async with runner_and_peer(app_file) as (process, peer):
        peer.begin()
        for number in range(10):
            process.tell(of_a_mib(number))
            assert (await peer.read()).number == number
        process.tell(of_a_mib(10))
        assert peer.child is not None
        assert peer.child.poll() is None
        assert (await peer.read()).number == 10


@on_a_loop
async def test_what_waits_for_a_runner_that_has_not_begun_is_bounded(app_file: Path) -> None:
    async with runner_and_peer(app_file) as (process, peer):
        process.tell(of_a_mib(1))
        assert peer.taken_back == []
        process.tell(of_a_mib(2))
        failure = await peer.exited()
        assert peer.taken_back == peer.launches
    assert (failure.reason, failure.signal) == (FailureReason.SIGNALLED, signal.SIGKILL)


@pytest.mark.slow
@on_a_loop
async def test_a_run_whose_runner_does_not_read_fails_and_the_next_one_has_another(app_file: Path) -> None:
    async with flow_double() as flow, agent_here(flow.address, app_file):
        await asyncio.wait_for(flow.attached.wait(), DEADLINE_SECONDS)
        flow.start("root.behave", "await_flag", vars=dict(BEHAVE))
        pid = await pid_of_work(flow)
        os.kill(pid, signal.SIGSTOP)
        flow.say(*(of_a_mib(number) for number in range(1, 4)))
        failure = (await flow.finished()).failure
        assert failure is not None
        assert (failure.reason, failure.signal) == (FailureReason.SIGNALLED, signal.SIGKILL)
        told = await flow.line("bytes wait for its runner")
        assert (told.component, told.run_id) == ("root.behave", "run")

        flow.start("root.behave", "nothing", run_id="next", vars=dict(BEHAVE))
        assert (await flow.finished("next")).failure is None
        assert flow.vars["pid"] != pid
