"""What this process is to files: the flow's, which holds references, or a work's, which has the files.

A process is one of the two, or neither, for its whole life, and a path must know it wherever it is made: in user
code, in any thread, while a message is read. So this is a fact of the process, said once where it starts.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flowrpc.storage.depot import Depot
    from flowrpc.storage.exchange import Exchange


class _Process:
    """Holds the fact."""

    __slots__ = ("depot", "exchange")

    def __init__(self) -> None:
        self.depot: Depot | None = None
        self.exchange: Exchange | None = None


_PROCESS = _Process()


def enter_flow(depot: Depot) -> None:
    """Makes this process the flow's."""
    _PROCESS.depot = depot


def enter_work(exchange: Exchange) -> None:
    """Makes this process a work's."""
    _PROCESS.exchange = exchange


@contextmanager
def entered(*, depot: Depot | None = None, exchange: Exchange | None = None) -> Iterator[None]:
    """Makes this process the flow's or a work's for a while, as tests need it."""
    before = _PROCESS.depot, _PROCESS.exchange
    _PROCESS.depot, _PROCESS.exchange = depot, exchange
    try:
        yield
    finally:
        _PROCESS.depot, _PROCESS.exchange = before


def flow_depot() -> Depot | None:
    """Returns the app's storage in the flow's process; None elsewhere."""
    return _PROCESS.depot


def work_exchange() -> Exchange | None:
    """Returns what hands files over in a work's process; None elsewhere."""
    return _PROCESS.exchange
