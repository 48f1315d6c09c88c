"""An app whose works end in every way, and agents that execute them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import wraps
from pathlib import Path
from typing import Any, cast

import pytest
from flowrpc.work_service.agent import Agent, AgentOptions
from flowrpc.work_service.guard import Guard
from flowrpc.work_service.identity import Identity
from flowrpc.work_service.launcher import Start

from tests.work_service.flow_double import TOKEN, FlowDouble

APP = '''
import ctypes
import logging
import os
import signal
import subprocess
import sys
import threading
import time

from flowrpc.component.app import LightningApp
from flowrpc.component.flow import LightningFlow
from flowrpc.component.work import LightningWork


class Counter(LightningWork):
    def __init__(self, first=0):
        super().__init__()
        self.counter = first
        self.names = []
        self.flag = False
        self._runs = 0

    def run(self, count=1):
        self._runs += 1
        for _ in range(count):
            self.counter += 1
        self.names.append(f"run {self._runs} in {os.getpid()}")


class Behave(LightningWork):
    """Does what its first argument says."""

    def __init__(self):
        super().__init__()
        self.pid = 0
        self.seen = None
        self.items = []
        self.done = False

    def run(self, what, *arguments):
        self.pid = os.getpid()
        return getattr(self, "_" + what)(*arguments)

    def _nothing(self):
        pass

    def _raise(self, text):
        raise ValueError(text)

    def _os_exit(self, code):
        os._exit(code)

    def _sys_exit(self, code):
        sys.exit(code)

    def _die(self, number):
        os.kill(os.getpid(), number)

    def _return(self):
        return 5

    def _talk(self):
        print("printed")
        print("no line end", end="")
        print("complained", file=sys.stderr)
        logging.getLogger("my.app").warning("logged %d", 7)

    def _flood(self, lines):
        for number in range(lines):
            print("line", number)
        self.done = True

    def _sleep(self, seconds):
        try:
            time.sleep(seconds)
        finally:
            self.done = True

    def _tidy(self, file):
        try:
            time.sleep(600)
        finally:
            open(file, "w").close()

    def _stubborn(self, seconds):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                print("spinning")
                time.sleep(seconds)
            except BaseException:
                pass

    def _hold_gil_in_c(self, seconds):
        self._wait_for_cancel()
        ctypes.PyDLL(None).sleep(seconds)

    def _freeze(self, seconds):
        self._wait_for_cancel()
        os.kill(os.getpid(), signal.SIGSTOP)

    def _wait_for_cancel(self):
        try:
            print("spinning")
            time.sleep(600)
        except BaseException:
            pass

    def _retry_for_ever(self, seconds):
        while True:
            try:
                print("spinning")
                while True:
                    time.sleep(0.01)
            except BaseException:
                self.items.append("caught")

    def _daemon(self, seconds):
        subprocess.run(["sh", "-c", f"sleep {seconds} &"], check=True)
        self._stubborn(seconds)

    def _processes(self, method):
        import multiprocessing

        context = multiprocessing.get_context(method)
        with context.Pool(1) as pool:
            self.seen = pool.apply(os.path.basename, ["a/b"])

    def _in_a_loop(self):
        import asyncio

        async def answer():
            await asyncio.sleep(0)
            return 42

        self.seen = asyncio.run(answer())

    def _hold_gil(self, seconds):
        print("spinning")
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            sum(range(1_000_000))

    def _child(self):
        child = subprocess.Popen(["sleep", "600"])
        self.seen = child.pid
        time.sleep(600)

    def _modules(self):
        self.seen = sorted(name for name in sys.modules if name.partition(".")[0] in ("grpc", "asyncio"))

    def _foreign(self):
        errors = []

        def change():
            try:
                self.done = True
            except Exception as error:
                errors.append(str(error))

        thread = threading.Thread(target=change)
        thread.start()
        thread.join()
        self.seen = errors[0]

    def _await_flag(self):
        self.items.append("begun")
        while not self.done:
            time.sleep(0.005)
        self.seen = list(self.items)

    def _append_late(self):
        self.items.append(self._when_done())

    def _when_done(self):
        while not self.done:
            time.sleep(0.005)
        return "late"


class Unbuildable(LightningWork):
    def __init__(self, broken=False):
        super().__init__()
        if broken:
            raise LookupError("no such luck")

    def run(self):
        pass


class Root(LightningFlow):
    def __init__(self):
        super().__init__()
        self.counter = Counter()
        self.behave = Behave()
        self.other = Behave()
        self.unbuildable = Unbuildable()

    def run(self):
        pass


app = LightningApp(Root())
'''


@pytest.fixture
def app_file(tmp_path: Path) -> Path:
    path = tmp_path / "probe_app.py"
    path.write_text(APP)
    (tmp_path / "token").write_text(TOKEN + "\n")
    return path


def on_a_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Runs an asynchronous test."""

    @wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        asyncio.run(test(*args, **kwargs))

    return run


@asynccontextmanager
async def agent_process(
    flow: FlowDouble, app_file: Path, *options: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Starts an agent, waits until it is attached and kills it in the end."""
    process = await start_agent(flow.address, app_file, *options)
    try:
        async with asyncio.timeout(20):
            await flow.attached.wait()
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def start_agent(address: str, app_file: Path, *options: str) -> asyncio.subprocess.Process:
    command = [sys.executable, "-P", "-m", "flowrpc.work_service", str(app_file), "--work", "*"]
    command += ["--flow", address, "--token-file", str(app_file.with_name("token")), "--agent-id", "tester"]
    return await asyncio.create_subprocess_exec(*command, *options, stderr=asyncio.subprocess.PIPE)


class NoGuard:
    """Watches nothing."""

    pid = -1

    def watch(self, group: int) -> None:
        pass

    def forget(self, group: int) -> None:
        pass


class AgentHere:
    """An agent in the process of the test, which can look at what it waits for."""

    def __init__(self, address: str, app_file: Path, agent_id: str) -> None:
        self.told: list[str] = []
        """What it said to people."""
        token_file = app_file.with_name("token")
        options = AgentOptions(app_file=app_file, address=address, token_file=token_file, start=Start.SPAWN)
        guard = cast("Guard", NoGuard())
        self.agent = Agent(Identity(agent_id=agent_id), options, self.told.append, guard)
        self.run = asyncio.create_task(self.agent.run())


@asynccontextmanager
async def agent_here(address: str, app_file: Path, agent_id: str = "here") -> AsyncIterator[AgentHere]:
    """Serves works in this process, with runners of their own, until the end of the block."""
    here = AgentHere(address, app_file, agent_id)
    try:
        yield here
    finally:
        here.agent.stop()
        async with asyncio.timeout(60):
            await here.run
