"""What a core gives: effects that wait on the open revision, and those that may be carried out now."""

from __future__ import annotations

from flowrpc.errors import CallError
from flowrpc.flow_service.effects import Answer, Effect, Reply, StreamEnded, StreamItem

_TO_CLIENTS = frozenset({Reply, StreamItem, StreamEnded})
"""Effects that a client waits for."""


class Outgoing:
    """Keeps effects until they may be carried out: nobody is told what is not durable."""

    def __init__(self) -> None:
        self.waiting: list[Effect] = []
        """Effects that wait on the open revision, in order."""
        self.ready: list[Effect] = []
        """Effects that may be carried out now."""

    def emit(self, effect: Effect, *, at_once: bool = False) -> None:
        """Takes an effect; with `at_once` it waits on no revision."""
        (self.ready if at_once else self.waiting).append(effect)

    def withdraw(self, effect: Effect) -> bool:
        """Takes an effect back, if it still waits on the open revision; tells whether it did."""
        for place, waiting in enumerate(self.waiting):
            if waiting is effect:
                del self.waiting[place]
                return True
        return False

    def reply(self, call_id: int, answer: Answer | CallError) -> None:
        """Answers a call."""
        self.emit(Reply(call_id, answer))

    @property
    def client_waits(self) -> bool:
        """Whether a client waits for the open revision."""
        return any(type(effect) in _TO_CLIENTS for effect in self.waiting)

    def release(self) -> None:
        """Is told that nothing waits any more."""
        self.ready.extend(self.waiting)
        self.waiting.clear()

    def take(self) -> list[Effect]:
        """Returns what may be carried out now."""
        taken, self.ready = self.ready, []
        return taken
