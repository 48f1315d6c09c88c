"""Large journals, written by the store itself, and left as a kill leaves them."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from flowrpc.state import Change, Set
from flowrpc.state.records import Delta, Revision
from flowrpc.store import Commit, SQLiteStore

TEXT_BYTES = 8 * 1024
_SPAWN = multiprocessing.get_context("spawn")


def write_bytes(data_dir: Path, size_bytes: int, *, var: str, pruned: bool) -> None:
    """Commits long texts to a var of the root until so many bytes are journalled, snapshots made as always.

    Args:
        data_dir: A data directory whose app has begun.
        size_bytes: How much.
        var: Which var is set.
        pruned: Whether revisions that the snapshots hold are deleted, as always; otherwise the file is as large.
    """
    _in_a_process_that_dies(_write_bytes, data_dir, size_bytes, var, pruned)


def write_revisions(data_dir: Path, count: int) -> None:
    """Commits revisions that set one of `var_0` to `var_99999` each, and lets no snapshot be made of them."""
    _in_a_process_that_dies(_write_revisions, data_dir, count)


def _in_a_process_that_dies(write: object, *arguments: object) -> None:
    process = _SPAWN.Process(target=write, args=arguments)  # type: ignore[arg-type]
    process.start()
    process.join()
    if process.exitcode != 0:
        raise RuntimeError(f"the journal was not written: exit code {process.exitcode}")


def _write_bytes(data_dir: Path, size_bytes: int, var: str, pruned: bool) -> None:
    store = SQLiteStore(data_dir)
    number = store.open().replica.revision
    if not pruned:
        assert store._writer is not None
        store._writer._take_along = lambda batch, now: None  # type: ignore[method-assign]
    written = 0
    while written < size_bytes:
        number += 1
        text = (f"{number} " * TEXT_BYTES)[:TEXT_BYTES]
        written += len(store.commit(_commit(number, [Set((var,), text)])))
    os._exit(0)


def _write_revisions(data_dir: Path, count: int) -> None:
    store = SQLiteStore(data_dir, snapshot_revisions=1 << 40, snapshot_bytes=1 << 60)
    begin = store.open().replica.revision
    for number in range(begin + 1, begin + 1 + count):
        store.commit(_commit(number, [Set((f"var_{number * 7919 % 100_000}",), -number)]))
    os._exit(0)


def _commit(number: int, changes: Iterable[Change]) -> Commit:
    delta = Delta(component="root", changes=tuple(changes))
    return Commit(revision=Revision(number=number, time=datetime.now(UTC), deltas=(delta,)))
