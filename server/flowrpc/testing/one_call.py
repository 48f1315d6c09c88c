"""The root of an app that is there to run one work once."""

from __future__ import annotations

from typing import Any

from flowrpc.component.app import WorkRoot
from flowrpc.component.work import LightningWork


class OneCall(WorkRoot):
    """Calls a work once, whatever comes of it."""

    def __init__(self, work: LightningWork, args: list[Any], kwargs: dict[str, Any]) -> None:
        """Takes the work, which becomes `root.work`, and the arguments."""
        super().__init__(work)
        self._arguments = args, kwargs

    def run(self) -> None:
        """Calls the work, and stops the app when the run has ended."""
        if self.work.has_succeeded or self.work.has_failed or self.work.has_stopped:
            self.stop()
        args, kwargs = self._arguments
        self.work.run(*args, **kwargs)
