"""How far an attempt was applied, as a journal tells."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from flowrpc.state.records import Revision, Run, RunRecord, RunStatus
from flowrpc.store.interface import Applied, Commit
from flowrpc.store.sqlite import SQLiteStore

from tests.crash.journal import applied_in

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
UNDER_WAY = RunRecord(
    run=Run(run_id="r1", work="root.w", call_key="k", status=RunStatus.RUNNING, attempt=2, agent_id="far"),
    ordinal=1,
)


def _keep(data_dir: Path, *records: RunRecord) -> None:
    """Saves what becomes of a run, one commit each; the first one with 25 deltas of its second attempt."""
    with closing(SQLiteStore(data_dir)) as store:
        store.open()
        for number, record in enumerate(records, start=1):
            applied = (Applied(run_id="r1", attempt=2, seq=25),) if number == 1 else ()
            store.commit(
                Commit(revision=Revision(number=number, time=NOON), records=(record,), applied=applied)
            )


def test_an_attempt_that_is_under_way_is_applied_as_far_as_was_saved(tmp_path: Path) -> None:
    _keep(tmp_path, UNDER_WAY)
    assert applied_in(tmp_path) == {"r1": (2, 25)}


def test_a_failed_attempt_counts_no_more_while_its_run_waits(tmp_path: Path) -> None:
    waiting = replace(UNDER_WAY, run=replace(UNDER_WAY.run, status=RunStatus.PENDING, agent_id=""))
    _keep(tmp_path, UNDER_WAY, waiting)
    assert applied_in(tmp_path) == {"r1": (3, 0)}


def test_a_failed_attempt_counts_no_more_when_its_run_ended_while_it_waited(tmp_path: Path) -> None:
    cancelled = replace(UNDER_WAY, run=replace(UNDER_WAY.run, status=RunStatus.CANCELLED, agent_id=""))
    _keep(tmp_path, UNDER_WAY, cancelled)
    assert applied_in(tmp_path) == {"r1": (3, 0)}
