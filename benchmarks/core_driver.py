"""Drives the core in this process the way the engine does, with nothing on the wire."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from flowrpc import LightningFlow
from flowrpc.flow_service.core import Core
from flowrpc.flow_service.engine import SPIN_SECONDS
from flowrpc.flow_service.instant import Instant
from flowrpc.store.interface import Store


class CoreDriver:
    """Runs passes and commits a revision every 10 ms, as a spinning flow does."""

    def __init__(self, root: LightningFlow, store: Store) -> None:
        self._store = store
        self._core = Core(root, store.open(), _now())
        self._commit(_now())

    def seconds_per_pass(self, passes: int) -> float:
        """Runs so many passes and tells what one of them took, its share of the commits included."""
        core, clock = self._core, time.monotonic
        begin = time.perf_counter()
        left = passes
        while left > 0:
            instant = _now()
            end = instant.monotonic + SPIN_SECONDS
            while left > 0:
                core.run_pass(instant)
                left -= 1
                if clock() >= end:
                    break
            self._seal_if_due()
        return (time.perf_counter() - begin) / passes

    def _seal_if_due(self) -> None:
        instant = _now()
        self._core.tick(instant)
        if self._core.must_seal(instant):
            self._commit(instant)

    def _commit(self, instant: Instant) -> None:
        commit = self._core.seal(instant)
        if commit is not None:
            self._store.commit(commit)
            self._core.committed()
        self._core.take_effects()


def _now() -> Instant:
    return Instant(time.monotonic(), datetime.now(UTC))
