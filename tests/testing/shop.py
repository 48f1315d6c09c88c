"""An app that the tests of `flowrpc.testing` test."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flowrpc import LightningFlow, LightningWork, List, Retry


class Train(LightningWork):
    def __init__(self, **options: Any) -> None:
        super().__init__(**{"parallel": True, **options})
        self.progress = 0.0
        self.flag = False
        self.steps: list[int] = []

    def run(self, epochs: int, broken: str = "") -> None:
        for epoch in range(epochs):
            self.steps.append(epoch)
            self.progress = (epoch + 1) / epochs
        if broken:
            raise ValueError(broken)


class Shop(LightningFlow):
    """Trains when somebody gave a name, and counts hours."""

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.train = Train(**options)
        self.epochs: list[int] = []
        self.status = "waiting"
        self.hours = 0
        self.seen = 0.0

    def run(self) -> None:
        if self.schedule("hourly"):
            self.hours += 1
        for epochs in self.epochs:
            self.train.run(epochs)
        self.seen = self.train.progress
        if self.epochs:
            self.status = self.train.status.stage

    def order(self, epochs: int = 3) -> int:
        if epochs < 1:
            raise ValueError(f"{epochs} epochs are too few")
        self.epochs.append(epochs)
        return len(self.epochs)

    def close(self) -> None:
        self.stop("closed")

    def burn(self) -> None:
        self.fail("burnt down")

    def configure_commands(self) -> dict[str, Callable[..., Any]]:
        return {"order": self.order, "close": self.close, "burn": self.burn}


class Blocking(LightningFlow):
    """Calls a blocking work twice, one call after the other."""

    def __init__(self, **options: Any) -> None:
        self.train = Train(parallel=False, **options)
        self.begun = 0
        self.done = 0

    def run(self) -> None:
        self.begun += 1 if not self.train.has_started else 0
        self.train.run(1)
        self.train.run(2)
        self.done = self.train.num_successes


class Growing(LightningFlow):
    """Has as many works as wanted."""

    def __init__(self) -> None:
        self.wanted = 1
        self.workers = List()

    def run(self) -> None:
        while len(self.workers) < self.wanted:
            self.workers.append(Train())
        while len(self.workers) > self.wanted:
            self.workers.pop()
        for worker in self.workers:
            worker.run(1)


RETRY = Retry(attempts=3, delay=timedelta(seconds=10), factor=2)
