"""Works that wait until they are killed."""

import os
import signal
from typing import Any

from flowrpc import LightningApp, LightningFlow, LightningWork

WORKS = 10


class Wait(LightningWork):
    def __init__(self) -> None:
        super().__init__(parallel=True, raise_exception=False)
        self.pid = 0

    def run(self, number: int) -> None:
        """Tells its process, and waits; `number` tells one call from the next."""
        self.pid = os.getpid()
        signal.pause()


class Waiting(LightningFlow):
    def __init__(self) -> None:
        self.waits = [Wait() for _ in range(WORKS)]
        self.number = 0

    def run(self) -> None:
        if self.number:
            for wait in self.waits:
                wait.run(self.number)

    def go(self) -> None:
        self.number += 1

    def configure_commands(self) -> Any:
        return {"go": self.go}


app = LightningApp(Waiting())
