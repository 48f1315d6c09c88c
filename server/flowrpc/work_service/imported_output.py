"""What an app printed and logged while it was imported ahead, to be told in every runner that it is in."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

MAX_OUTPUT_BYTES = 1024 * 1024
"""How much an app may print that is imported ahead."""

_STDOUT, _STDERR = 1, 2


class ImportedOutput:
    """Keeps output, and hands log records on once somebody takes them."""

    def __init__(self) -> None:
        self._kept = {number: os.memfd_create("flowrpc-output") for number in (_STDOUT, _STDERR)}
        self.logs = _Relay()

    @property
    def size_bytes(self) -> int:
        """How much was printed."""
        return sum(os.fstat(kept).st_size for kept in self._kept.values())

    @contextmanager
    def taking(self) -> Iterator[None]:
        """Takes what this process prints and logs."""
        before = {number: os.dup(number) for number in self._kept}
        for number, kept in self._kept.items():
            os.dup2(kept, number)
        logging.getLogger().addHandler(self.logs)
        logging.getLogger().setLevel(logging.INFO)
        try:
            yield
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for number, descriptor in before.items():
                os.dup2(descriptor, number)
                os.close(descriptor)

    def tell(self, handler: logging.Handler) -> None:
        """Prints and logs all of it here, in a runner, and what will be logged from now on."""
        for number, kept in self._kept.items():
            _copy(kept, number)
        self.logs.hand_to(handler)

    def close(self) -> None:
        """Lets go of what was printed."""
        for kept in self._kept.values():
            os.close(kept)


class _Relay(logging.Handler):
    """Stands where the handler of a runner will be, so that `logging.basicConfig` of an app finds one, as there."""

    def __init__(self) -> None:
        super().__init__()
        self._records: list[logging.LogRecord] = []
        self._target: logging.Handler | None = None

    def emit(self, record: logging.LogRecord) -> None:
        if self._target is not None:
            self._target.emit(record)
        else:
            self._records.append(record)

    def hand_to(self, target: logging.Handler) -> None:
        self._target = target
        records, self._records = self._records, []
        for record in records:
            record.created = time.time()
            target.emit(record)


def _copy(kept: int, number: int) -> None:
    size = os.fstat(kept).st_size
    data = memoryview(os.pread(kept, size, 0))
    while data:
        data = data[os.write(number, data) :]
