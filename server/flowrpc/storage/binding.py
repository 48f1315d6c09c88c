"""What becomes of paths where a work takes them in: they are the work's, and published while it runs."""

from __future__ import annotations

from flowrpc.state.extension import Extension
from flowrpc.state.values import Value
from flowrpc.storage.exchange import replaced
from flowrpc.storage.path import Path, bound
from flowrpc.storage.process import work_exchange


def taken_in(value: Value, work: str, *, executing: bool) -> Value:
    """Makes the paths in a value, which is about to be a var, those of the work.

    Args:
        value: A value that `copy_value` returned.
        work: Full name of the work.
        executing: Whether the work's `run` sets the var, so that files that are there are published.

    Raises:
        StorageError: A file cannot be published.
    """
    value = renamed(value, "", work)
    exchange = work_exchange()
    return exchange.taken_in(value) if executing and exchange is not None and exchange.running else value


def renamed(value: Value, before: str, after: str) -> Value:
    """Makes paths of which nothing was published those of a work under its new name."""

    def by(extension: Extension) -> Extension:
        return bound(extension, after, before) if isinstance(extension, Path) else extension

    return replaced(value, by)
