"""The local placement keeps one agent alive, and ends it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from flowrpc.errors import StartError
from flowrpc.placement.interface import Placed
from flowrpc.placement.local import LocalPlacement

from tests.work_service.conftest import APP, on_a_loop
from tests.work_service.flow_double import TOKEN, FlowDouble, flow_double
from tests.work_service.test_agent import BEHAVE, ended, pid_of_work

pytestmark = pytest.mark.slow


class Watcher:
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.dead: list[str] = []
        self.lines: list[str] = []
        self.died = asyncio.Event()

    def on_exit(self, boot_id: str) -> None:
        self.dead.append(boot_id)
        self.died.set()

    def on_line(self, line: str) -> None:
        self.lines.append(line)


@pytest.fixture
def app_file(tmp_path: Path) -> Path:
    path = tmp_path / "probe_app.py"
    path.write_text(APP)
    (tmp_path / "token").write_text(TOKEN)
    return path


def placed(flow: FlowDouble, app_file: Path) -> Placed:
    return Placed(app_file=app_file, address=flow.address, token_file=app_file.with_name("token"))


@asynccontextmanager
async def local(flow: FlowDouble, app_file: Path, watcher: Watcher) -> AsyncIterator[LocalPlacement]:
    placement = LocalPlacement(placed(flow, app_file), watcher)
    await placement.start()
    try:
        async with asyncio.timeout(20):
            await flow.attached.wait()
        yield placement
    finally:
        await placement.stop(5.0)


@on_a_loop
async def test_the_agent_attaches_and_is_stopped_in_order(app_file: Path) -> None:
    watcher = Watcher()
    async with flow_double() as flow:
        async with local(flow, app_file, watcher) as placement:
            assert (flow.hellos[0].agent_id, flow.hellos[0].works) == ("local", ("*",))
        assert placement.pid is None
        assert watcher.dead == [flow.hellos[0].boot_id]


@on_a_loop
async def test_a_killed_agent_is_told_dead_and_replaced(app_file: Path) -> None:
    watcher = Watcher()
    async with flow_double() as flow, local(flow, app_file, watcher) as placement:
        assert placement.pid is not None
        os.kill(placement.pid, signal.SIGKILL)
        await flow.until(lambda: len(flow.hellos) > 1 or None)
        first, second = (hello.boot_id for hello in flow.hellos)
        assert first != second
        assert watcher.dead == [first]


@on_a_loop
async def test_an_agent_that_hangs_is_killed_after_the_grace(app_file: Path) -> None:
    watcher = Watcher()
    async with flow_double() as flow, local(flow, app_file, watcher) as placement:
        assert placement.pid is not None
        os.kill(placement.pid, signal.SIGSTOP)
        async with asyncio.timeout(10):
            await placement.stop(0.2)
        assert watcher.dead == [flow.hellos[0].boot_id]


@on_a_loop
async def test_what_the_agent_says_is_passed_on(app_file: Path) -> None:
    watcher = Watcher()
    app_file.with_name("token").write_text("wrong")
    async with flow_double() as flow:
        placement = LocalPlacement(placed(flow, app_file), watcher)
        await placement.start()
        async with asyncio.timeout(20):
            await watcher.died.wait()
        await placement.stop(1.0)
        assert any("cannot serve" in line for line in watcher.lines)


@on_a_loop
async def test_an_interpreter_that_is_missing_is_a_start_error(
    app_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    async with flow_double() as flow:
        with pytest.raises(StartError, match="cannot be started"):
            await LocalPlacement(placed(flow, app_file), Watcher()).start()


PARENT = """
import asyncio, sys
from pathlib import Path
from flowrpc.placement.interface import Placed
from flowrpc.placement.local import LocalPlacement

class Watcher:
    def on_exit(self, boot_id): pass
    def on_line(self, line): pass

async def main():
    address, app_file = sys.argv[1:]
    placed = Placed(app_file=Path(app_file), address=address, token_file=Path(app_file).with_name("token"))
    await LocalPlacement(placed, Watcher()).start()
    await asyncio.Event().wait()

asyncio.run(main())
"""


@on_a_loop
async def test_a_killed_parent_leaves_no_agent_no_runner_and_nothing_that_user_code_started(
    app_file: Path,
) -> None:
    async with flow_double() as flow:
        parent = await asyncio.create_subprocess_exec(
            sys.executable, "-c", PARENT, flow.address, str(app_file)
        )
        await flow.attached.wait()
        flow.start("root.behave", "child", vars=dict(BEHAVE))
        runner, agent = await pid_of_work(flow), flow.hellos[0].pid
        child = await flow.until(lambda: flow.vars.get("seen"))
        assert isinstance(child, int)
        gone = [asyncio.ensure_future(ended(pid)) for pid in (runner, agent, child)]
        await asyncio.sleep(0)
        parent.kill()
        await parent.wait()
        assert await asyncio.gather(*gone) == [True, True, True]
