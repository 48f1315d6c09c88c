"""What an app in the background tells whoever waits for its start: JSON lines in a pipe."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One thing that was told; the newest of each kind counts."""

    served: str = ""
    """The line that says that the app is served; empty if this is about readiness."""
    unready: tuple[str, ...] = ()
    """Names of flows that are not ready; empty when the app is ready."""


class Teller:
    """Tells through a pipe until the app is ready, or nobody listens any more."""

    def __init__(self, descriptor: int) -> None:
        """Takes the descriptor of the pipe, which is this process's alone from now on."""
        self._descriptor: int | None = descriptor
        os.set_inheritable(descriptor, False)
        os.set_blocking(descriptor, False)  # who waits may be held; the app must not be

    def served(self, line: str) -> None:
        """Tells that the app is served."""
        self._write({"served": line})

    def readiness(self, unready: tuple[str, ...]) -> None:
        """Tells what is not ready."""
        self._write({"unready": unready})
        if not unready:
            self.close()

    def close(self) -> None:
        """Tells nothing more."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _write(self, fact: dict[str, object]) -> None:
        if self._descriptor is None:
            return
        try:
            os.write(self._descriptor, json.dumps(fact).encode() + b"\n")
        except OSError:  # who waited has left
            self.close()


class Listener:
    """Takes apart what is read from the pipe."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[Told]:
        """Yields what was told completely."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            with suppress(ValueError):  # no line of ours
                fact = json.loads(line)
                yield Told(served=fact.get("served", ""), unready=tuple(fact.get("unready", ())))
