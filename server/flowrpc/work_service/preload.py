"""An app that was imported ahead of the runners that will be forked with it."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NoReturn, cast

from flowrpc.component.app import LightningApp
from flowrpc.component.app_file import load_app
from flowrpc.storage.exchange import Exchange
from flowrpc.storage.process import entered
from flowrpc.work_service.fork_safety import ForkSafety, freshen_numpy, process_children
from flowrpc.work_service.imported_files import MAX_FILES, ImportedFiles
from flowrpc.work_service.imported_output import MAX_OUTPUT_BYTES, ImportedOutput


class NotPreloadable(BaseException):
    """Tells that an app is not to be imported ahead.

    The message says why; it is empty if the app does not run, which its runners will tell.
    """


class Preload:
    """Imports an app as a runner would, keeping what it prints and logs.

    Args:
        app_file: The file that holds the app.

    Raises:
        NotPreloadable: It would not be in a fork what it is in a fresh process. This process is spoilt then.
    """

    def __init__(self, app_file: Path) -> None:
        self._output = ImportedOutput()
        safety, self._files, tripwire = ForkSafety(), ImportedFiles(), _Tripwire()
        self._app = self._load(app_file, tripwire)
        self._files.end()
        reasons = [*tripwire.reasons, *safety.reasons(), *self._limits()]
        if reasons:
            _kill_children()
            raise NotPreloadable("; ".join(reasons))

    @property
    def stale(self) -> bool:
        """Whether a file that the app was made of has changed."""
        return self._files.changed

    def take(self, handler: logging.Handler) -> LightningApp:
        """Returns the app, in a runner, after telling what it printed and logged."""
        self._output.tell(handler)
        self._output.close()
        freshen_numpy()
        return self._app

    @property
    def logs(self) -> logging.Handler:
        """Stands for the handler of the runner."""
        return self._output.logs

    def _load(self, app_file: Path, tripwire: _Tripwire) -> LightningApp:
        try:
            with self._output.taking(), entered(exchange=cast("Exchange", tripwire)):
                return load_app(app_file)
        except NotPreloadable:
            raise
        except BaseException as error:  # its runners raise it again
            _kill_children()
            raise NotPreloadable("; ".join(tripwire.reasons)) from error

    def _limits(self) -> Iterator[str]:
        if self._output.size_bytes > MAX_OUTPUT_BYTES:
            yield f"it prints more than {MAX_OUTPUT_BYTES // 1024} KiB"
        if len(self._files) > MAX_FILES:
            yield f"it reads more than {MAX_FILES} files"


class _Tripwire:
    """Stands where a runner has the files of its work: paths of an app are different ones in each work."""

    def __init__(self) -> None:
        self.reasons: list[str] = []

    def __getattr__(self, name: str) -> NoReturn:
        self.reasons[:] = ["it makes paths of files of works"]
        raise NotPreloadable(self.reasons[0])


def _kill_children() -> None:
    for child in process_children():
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)


def flush() -> None:
    """Leaves nothing in buffers that a fork would print again."""
    sys.stdout.flush()
    sys.stderr.flush()
