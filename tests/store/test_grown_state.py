"""State that grew, change by change, beyond what may be given at once: it is read back as any other."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flowrpc.state import Set, Splice
from flowrpc.state.records import ComponentKind, ComponentRecord, Delta, Revision
from flowrpc.state.values import MAX_VALUE_BYTES
from flowrpc.store import Commit, SQLiteStore

PART = "x" * (MAX_VALUE_BYTES // 4)


def grow(number: int) -> Delta:
    if number == 1:
        root = ComponentRecord(name="root", kind=ComponentKind.FLOW, type="app:Root", vars={"kept": []})
        return Delta(component="root", attached=root)
    return Delta(component="root", changes=(Splice(("kept",), number - 2, 0, [PART]),))


def set_whole(number: int) -> Delta:
    if number == 1:
        return grow(1)
    return Delta(component="root", changes=(Set(("kept",), [PART] * (number - 1)),))


@pytest.mark.parametrize("delta", [grow, set_whole])
@pytest.mark.parametrize("snapshot_revisions", [3, 5000])
def test_a_list_of_many_parts_is_recovered(
    tmp_path: Path, delta: Callable[[int], Delta], snapshot_revisions: int
) -> None:
    store = SQLiteStore(tmp_path, snapshot_revisions=snapshot_revisions)
    store.open()
    for number in range(1, 12):
        store.commit(
            Commit(revision=Revision(number=number, time=datetime.now(UTC), deltas=(delta(number),)))
        )
        store.wait_for_snapshot()
    store.close()

    recovered = store.open()
    assert recovered.replica.components["root"].vars["kept"] == [PART] * 10
    store.close()
