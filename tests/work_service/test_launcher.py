"""Runners are forked of a real zygote, which may end, freeze or be of no use."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest
from flowrpc.errors import StartError
from flowrpc.protocol.messages import EndRunner, Finished, RunnerRequest, StartRun
from flowrpc.wire.attach import packed_response_from_bytes, runner_request_bytes
from flowrpc.work_service import launcher as launcher_module
from flowrpc.work_service.child import Adopted, Child
from flowrpc.work_service.framing import FrameBuffer, pack
from flowrpc.work_service.guard import Guard
from flowrpc.work_service.launcher import Launch, Launcher, Start, start_from
from flowrpc.work_service.runner_ends import RunnerEnds, open_ends

from tests.work_service.conftest import NoGuard, on_a_loop

pytestmark = pytest.mark.slow

TIMEOUT_SECONDS = 60

STARTED: list[Started] = []
"""What the test has started, to be closed."""

APP = """
{head}
import os
import random
import sys

from flowrpc import LightningApp, LightningFlow, LightningWork, Path

{top}


class Job(LightningWork):
    def run(self):
        print("drew", random.random())
        print("is", os.getpid(), os.getppid(), os.getsid(0), os.getpgid(0))
        print("end", sys.argv)


class Root(LightningFlow):
    def __init__(self):
        self.job = Job()

    def run(self):
        pass


