"""The stage: one app as real processes, an agent of its own beside it, and what stands between them."""

from __future__ import annotations

import asyncio
import os
import random
import re
import secrets
import shutil
import signal
import socket
import sys
import time
from asyncio.subprocess import Process
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from flowrpc.errors import StoreError

from tests.crash.bugs.patching import HISTORY
from tests.crash.faults.disk import SmallDisk
from tests.crash.faults.memory import SmallMemory
from tests.crash.faults.proxy import FaultProxy
from tests.crash.faults.shim import Shim
from tests.crash.history import Recorder
from tests.crash.journal import Archive, applied_in
from tests.crash.planted import ROOT, SNAPSHOTS
from tests.crash.processes import MARK, agents_of, kill_marked, runners_below, tell, wait_until_gone

APP = Path(__file__).with_name("apps") / "torture.py"
START_SECONDS = 90.0
PROMISED_SECONDS = 2.0
"""How long a process may outlive its parent."""
ORPHAN_SECONDS = 2 * PROMISED_SECONDS
"""How long it may do so here: on two cores that many others want, it took up to half of what is promised."""
KILLED = -signal.SIGKILL
STORAGE_FAILED = 75
_READ_ONLY = re.compile(r"read-only: .*; revision \d+ waits")


class NeverCameBackError(Exception):
    """Tells that the service could not be started again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageOptions:
    """What a stage is made of."""

    folder: Path
    bug: str = "none"
    snapshots: int = 1_000
    """After how many revisions a snapshot is made."""
    shim: bool = False
    disk: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)


class Stage:
    """Starts, kills and starts again; keeps the books of all lives."""

    def __init__(self, options: StageOptions) -> None:
        self._options = options
        self.folder = options.folder
        self.histories = options.folder / "histories"
        self.recorder = Recorder(self.histories / "driver.jsonl")
        self.archive = Archive()
        self.port = _free_port()
        self.agent_proxy = FaultProxy(self.port)
        self.client_proxy = FaultProxy(self.port)
        self.shim: Shim | None = None
        self.disk = SmallDisk(options.folder / "disk")
        self.memory = SmallMemory(secrets.token_hex(3))
        self.missing: dict[str, str] = {}
        """What this host does not offer, with the reason."""
        self.kills = 0
        self.flow: Process | None = None
        self.agent: Process | None = None
        self.legal: set[int] = set()
        """Exit codes that what was done to this life allows."""
        self.lasting: set[int] = set()
        """Exit codes that are legal for every life that begins while something lasts, such as a full disk."""
        self._life = 0
        self._agents = 0
        self._started = 0.0
        self._mark = ""
        self._agent_mark = ""
        self._name = secrets.token_hex(4)
        self._draining: set[asyncio.Task[None]] = set()

    @property
    def data_dir(self) -> Path:
        return (self.folder / "disk" if self._options.disk else self.folder) / "data"

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def alive(self) -> bool:
        """Whether the flow service lives."""
        return self.flow is not None and self.flow.returncode is None

    @property
    def life(self) -> int:
        """The number of the service's life."""
        return self._life

    def times_read_only(self) -> tuple[int, int]:
        """Counts how often this life of the service became read-only, and how often it was so no more."""
        told = self._last_words()
        return len(_READ_ONLY.findall(told)), told.count("read-only no more, after")

    def token(self) -> str:
        return (self.data_dir / "tokens" / "admin").read_text().strip()

    # Begin and end

    async def open(self, failpoints: str = "") -> None:
        """Starts everything."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.histories.mkdir(exist_ok=True)
        (self.folder / "app").mkdir(exist_ok=True)
        shutil.copy(APP, self.folder / "app" / "app.py")
        self._look_for_means()
        await self.agent_proxy.start()
        await self.client_proxy.start()
        await self.start_flow(failpoints)
        await self.start_agent()

    def _look_for_means(self) -> None:
        if self._options.disk and (why := self.disk.mount()):
            self.missing["disk"] = why
        if self._options.shim:
            if why := Shim.available():
                self.missing["shim"] = why
            else:
                self.shim = Shim(self.folder)
        if why := self.memory.make():
            self.missing["memory"] = why

    async def close(self) -> None:
        """Kills what is left and lets go of everything; what was recorded stays."""
        for mark in filter(None, (self._mark, self._agent_mark)):
            kill_marked(mark)
        for process in (self.flow, self.agent):
            if process is not None:
                await process.wait()
        await self.agent_proxy.close()
        await self.client_proxy.close()
        for task in self._draining:
            task.cancel()
        if self._draining:
            await asyncio.wait(self._draining)
        self.recorder.close()
        if self.shim is not None:
            self.shim.close()
        self.memory.remove()
        if self.data_dir.exists() and self._options.disk:
            shutil.copytree(self.data_dir, self.folder / "data", dirs_exist_ok=True)
        self.disk.unmount()

    # The flow service

    async def start_flow(self, failpoints: str = "") -> None:
        """Starts the service and waits until it serves; a start that is allowed to fail is made again.

        Raises:
            NeverCameBackError: it does not serve.
        """
        for _ in range(8):
            await self.launch_flow(failpoints)
            if await self._served():
                return
            failpoints = ""
            await self.end_life()
            if self._came_to_grief or self.flow is None or self.flow.returncode not in self.legal:
                break
            if self.shim is not None:
                self.shim.heal()
            self.disk.free()
        raise NeverCameBackError(self._last_words())

    async def launch_flow(self, failpoints: str = "") -> None:
        """Starts the service without waiting."""
        self._life += 1
        self._started = time.monotonic()
        self.legal = set(self.lasting)
        self._came_to_grief = False
        self._mark = f"{self._name}-flow-{self._life}"
        environment = self._environment(self._mark)
        if failpoints:
            self.legal.add(KILLED)
            environment["FLOWRPC_FAILPOINTS"] = failpoints
            if "+" not in failpoints:  # those act once, in whatever process comes there first
                fired = self.folder / "fired" / str(self._life)
                fired.mkdir(parents=True)
                environment["FLOWRPC_FAILPOINTS_FIRED"] = str(fired)
        if self.shim is not None:
            environment |= self.shim.environment
        with self._errors().open("w") as errors:
            self.flow = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.crash.planted", self._options.bug, "--"),
                *("run", str(self.folder / "app" / "app.py"), "--data-dir", str(self.data_dir)),
                *("--address", self.address, "--no-http", "--remote-work", "root.far*"),
                *("--max-works", "16", "--log-level", "warning"),
                cwd=ROOT,
                env=environment,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
            )

    async def _served(self) -> bool:
        """Waits for the line that says so; False if the service ended instead."""
        assert self.flow is not None
        assert self.flow.stdout is not None
        try:
            line = await asyncio.wait_for(self.flow.stdout.readline(), START_SECONDS)
        except TimeoutError:
            self._came_to_grief = True
            tell(self.flow.pid, signal.SIGKILL)
            return False
        if b"is served at" not in line:
            await self.flow.wait()
            return False
        task = asyncio.create_task(_drain(self.flow.stdout))
        self._draining.add(task)
        task.add_done_callback(self._draining.discard)
        return True

    def kill_flow(self) -> None:
        """Kills the service where it stands."""
        assert self.flow is not None
        if self.alive:
            self.legal.add(KILLED)
            self.kills += tell(self.flow.pid, signal.SIGKILL)

    async def ended(self, seconds: float) -> bool:
        """Waits for the end of the service; tells whether it came."""
        assert self.flow is not None
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self.flow.wait()), seconds)
        return self.flow.returncode is not None

    async def end_life(self) -> None:
        """Writes down how a life ended, and keeps what was durable then."""
        assert self.flow is not None
        code: int | None = await self.flow.wait()
        ended = time.monotonic()
        if "failpoints are set" in self._last_words() and code == KILLED:
            self.kills += 1
        seconds, orphans = await wait_until_gone(self._mark, ORPHAN_SECONDS)
        kill_marked(self._mark)
        recovered = self._recovered()
        self.recorder.add(
            "life",
            number=self._life,
            started=self._started,
            ended=ended,
            legal=sorted(self.legal),
            code=None if self._came_to_grief else code,
            told=self._last_words()[-2_000:],
            recovered=recovered,
            applied=applied_in(self.data_dir),
            orphans=orphans,
            seconds_orphaned=round(seconds, 2),
        )
        self.recorder.flush()

    def _recovered(self) -> int:
        try:
            return self.archive.read(self.data_dir)
        except StoreError as error:
            self.archive.problems.append(f"the journal cannot be read: {error}")
            return self.archive.last

    async def recover(self, failpoints: str = "") -> None:
        """Starts again what has ended."""
        if not self.alive:
            await self.end_life()
            await self.start_flow(failpoints)
        if self.agent is None or self.agent.returncode is not None:
            await self.start_agent()

    # The other agent

    async def start_agent(self) -> None:
        """Starts the agent that stands for another host; it dials through a proxy."""
        if self._agent_mark:
            kill_marked(self._agent_mark)
        self._agents += 1
        self._agent_mark = f"{self._name}-agent-{self._agents}"
        with (self.folder / f"agent-{self._agents}.txt").open("w") as errors:
            self.agent = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.crash.planted", self._options.bug, "--"),
                *("work", "serve", str(self.folder / "app" / "app.py"), "--work", "root.far*"),
                *("--flow", f"127.0.0.1:{self.agent_proxy.port}", "--agent-id", "far"),
                *("--token-file", str(self.data_dir / "tokens" / "work")),
                cwd=ROOT,
                env=self._environment(self._agent_mark),
                stdout=asyncio.subprocess.DEVNULL,
                stderr=errors,
            )

    async def end_agent(self, number: signal.Signals) -> None:
        """Sends the other agent a signal that ends it, and checks that nothing of it is left."""
        assert self.agent is not None
        if self.agent.returncode is None:
            tell(self.agent.pid, number)
            await self.agent.wait()
        self.kills += number is signal.SIGKILL
        seconds, orphans = await wait_until_gone(self._agent_mark, ORPHAN_SECONDS)
        for orphan in orphans:
            self.recorder.add("left", process=f"{orphan}, {seconds:.1f} s after its agent")

    # Who there is

    def local_agent(self) -> int | None:
        """Returns the process id of the agent that the flow started."""
        found = agents_of(self.flow.pid) if self.flow is not None and self.alive else []
        return found[0] if found else None

    def runner(self, dice: random.Random, *, far: bool) -> int | None:
        """Returns the process id of some runner."""
        above = self.agent.pid if far and self.agent is not None else self.local_agent()
        found = runners_below(above) if above is not None else []
        return dice.choice(sorted(found)) if found else None

    def _environment(self, mark: str) -> dict[str, str]:
        return {
            **os.environ,
            "FLOWRPC_AUDIT": "0",  # it would find some planted bugs before the checkers do
            **self._options.environment,
            MARK: mark,
            HISTORY: str(self.histories),
            SNAPSHOTS: str(self._options.snapshots),
            "FLOWRPC_RUN_DIR": str(self.folder / "run"),
            "PYTHONPATH": str(ROOT),
        }

    def _errors(self) -> Path:
        return self.folder / f"flow-{self._life}.txt"

    def _last_words(self) -> str:
        return self._errors().read_text(errors="replace")


def _free_port() -> int:
    """Returns a port that nobody has, and that the system gives to nobody by itself."""
    dice = random.Random(os.urandom(8))
    while True:
        port = dice.randint(10_000, 30_000)
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port


async def _drain(reader: asyncio.StreamReader) -> None:
    while await reader.read(4096):
        pass
