"""Works that wait until they are cancelled; some of them say when they heard, the others do not heed it."""

import ctypes
import os
import signal
import time
from typing import Any

from flowrpc import LightningApp, LightningFlow, LightningWork

WORKS = 10
LONG_SECONDS = 600


class Interrupted(LightningWork):
    """Says when it was interrupted."""

    def __init__(self) -> None:
        super().__init__(parallel=True, raise_exception=False)
        self.number = 0
        self.interrupted_at = 0.0

    def run(self, number: int) -> None:
        """Tells which call it is, and waits; the clock is that of all processes of the machine."""
        self.interrupted_at = 0.0
        try:
            self.number = number
            while True:
                signal.pause()
        except BaseException:
            now = time.monotonic()
            self.interrupted_at = now
            raise


class Deaf(LightningWork):
    """Swallows its cancellation, and lets no other thread of its process do anything from then on."""

    def __init__(self) -> None:
        super().__init__(parallel=True, raise_exception=False)
        self.number = 0
        self.pid = 0

    def run(self, number: int) -> None:
        """Tells which call in which process it is, and waits."""
        self.pid = os.getpid()
        try:
            self.number = number
            while True:
                signal.pause()
        except BaseException:  # noqa: BLE001 - that is what makes it deaf
            ctypes.PyDLL(None).sleep(LONG_SECONDS)


class Cancelling(LightningFlow):
    def __init__(self) -> None:
        self.interrupted = [Interrupted() for _ in range(WORKS)]
        self.deaf = [Deaf() for _ in range(WORKS)]
        self.numbers = {"interrupted": 0, "deaf": 0}

    def run(self) -> None:
        for kind, number in self.numbers.items():
            if number:
                for work in getattr(self, kind):
                    work.run(number)

    def go(self, kind: str) -> int:
        self.numbers[kind] += 1
        return self.numbers[kind]

    def configure_commands(self) -> Any:
        return {"go": self.go}


app = LightningApp(Cancelling())
"""`go` has all works of a kind called once more, and says the how many-th time that is."""
