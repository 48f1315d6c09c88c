"""An app that is kept busy: works that change their vars, print and end; commands; a work that is cancelled."""

import time
from typing import Any

from flowrpc import LightningApp, LightningFlow, LightningWork

WORKS = 3


class Counter(LightningWork):
    """Changes its vars many times in each run."""

    def __init__(self) -> None:
        super().__init__(parallel=True, cache_calls=False)
        self.total = 0
        self.newest: list[int] = []
        self.named: dict[str, int] = {}

    def run(self, changes: int) -> None:
        for number in range(0, changes, 2):
            self.total += 2
            if number % 4:
                self.named[str(number % 50)] = number
            else:
                self.newest.append(number)
                if len(self.newest) > 100:
                    self.newest.clear()
            if number % 20 == 0:
                print(f"{number} of {changes}")


class Sleeper(LightningWork):
    """Runs until it is cancelled, which ends its process's work."""

    def __init__(self) -> None:
        super().__init__(parallel=True, cache_calls=False, raise_exception=False)

    def run(self, number: int) -> None:
        """A cancelled run is not made again: the number makes it another one."""
        while True:
            time.sleep(0.01)


class Root(LightningFlow):
    def __init__(self) -> None:
        self.changes = 0
        self.wanted = False
        self.sleep_wanted = False
        self.sleeps = 0
        self.bumps = 0
        self.text = ""
        self.sleeper = Sleeper()
        for number in range(WORKS):
            setattr(self, f"counter_{number}", Counter())

    def run(self) -> None:
        if self.wanted:
            self.wanted = False
            for number in range(WORKS):
                getattr(self, f"counter_{number}").run(self.changes)
        if self.sleep_wanted:
            self.sleep_wanted = False
            self.sleeps += 1
            self.sleeper.run(self.sleeps)

    def go(self, changes: int) -> None:
        self.changes = changes
        self.wanted = True

    def sleep(self) -> None:
        self.sleep_wanted = True

    def bump(self, text: str) -> int:
        self.bumps += 1
        self.text = text
        return self.bumps

    def configure_commands(self) -> Any:
        return {"go": self.go, "sleep": self.sleep, "bump": self.bump}


app = LightningApp(Root())
