"""The local placement: one agent as a child process, which dies with this process."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from contextlib import suppress
from uuid import uuid4

from flowrpc.errors import StartError
from flowrpc.placement.interface import AgentWatcher, Placed

logger = logging.getLogger(__name__)

STEADY_SECONDS = 10.0
"""An agent that lived this long is started again at once; one that did not, after a pause that grows."""

LONGEST_PAUSE_SECONDS = 10.0

_LINE_BYTES = 64 * 1024


class LocalPlacement:
    """Keeps one agent running on this machine.

    Use it in the main thread: the agent dies with the thread that started it.

    Args:
        placed: What the agent serves.
        watcher: Hears when an agent ended, and what it says.
    """

    def __init__(self, placed: Placed, watcher: AgentWatcher) -> None:
        self._placed = placed
        self._watcher = watcher
        self._process: asyncio.subprocess.Process | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._stopping = False
        self._pause = 0.0

    @property
    def pid(self) -> int | None:
        """Process id of the agent; None while there is none."""
        return self._process.pid if self._process is not None else None

    async def start(self) -> None:
        """Starts the agent, and from now on another one whenever it ends.

        Raises:
            StartError: The system does not start it.
        """
        boot_id = uuid4().hex
        try:
            process = await self._spawn(boot_id)
        except OSError as error:
            raise StartError(f"the local agent cannot be started: {error}") from error
        self._keeping = asyncio.create_task(self._keep(process, boot_id))

    async def stop(self, grace_seconds: float) -> None:
        """Ends the agent in order, by force when the grace is over; returns when it is gone."""
        self._stopping = True
        if self._keeping is None:
            return
        if self._process is None:  # between two agents
            self._keeping.cancel()
        self._signal(signal.SIGTERM)
        done, _ = await asyncio.wait([self._keeping], timeout=grace_seconds)
        if not done:
            self._signal(signal.SIGKILL)
            await asyncio.wait([self._keeping])
        self._keeping = None

    async def _keep(self, process: asyncio.subprocess.Process, boot_id: str) -> None:
        while await self._live(process, boot_id):
            await asyncio.sleep(self._pause)
            boot_id = uuid4().hex
            process = await self._spawn(boot_id)

    async def _live(self, process: asyncio.subprocess.Process, boot_id: str) -> bool:
        """Returns when the agent has ended and the watcher knows: whether there should be another."""
        started = asyncio.get_running_loop().time()
        await self._pass_on_lines(process)
        code = await process.wait()
        self._process = None
        self._watcher.on_exit(boot_id)
        if self._stopping:
            return False
        lived = asyncio.get_running_loop().time() - started
        self._pause = 0.0 if lived >= STEADY_SECONDS else min(2 * self._pause + 0.1, LONGEST_PAUSE_SECONDS)
        logger.warning("the local agent ended with %s; starting another in %.1f s", code, self._pause)
        return True

    async def _pass_on_lines(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None, "it is a pipe"
        while True:
            try:
                line = await process.stderr.readline()
            except ValueError:  # longer than the limit: asyncio dropped it
                continue
            if not line:
                return
            self._watcher.on_line(line.decode(errors="replace").rstrip("\n"))

    async def _spawn(self, boot_id: str) -> asyncio.subprocess.Process:
        self._process = await asyncio.create_subprocess_exec(
            *_command(self._placed, boot_id),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            limit=_LINE_BYTES,
            start_new_session=True,  # Ctrl-C is for the flow service, which ends the agent in order
        )
        return self._process

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)


def _command(placed: Placed, boot_id: str) -> list[str]:
    works = [option for work in placed.works for option in ("--work", work)]
    files = ["--files-dir", str(placed.files_dir)] if placed.files_dir is not None else []
    limit = ["--max-works", str(placed.max_works)] if placed.max_works is not None else []
    return [
        *(sys.executable, "-P", "-m", "flowrpc.work_service", str(placed.app_file)),
        *works,
        *limit,
        *files,
        *_offer(placed),
        *("--flow", placed.address, "--token-file", str(placed.token_file)),
        *("--agent-id", placed.agent_id, "--boot-id", boot_id, "--parent-pid", str(os.getpid())),
    ]


def _offer(placed: Placed) -> list[str]:
    """Writes what works may take, as far as it is said."""
    amounts = {
        "--cpus": placed.cpus,
        "--memory": None if placed.memory_bytes is None else f"{placed.memory_bytes}B",
        "--gpus": placed.gpus,
    }
    options = [part for name, amount in amounts.items() if amount is not None for part in (name, str(amount))]
    return options + [part for key, value in placed.labels.items() for part in ("--label", f"{key}={value}")]