app = LightningApp(Root())
"""


class Started:
    """A runner that was asked for, as a test sees it."""

    def __init__(self, launcher: Launcher, app_file: Path) -> None:
        self._launcher = launcher
        self.child: asyncio.Future[Child] = asyncio.get_running_loop().create_future()
        self.ends: list[RunnerEnds] = []
        arguments = ["--app", str(app_file), "--work", "root.job", "--parent-pid", str(os.getpid())]
        self.launch = Launch(arguments, self.child.set_result, self.child.set_exception, self._open)
        STARTED.append(self)
        launcher.launch(self.launch)

    def close(self) -> None:
        """Kills it, and closes what leads to it."""
        if self.child.done() and self.child.exception() is None:
            child = self.child.result()
            if child.returncode is None:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
        for ends in self.ends[-1:]:
            ends.close()

    def _open(self) -> tuple[int, int, int]:
        for ends in self.ends[-1:]:
            ends.close()
        ours, theirs = open_ends()
        self.ends.append(ours)
        return theirs

    async def run(self) -> str:
        """Lets it execute the work, and end; returns what it printed."""
        async with asyncio.timeout(TIMEOUT_SECONDS):
            child, ends = await self.child, self.ends[-1]
            self.tell(StartRun(run_id="run", attempt=1, work="root.job", recipe=None, vars={}))
            ended = await self._finished(ends)
            assert ended.failure is None, ended.failure
            self.tell(EndRunner())
            printed = await asyncio.to_thread(read_all, ends.stdout)
            assert child.wait() == 0
        self._launcher.reap(child)
        return printed

    def tell(self, request: RunnerRequest) -> None:
        self.ends[-1].socket.send(pack(runner_request_bytes(request)))

    async def _finished(self, ends: RunnerEnds) -> Finished:
        frames, loop = FrameBuffer(), asyncio.get_running_loop()
        while True:
            data = await loop.sock_recv(ends.socket, 65536)
            assert data, "it ended before its run did"
            for payload in frames.feed(data):
                message = packed_response_from_bytes(payload)
                if isinstance(message, Finished):
                    return message


def read_all(pipe: int) -> str:
    os.set_blocking(pipe, True)
    data = b""
    while some := os.read(pipe, 65536):
        data += some
    return data.decode()


@asynccontextmanager
async def launcher_of(app_file: Path, start: Start = Start.PRELOAD) -> AsyncIterator[Launcher]:
    launcher = Launcher(app_file, cast("Guard", NoGuard()), start)
    launcher.open()
    try:
        yield launcher
    finally:
        launcher.close()
        while STARTED:
            STARTED.pop().close()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while not condition():  # noqa: ASYNC110 - of processes there is nothing to await
            await asyncio.sleep(0.01)


def write_app(folder: Path, head: str = "", top: str = "") -> Path:
    path = folder / "forked_app.py"
    path.write_text(APP.format(head=head, top=top))
    return path


def facts(printed: str) -> list[int]:
    line = next(line for line in printed.splitlines() if line.startswith("is "))
    return [int(word) for word in line.split()[1:]]


@pytest.mark.parametrize("start", list(Start))
@on_a_loop
async def test_a_runner_is_a_child_of_the_agent_and_leads_a_session(tmp_path: Path, start: Start) -> None:
    app_file = write_app(tmp_path)
    async with launcher_of(app_file, start) as launcher:
        runner = Started(launcher, app_file)
        printed = await runner.run()
        pid = runner.child.result().pid
        assert facts(printed) == [pid, os.getpid(), pid, pid]
        assert f"end ['{app_file}']" in printed
        assert isinstance(runner.child.result(), Adopted) == (start is not Start.SPAWN)


@on_a_loop
async def test_runners_draw_numbers_of_their_own(tmp_path: Path) -> None:
    app_file = write_app(tmp_path)
    async with launcher_of(app_file) as launcher:
        drawn = {(await Started(launcher, app_file).run()).split()[1] for _ in range(3)}
        assert len(drawn) == 3


@on_a_loop
async def test_an_app_is_imported_once_and_what_it_printed_is_told_in_each_runner(tmp_path: Path) -> None:
    app_file = write_app(tmp_path, top="print('imported in', os.getpid())")
    async with launcher_of(app_file) as launcher:
        lines = [(await Started(launcher, app_file).run()).splitlines()[0] for _ in range(2)]
        assert lines[0] == lines[1]
        assert lines[0].startswith("imported in ")


@pytest.mark.parametrize("file", ["forked_app.py", "neighbour.py", "settings.txt"])
@on_a_loop
async def test_a_runner_sees_a_file_that_was_edited_since(tmp_path: Path, file: str) -> None:
    (tmp_path / "neighbour.py").write_text("WORD = 'old'\n")
    (tmp_path / "settings.txt").write_text("old")
    read = f"open({str(tmp_path / 'settings.txt')!r}).read()"
    app_file = write_app(tmp_path, top=f"import neighbour\nprint('old', neighbour.WORD, {read})")
    async with launcher_of(app_file) as launcher:
        assert "old old old" in await Started(launcher, app_file).run()
        path = tmp_path / file
        path.write_text(path.read_text().replace("old", "new!"))
        assert "new!" in (await Started(launcher, app_file).run()).splitlines()[0]


UNFIT = {
    "threads": "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()",
    "grpc": "import grpc",
    "keeps open": "FILE = open(__file__)",
    "processes": "import subprocess\nCHILD = subprocess.Popen(['sleep', '600'], stdout=-3)",
    "random numbers": "random.seed(42)",
    "random generators: forked_app.RANDOM": "RANDOM = random.Random()",
    "paths of files": "FOLDER = Path('data')",
    "shared with other processes": "import multiprocessing\nLOCK = multiprocessing.Lock()",
}


@pytest.mark.parametrize("reason", UNFIT)
@on_a_loop
async def test_an_app_that_no_fork_may_have_is_imported_in_each_runner(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, reason: str
) -> None:
    app_file = write_app(tmp_path, top=UNFIT[reason] + "\nprint('imported in', os.getpid())")
    async with launcher_of(app_file) as launcher:
        await until(lambda: caplog.records)
        runners = [Started(launcher, app_file) for _ in range(2)]
        for runner in runners:
            printed = await runner.run()
            assert f"imported in {runner.child.result().pid}" in printed
    (record,) = caplog.records
    assert reason in record.getMessage(), "it says why, once"


@pytest.mark.parametrize("end", ["os._exit(0)", "os._exit(1)", "os.kill(os.getpid(), 11)"])
@on_a_loop
async def test_an_app_that_ends_its_process_ends_the_runner_and_no_more(tmp_path: Path, end: str) -> None:
    app_file = write_app(tmp_path, top=end)
    async with launcher_of(app_file) as launcher, asyncio.timeout(TIMEOUT_SECONDS):
        runner = Started(launcher, app_file)
        child = await runner.child
        runner.tell(StartRun(run_id="run", attempt=1, work="root.job", recipe=None, vars={}))
        assert await asyncio.to_thread(child.wait) in (0, 1, -11)
        launcher.reap(child)
        assert launcher.zygote_pid is None


@on_a_loop
async def test_a_runner_outlives_its_zygote_and_there_is_another(tmp_path: Path) -> None:
    app_file = write_app(tmp_path)
    async with launcher_of(app_file) as launcher:
        runner = Started(launcher, app_file)
        await runner.child
        before = launcher.zygote_pid
        assert before is not None
        os.kill(before, signal.SIGKILL)
        await until(lambda: launcher.zygote_pid not in (None, before))
        assert "end" in await runner.run()
        assert "end" in await Started(launcher, app_file).run()


@on_a_loop
async def test_what_a_killed_zygote_was_asked_for_is_given_to_the_next(tmp_path: Path) -> None:
    app_file = write_app(tmp_path)
    async with launcher_of(app_file) as launcher:
        assert launcher.zygote_pid is not None
        os.kill(launcher.zygote_pid, signal.SIGSTOP)
        runner = Started(launcher, app_file)
        os.kill(launcher.zygote_pid, signal.SIGKILL)
        assert "end" in await runner.run()
        assert len(runner.ends) == 2, "with ends that the killed one never had"


@on_a_loop
async def test_a_frozen_zygote_holds_nobody_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app_file = write_app(tmp_path)
    async with launcher_of(app_file) as launcher:
        await Started(launcher, app_file).run()
        frozen = launcher.zygote_pid
        assert frozen is not None
        os.killpg(frozen, signal.SIGSTOP)
        monkeypatch.setattr(launcher_module, "PATIENCE_SECONDS", 0.2)
        runner = Started(launcher, app_file)
        assert "end" in await runner.run()
        assert not isinstance(runner.child.result(), Adopted), "it was started afresh"
        await until(lambda: launcher.zygote_pid not in (None, frozen))


@on_a_loop
async def test_zygotes_that_end_again_and_again_are_done_without(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    app_file = write_app(tmp_path)
    async with launcher_of(app_file) as launcher:
        while launcher.zygote_pid is not None:
            before = launcher.zygote_pid
            os.kill(before, signal.SIGKILL)
            await until(lambda before=before: launcher.zygote_pid != before)  # type: ignore[misc]
        assert "end" in await Started(launcher, app_file).run()
    assert "started afresh from now on" in caplog.text


@on_a_loop
async def test_a_runner_that_is_wanted_no_more_ends_without_executing_anything(tmp_path: Path) -> None:
    app_file, before = write_app(tmp_path), own_children()
    async with launcher_of(app_file) as launcher:
        unwanted = Started(launcher, app_file)
        launcher.take_back(unwanted.launch)
        unwanted.ends.pop().close()
        assert "end" in await Started(launcher, app_file).run()
        assert not unwanted.child.done()
        known = {launcher.zygote_pid, *before}

        def alone() -> bool:
            launcher._reap_strangers()
            return not launcher._waiting and not (own_children() - known)

        await until(alone)


def own_children() -> set[int | None]:
    me = os.getpid()
    return {int(pid) for pid in Path(f"/proc/{me}/task/{me}/children").read_text().split()}


@pytest.mark.parametrize("text", ["preload", "fork", "spawn"])
def test_the_environment_says_how_runners_start(text: str) -> None:
    assert start_from(text).value == text


def test_runners_are_forked_with_the_app_if_nothing_is_said() -> None:
    assert start_from(None) is Start.PRELOAD


def test_a_way_that_does_not_exist_is_refused() -> None:
    with pytest.raises(
        StartError, match=r"FLOWRPC_RUNNERS=thread: there is no such way .* preload, fork, spawn"
    ):
        start_from("thread")
