"""Streamlit as a process of its own: started, started again when it died, and ended with this process."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from flowrpc.pages.drawn_page import DrawnPage
from flowrpc.process_group import ProcessGroup
from flowrpc.protocol.run_directory import PAGE_DATA_DIR

logger = logging.getLogger(__name__)

RESTARTS = 5
"""How often a server is started again; one that dies more often is left alone."""
PAUSE_SECONDS = 0.5
"""How long the pause before the first restart is; each is twice as long as the one before."""
TERM_SECONDS = 1.0
"""How long it may take to end when it was asked to."""

_SCRIPT = Path(__file__).parent / "script" / "flowrpc_page.py"
_OPTIONS = {
    "server.headless": "true",
    "server.showEmailPrompt": "false",
    "server.fileWatcherType": "none",  # changed code is loaded when the app is started again, as all of it is
    "server.enableCORS": "true",  # the port itself asks nobody: pages of strangers must not open its WebSocket
    "server.enableXsrfProtection": "true",
    "browser.gatherUsageStats": "false",
    "client.toolbarMode": "viewer",  # no button that sends the page to the cloud of Streamlit's makers
    "global.developmentMode": "false",
    "logger.hideWelcomeMessage": "true",
}


class StreamlitServer:
    """Keeps one `streamlit run` alive.

    Args:
        page: What it shows.
        data_dir: The data directory of its app; None: the one running app of this user.
        host: Where it listens.
        port: The port.
        root_path: What the paths of its pages begin with.
    """

    def __init__(
        self, page: DrawnPage, data_dir: Path | None, *, host: str, port: int, root_path: str
    ) -> None:
        self._page = page
        options = _OPTIONS | {
            "server.address": host,
            "server.port": str(port),
            "server.baseUrlPath": root_path.strip("/"),
        }
        # -P: a streamlit.py of the user's in the working directory is not what is meant.
        self._command = [sys.executable, "-P", "-m", "streamlit", "run", str(_SCRIPT)]
        self._command += [f"--{name}={value}" for name, value in options.items()]
        self._environment = {**os.environ, **page.environment(), **_home(data_dir)}
        self._ending = threading.Event()
        self._life: _Life | None = None
        self._lock = threading.Lock()
        self._keeper = threading.Thread(target=self._keep, name=f"page of {page.flow}", daemon=True)

    def start(self) -> None:
        """Starts it, and the thread that looks after it.

        Raises:
            OSError: The system does not start it.
        """
        self._life = _Life(self._command, self._environment, self._page.flow)
        self._keeper.start()

    def stop(self) -> None:
        """Ends it and all that it started."""
        with self._lock:
            self._ending.set()
            life = self._life
        if life is not None:
            life.end()
        if self._keeper.ident is not None:
            self._keeper.join()

    def _keep(self) -> None:
        """Is the thread: waits for the end of one life after the other."""
        pause = PAUSE_SECONDS
        for left in range(RESTARTS, -1, -1):
            life = self._life
            assert life is not None, "start began one"
            code = life.wait()
            if self._ending.is_set():
                return
            self._tell(code, left, pause)
            if left == 0 or self._ending.wait(pause) or not self._begin_again():
                return
            pause *= 2

    def _tell(self, code: int, left: int, pause: float) -> None:
        what = f"the server of the page of {self._page.flow} ended with exit code {code}"
        then = f"it is started again in {pause:g} s" if left else "it is not started again before the app is"
        logger.error("%s; %s", what, then, extra={"component": self._page.flow})

    def _begin_again(self) -> bool:
        with self._lock:
            if self._ending.is_set():
                return False
            try:
                self._life = _Life(self._command, self._environment, self._page.flow)
            except OSError as error:
                logger.error("the page of %s cannot be started again: %s", self._page.flow, error)
                return False
            return True


class _Life:
    """One process, from its start to its end, with all that it starts itself."""

    def __init__(self, command: list[str], environment: Mapping[str, str], flow: str) -> None:
        self._flow = flow
        self._group = ProcessGroup()
        try:
            self._process = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                process_group=self._group.id,
                text=True,
                errors="replace",
            )
        except BaseException:
            self._group.close()
            raise
        assert self._process.stdout is not None, "its output is a pipe"
        self._reader = threading.Thread(target=self._read, args=[self._process.stdout], daemon=True)
        self._reader.start()

    def wait(self) -> int:
        """Waits for the end, and lets nothing survive it; returns the exit code."""
        code = self._process.wait()
        self._group.close()
        self._reader.join()
        return code

    def end(self) -> None:
        """Ends it; whoever waits for it sees to the rest."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(TERM_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()

    def _read(self, output: IO[str]) -> None:
        """Is a thread: logs what the page prints."""
        with output:
            for line in output:
                if line.strip():
                    logger.info("%s", line.rstrip(), extra={"component": self._flow})


def _home(data_dir: Path | None) -> dict[str, str]:
    return {} if data_dir is None else {PAGE_DATA_DIR: str(data_dir)}
