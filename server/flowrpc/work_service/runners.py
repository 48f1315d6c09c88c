"""The runner processes of an agent, by work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from flowrpc.protocol.messages import RunnerRequest
from flowrpc.work_service.guard import Guard
from flowrpc.work_service.launcher import Launcher, Start
from flowrpc.work_service.runner_files import RunnerFiles
from flowrpc.work_service.runner_process import Listener, RunnerProcess


class Runners:
    """Starts runners and hands on what is meant for one of them.

    Args:
        app_file: The file that holds the app.
        listener: Hears of all of them.
        guard: Kills what they started if the agent cannot.
        start: How they start.
        addresses: The internal and the public address of this host.
        files: Tells where they have their files.
    """

    def __init__(
        self,
        app_file: Path,
        listener: Listener,
        guard: Guard,
        addresses: tuple[str, str],
        *,
        start: Start,
        files: Callable[[], RunnerFiles | None] = lambda: None,
    ) -> None:
        self._launcher = Launcher(app_file, guard, start)
        self._launcher.open()
        self._addresses = addresses
        self._app_file = app_file
        self._listener = listener
        self._guard = guard
        self._files = files
        self._processes: dict[str, RunnerProcess] = {}
        self._none_left = asyncio.Event()
        self._none_left.set()

    def spawn(self, work: str) -> None:
        """Starts the runner of a work; if the system does not let it, that is how it ended."""
        process = RunnerProcess(
            work,
            self._app_file,
            self._listener,
            self._guard,
            self._addresses,
            launcher=self._launcher,
            files=self._files(),
        )
        self._processes[work] = process
        self._none_left.clear()
        process.launch()

    def close(self) -> None:
        """Starts no more."""
        self._launcher.close()

    def tell(self, work: str, request: RunnerRequest) -> None:
        """Sends a request to a runner; one that is gone is told nothing."""
        process = self._processes.get(work)
        if process is not None:
            process.tell(request)

    def end(self, work: str) -> None:
        """Lets a runner that executes nothing end by itself."""
        process = self._processes.get(work)
        if process is not None:
            process.end()

    def kill(self, work: str) -> None:
        """Kills a runner."""
        process = self._processes.get(work)
        if process is not None:
            process.kill()

    def pause(self, work: str) -> None:
        """Reads no more frames of a runner."""
        process = self._processes.get(work)
        if process is not None:
            process.pause()

    def resume(self, work: str) -> None:
        """Reads frames of a runner again."""
        process = self._processes.get(work)
        if process is not None:
            process.resume()

    def forget(self, work: str) -> None:
        """Drops a runner whose exit was seen."""
        self._processes.pop(work, None)
        if not self._processes:
            self._none_left.set()

    async def wait_for_end(self) -> None:
        """Returns when no runner is left."""
        await self._none_left.wait()
