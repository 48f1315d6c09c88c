"""An app whose flow service and agent are asked what they count."""

from __future__ import annotations

import json
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from flowrpc.testing.app_process import AppProcess

from tests.soak.counted import FOLDER
from tests.soak.counts import QUIET, Counts, unquiet

ROOT = Path(__file__).parents[2]
ANSWER_SECONDS = 60.0
"""How long a process may take to answer."""
PAUSE_SECONDS = 0.1
"""How often is asked anew what is waited for."""


@contextmanager
def run_counted(app_file: Path, timeout: float) -> Iterator[CountedApp]:
    """Serves an app file as `run_app` does.

    Raises:
        SimulationError: The app ended before it was served, or was not in time.
    """
    with tempfile.TemporaryDirectory(prefix="flowrpc-soak-") as folder:
        env = {FOLDER: folder, "PYTHONPATH": str(ROOT)}
        app = CountedApp(app_file, (), Path(folder), timeout, env)
        try:
            app.start()
            yield app
        except BaseException as error:
            error.add_note(app.tell())
            raise
        finally:
            app.close()


class CountedApp(AppProcess):
    """A served app that can be looked into."""

    _flowctl = "tests.soak.counted"
    _numbers = count(1)

    def ask(self, process: str, request: str) -> Any:
        """Asks a process; `counted.py` says what there is to ask.

        Args:
            process: `flow` or `agent`.
            request: What is asked.

        Raises:
            RuntimeError: It could not do what it was asked for.
            TimeoutError: It does not answer.
        """
        folder = self.data_dir.parent
        own = folder / f"asker-{next(self._numbers)}"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as asking:
            asking.settimeout(ANSWER_SECONDS)
            asking.bind(str(own))
            try:
                _send(asking, request.encode(), folder / process)
                answer = json.loads(asking.recv(1 << 20))
            finally:
                own.unlink()
        if "error" in answer:
            raise RuntimeError(f"{process}: {request}: {answer['error']}")
        return answer["answer"]

    def counts(self) -> dict[str, Counts]:
        """Asks all processes that count, by their names."""
        return {process: self.ask(process, "counts") for process in QUIET}

    def quiet_counts(self, seconds: float) -> dict[str, Counts]:
        """Returns what is counted when everybody has left, twice in a row: a count may dip for a moment.

        Raises:
            TimeoutError: Somebody has not left.
        """
        last: dict[str, Counts] = {}

        def steady(found: dict[str, Counts]) -> bool:
            nonlocal last
            before, last = last, found
            return not unquiet(found) and found == before

        counts = self.counts_when(steady, seconds)
        if problems := unquiet(counts):
            raise TimeoutError(f"not quiet within {seconds:g} s: {'; '.join(problems)}")
        return counts

    def counts_when(self, fit: Callable[[dict[str, Counts]], bool], seconds: float) -> dict[str, Counts]:
        """Returns what is counted as soon as it fits, or when the time is over."""
        end = time.monotonic() + seconds
        while not fit(counts := self.counts()) and time.monotonic() < end:
            time.sleep(PAUSE_SECONDS)
        return counts

    def cut_agent(self, seconds: float) -> None:
        """Breaks the connection of the agent, and returns when it is there again.

        Raises:
            TimeoutError: It does not come back.
        """
        end = time.monotonic() + seconds
        newest, cut = self.ask("flow", "session"), 0
        while not cut or self.ask("flow", "session") <= newest:
            if time.monotonic() > end:
                raise TimeoutError(f"the agent was not there again within {seconds:g} s")
            cut = cut or self.ask("agent", "cut")  # none while it dials
            time.sleep(PAUSE_SECONDS)


def _send(asking: socket.socket, request: bytes, path: Path) -> None:
    """Sends a request, when the process that is asked has begun."""
    end = time.monotonic() + ANSWER_SECONDS
    while True:
        try:
            asking.sendto(request, str(path))
            return
        except (FileNotFoundError, ConnectionRefusedError):
            if time.monotonic() > end:
                raise TimeoutError(f"nobody answers at {path}") from None
        time.sleep(PAUSE_SECONDS)
