"""A work that counts as fast as it can, and a flow that asks it to."""

import time
from typing import Any

from flowrpc import LightningApp, LightningFlow, LightningWork

BURST = 5_000
"""Sets that fit between the work and its sender, so that none of them waits for room."""


class Count(LightningWork):
    def __init__(self) -> None:
        super().__init__(parallel=True)
        self.count = 0
        self.began = 0.0
        self.ended = 0.0
        self.burst_seconds = 0.0
        self.loop_seconds = 0.0

    def run(self, sets: int, number: int) -> None:
        """Times a burst of sets, then counts `sets` times; `number` tells one call from the next."""
        self.burst_seconds, self.loop_seconds = self._burst()
        self.began = time.time()
        for _ in range(sets):
            self.count += 1
        self.ended = time.time()

    def _burst(self) -> tuple[float, float]:
        begin = time.perf_counter()
        for number in range(BURST):
            self.count = number
        middle = time.perf_counter()
        for number in range(BURST):
            _ = number
        return middle - begin, time.perf_counter() - middle


class Counting(LightningFlow):
    def __init__(self) -> None:
        self.counting = Count()
        self.sets = 0
        self.number = 0

    def run(self) -> None:
        if self.number:
            self.counting.run(self.sets, self.number)

    def count(self, sets: int) -> None:
        self.sets = sets
        self.number += 1

    def configure_commands(self) -> Any:
        return {"count": self.count}


app = LightningApp(Counting())
