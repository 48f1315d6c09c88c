"""Runs an engine on a store, and takes what it delivers."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from typing import Any

from flowrpc import LightningFlow
from flowrpc.flow_service.core import Core
from flowrpc.flow_service.effects import Effect, Reply
from flowrpc.flow_service.engine import Engine
from flowrpc.state.records import Revision
from flowrpc.store import Store


class Harness:
    """An engine with a queue of what it delivers."""

    def __init__(self, root: LightningFlow, store: Store, *, audit: bool = False) -> None:
        self.delivered: queue.SimpleQueue[tuple[Revision | None, list[Effect]] | BaseException] = (
            queue.SimpleQueue()
        )
        self.recovered = store.open()
        self.root = root
        self.engine = Engine(
            lambda now: Core(root, self.recovered, now, audit=audit),
            store,
            lambda revision, _, effects: self.delivered.put((revision, effects)),
            self.delivered.put,
        )
        self.engine.start()

    def next(self) -> tuple[Revision | None, list[Effect]]:
        found = self.delivered.get(timeout=60)
        if isinstance(found, BaseException):
            raise found
        return found

    def revisions(self) -> Iterator[Revision]:
        while True:
            revision, _ = self.next()
            if revision is not None:
                yield revision

    def answer(self, call_id: int) -> Any:
        while True:
            for effect in self.next()[1]:
                if isinstance(effect, Reply) and effect.call_id == call_id:
                    return effect.answer
