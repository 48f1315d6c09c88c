"""The app that is simulated: every kind of call, and vars that a work and its flow both write."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from flowrpc.component import Dict, LightningFlow, LightningWork, Retry


class Task(LightningWork):
    """A work whose steps are played by `runner.Script`; its vars tell what became of them."""

    def __init__(self, *, grace: float, attempts: int = 1, **options: Any) -> None:
        retry = Retry(attempts=attempts, delay=timedelta(seconds=0.3)) if attempts > 1 else None
        super().__init__(raise_exception=False, retry=retry, orphan_grace=timedelta(seconds=grace), **options)
        self.steps: list[str] = []
        """What runs did, one token for each step; the flow never changes it."""
        self.count = 0
        """How many steps were made; the flow never changes it."""
        self.request = ""
        """What a run asks of the flow; the flow takes it away when it has noted it."""
        self.notes: list[str] = []
        """Both sides put things in and take the oldest out."""
        self.setting = 0
        """The flow's alone."""

    def run(self, number: int = 0) -> None:
        raise AssertionError("a script plays it")


class Board(LightningFlow):
    """What clients change from outside, with the revision that they read."""

    def __init__(self) -> None:
        self.number = 0

    def run(self) -> None: ...


class Root(LightningFlow):
    """Notes what commands bring and works ask for."""

    def __init__(self, grace: float = 3.0) -> None:
        self.tokens: list[str] = []
        self.handled: list[str] = []
        self.pool_wanted = 0
        self.pool_issued = 0
        self.cached_wanted = 0
        self.loop_wanted = 0
        self.loop_done = 0
        self.chain_wanted = 0
        self.board = Board()
        self.pool = Task(grace=grace, attempts=3, parallel=True, cache_calls=False)
        self.cached = Task(grace=grace, parallel=True)
        self.loop = Task(grace=grace, attempts=2, cache_calls=False)
        self.chain = Task(grace=grace)
        self.extra = Dict()
        self._grace = grace

    def run(self) -> None:
        for task in self.tasks():
            if task.request:
                self.handled.append(task.request)
                task.request = ""
        while self.pool_issued < self.pool_wanted:
            self.pool_issued += 1
            self.pool.run(self.pool_issued)
        for number in range(self.cached_wanted):
            self.cached.run(number)
        for task in self.extra.values():
            task.run()
        for number in range(self.chain_wanted):
            self.chain.run(number)
        if self.loop_done < self.loop_wanted:  # last: a call passes for good in a pass that is not unwound
            self.loop.run()
            self.loop_done += 1

    def tasks(self) -> Iterator[Task]:
        yield from (self.pool, self.cached, self.loop, self.chain)
        yield from self.extra.values()

    def configure_commands(self) -> dict[str, Any]:
        commands = (self.append, self.refuse, self.order, self.grow, self.shrink, self.adjust)
        return {command.__name__: command for command in commands}

    def append(self, token: str) -> int:
        self.tokens.append(token)
        return len(self.tokens)

    def refuse(self, token: str) -> None:
        self.tokens.append(token)
        self.board.number += 1_000_000
        raise ValueError(f"not {token}")

    def order(self, kind: str) -> int:
        name = f"{kind}_wanted"
        setattr(self, name, getattr(self, name) + 1)
        return int(getattr(self, name))

    def grow(self, key: str) -> None:
        if key not in self.extra:
            self.extra[key] = Task(grace=self._grace, parallel=True)

    def shrink(self, key: str) -> None:
        self.extra.pop(key, None)

    def adjust(self, token: str) -> None:
        for task in self.tasks():
            task.setting += 1
            task.notes.append(token)
            if len(task.notes) > 6:
                del task.notes[0]
