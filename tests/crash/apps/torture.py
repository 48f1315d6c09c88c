"""The app that faults are let loose on: every operation leaves a unique token in the state, in order."""

from __future__ import annotations

import ctypes
import os
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from flowrpc import Dict, LightningApp, LightningFlow, LightningWork, Retry

PAGE = 500
"""Entries on one page of the ledger."""
KEPT_PAGES = 4
ACCOUNTS = 8
OPENING = 1_000
DELTAS = int(os.environ.get("TORTURE_DELTAS", "400"))
"""Items that one run of a work appends."""

WORKS = [
    name for name in os.environ.get("TORTURE_WORKS", "near,flaky,slow,greedy,far,far_too").split(",") if name
]
"""The works that are called."""

PATIENT = Retry(attempts=10_000, delay=timedelta(milliseconds=50), longest=timedelta(milliseconds=200))
"""A process that is killed is no reason to give a run up."""


class Ledger(LightningFlow):
    """Every operation that happened, in order; old pages are torn out."""

    def __init__(self) -> None:
        self.count = 0
        self.pages: dict[str, list[str]] = {"0": []}

    def run(self) -> None:
        """Is driven by commands."""

    def write(self, op: str) -> int:
        page, place = divmod(self.count, PAGE)
        if place == 0 and page:
            self.pages[str(page)] = []
            self.pages.pop(str(page - KEPT_PAGES), None)
        self.pages[str(page)].append(op)
        self.count += 1
        return self.count - 1


class Bank(LightningFlow):
    """Accounts whose sum never changes."""

    def __init__(self) -> None:
        self.accounts = {f"a{number}": OPENING for number in range(ACCOUNTS)}

    def run(self) -> None:
        """Is driven by commands."""

    def transfer(self, source: str, target: str, amount: int) -> list[int]:
        self.accounts[source] -= amount
        if self.accounts[source] < 0:
            raise ValueError(f"{source} has too little")  # what was taken already is given back
        self.accounts[target] += amount
        return [self.accounts[source], self.accounts[target]]


class Counters(LightningFlow):
    def __init__(self) -> None:
        self.values = {"x": 0, "y": 0, "z": 0}

    def run(self) -> None:
        """Is driven by commands."""


class Board(LightningFlow):
    """A var that clients set from outside."""

    def __init__(self) -> None:
        self.note = ""

    def run(self) -> None:
        """Is driven by clients."""


class Member(LightningFlow):
    def __init__(self, number: int) -> None:
        self.number = number

    def run(self) -> None:
        """Only exists."""


class Appending(LightningWork):
    """Appends numbered items: what is lost, doubled or of another attempt shows in the list."""

    def __init__(self) -> None:
        super().__init__(
            parallel=True, raise_exception=False, retry=PATIENT, orphan_grace=timedelta(seconds=1)
        )
        self.items: list[list[int]] = []

    def run(self, number: int, amount: int) -> None:
        self.items = []
        for item in range(amount):
            self.items.append([number, self.attempt, item])
            self.meet(item)

    def meet(self, item: int) -> None:
        if item % 8 == 7:
            time.sleep(0.001)


class Flaky(Appending):
    """Fails in the middle of two attempts out of three."""

    def meet(self, item: int) -> None:
        super().meet(item)
        if item == 20 and self.attempt % 3:
            raise RuntimeError("fails on purpose")


class Slow(Appending):
    """Goes on long enough to be cancelled."""

    def meet(self, item: int) -> None:
        time.sleep(0.01)


class Greedy(Appending):
    """Does to its process what the driver asks for: holds the interpreter, or takes memory."""

    def __init__(self) -> None:
        super().__init__()
        self.mischief = ""

    def meet(self, item: int) -> None:
        super().meet(item)
        mischief = self.mischief
        if mischief:
            self.mischief = ""
        if mischief == "gil":
            ctypes.PyDLL(None).sleep(5)  # a PyDLL keeps the interpreter's lock
        elif mischief.startswith("memory "):
            self._take_memory(Path(mischief.removeprefix("memory ")))

    @staticmethod
    def _take_memory(note: Path) -> None:
        """Takes too much in the group that a note leads into; only the attempt that finds the note does."""
        try:
            door = note.read_text()
            note.unlink()
        except FileNotFoundError:
            return  # what this attempt was told was taken back with the last one
        Path(door).write_text("0")
        taken = []
        for _ in range(200):
            taken.append(bytearray(10_000_000))


class Torture(LightningFlow):
    def __init__(self) -> None:
        self.ledger = Ledger()
        self.bank = Bank()
        self.counters = Counters()
        self.board = Board()
        self.crew = Dict()
        self.hired = 0
        self.halted = False
        self.near = Appending()
        self.flaky = Flaky()
        self.slow = Slow()
        self.greedy = Greedy()
        self.far = Appending()
        self.far_too = Appending()
        self.rounds = dict.fromkeys(WORKS, 1)

    def run(self) -> None:
        for name, number in list(self.rounds.items()):
            work: Appending = getattr(self, name)
            work.run(number, DELTAS // 8 if name == "slow" else DELTAS)
            ended = work.has_succeeded or work.has_failed or work.has_stopped
            if ended and not self.halted:
                self.rounds[name] = number + 1

    def append(self, op: str) -> int:
        return self.ledger.write(op)

    def transfer(self, op: str, source: str, target: str, amount: int) -> list[int]:
        balances = self.bank.transfer(source, target, amount)
        self.ledger.write(op)
        return balances

    def increment(self, op: str, name: str, by: int) -> int:
        self.counters.values[name] += by
        self.ledger.write(op)
        return self.counters.values[name]

    def hire(self, op: str) -> str:
        name = f"m{self.hired}"
        self.hired += 1
        self.crew[name] = Member(self.hired)
        if len(self.crew) > 5:
            del self.crew[next(iter(self.crew))]
        self.ledger.write(op)
        return name

    def halt(self) -> None:
        """Begins no more runs."""
        self.halted = True

    def misbehave(self, how: str) -> None:
        self.greedy.mischief = how

    def configure_commands(self) -> Any:
        return [
            {"append": self.append},
            {"transfer": self.transfer},
            {"increment": self.increment},
            {"hire": self.hire},
            {"halt": self.halt},
            {"misbehave": self.misbehave},
        ]


app = LightningApp(Torture())
