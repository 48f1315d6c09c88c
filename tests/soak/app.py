"""An app that is kept busy: works that change their vars, print and end; commands; a work that is cancelled."""

import time
from collections.abc import Iterator
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


class Quick(LightningWork):
    """Has short runs."""

    def __init__(self) -> None:
        super().__init__(parallel=True, cache_calls=False)
        self.newest = 0

    def run(self, number: int) -> None:
        self.newest = number


class Sleeper(LightningWork):
    """Runs until it is cancelled, which ends its process's work."""

    def __init__(self) -> None:
        super().__init__(parallel=True, cache_calls=False, raise_exception=False)

    def run(self, number: int, lasting: bool) -> None:
        """A cancelled run is not made again: the number makes it another one."""
        while lasting:
            time.sleep(0.01)


class Root(LightningFlow):
    def __init__(self) -> None:
        self.changes = 0
        self.wanted = False
        self.sleep_wanted = ""
        self.sleeps = 0
        self.quick_wanted = 0
        self.quick_asked = 0
        self.bumps = 0
        self.text = ""
        self.sleeper = Sleeper()
        self.quick = Quick()
        for number in range(WORKS):
            setattr(self, f"counter_{number}", Counter())

    def run(self) -> None:
        if self.wanted:
            self.wanted = False
            for number in range(WORKS):
                getattr(self, f"counter_{number}").run(self.changes)
        if self.sleep_wanted:
            lasting = self.sleep_wanted == "lasting"
            self.sleep_wanted = ""
            self.sleeps += 1
            self.sleeper.run(self.sleeps, lasting)
        while self.quick_asked < self.quick_wanted:
            self.quick_asked += 1
            self.quick.run(self.quick_asked)

    def go(self, changes: int) -> None:
        self.changes = changes
        self.wanted = True

    def sleep(self) -> None:
        self.sleep_wanted = "lasting"

    def nap(self) -> None:
        """Has the sleeper run and end by itself: its process, which a cancellation may have ended, is there then."""
        self.sleep_wanted = "short"

    def hurry(self, runs: int) -> None:
        self.quick_wanted += runs

    def say(self, text: str) -> None:
        print(text)

    def rows(self) -> Iterator[str]:
        """Has more items than anybody reads."""
        for number in range(1_000_000):
            yield f"row {number} " * 10

    def bump(self, text: str) -> int:
        self.bumps += 1
        self.text = text
        return self.bumps

    def configure_commands(self) -> Any:
        commands = self.go, self.sleep, self.nap, self.hurry, self.bump, self.say, self.rows
        return {command.__name__: command for command in commands}


app = LightningApp(Root())
