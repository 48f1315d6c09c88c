"""The disk of the flow: what is committed is durable, what is being committed at a crash may be or not."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from flowrpc.store.interface import Commit
from flowrpc.store.memory import MemoryStore


class Crash(BaseException):
    """Unwinds the flow at the instant it is killed."""


class Disk(MemoryStore):
    """A memory store that can take its process down.

    Args:
        random: Names the journal.
        on_durable: Hears of every commit, once it is durable.
    """

    def __init__(self, random: Random, on_durable: Callable[[Commit], None]) -> None:
        super().__init__()
        self._journal_id = f"{random.getrandbits(128):032x}"  # otherwise every run of a seed would differ
        self._on_durable = on_durable
        self.crash_before: int | None = None
        """In how many commits the process dies just before one; None: it does not."""
        self.crash_after: int | None = None
        """In how many commits the process dies just after one, before it can know."""

    @property
    def journal_id(self) -> str:
        return self._journal_id

    def commit(self, commit: Commit) -> bytes:
        if self._due("crash_before"):
            raise Crash
        data = super().commit(commit)
        self._on_durable(commit)
        if self._due("crash_after"):
            raise Crash
        return data

    def _due(self, name: str) -> bool:
        left: int | None = getattr(self, name)
        if left is not None:
            setattr(self, name, left - 1 if left else None)
        return left == 0
