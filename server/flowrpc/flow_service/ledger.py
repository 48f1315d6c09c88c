"""The ledger: which runs the flow asked for, and what became of them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import astuple, replace
from datetime import datetime
from itertools import islice
from typing import Any

from flowrpc.errors import LedgerFullError
from flowrpc.state import Value
from flowrpc.state.records import NO_RUNS, START_CALL, Failure, Run, RunRecord, RunStatus, Tally

MAX_RUNS_PER_WORK = 1_000_000
RECENT_RUNS = 20
"""How many ended runs of a work its state shows."""


class WorkLedger:
    """The runs of one work."""

    __slots__ = ("by_key", "forgotten", "kept", "runs", "unfinished")

    def __init__(self) -> None:
        self.by_key: dict[str, str] = {}
        """The newest run of each call key."""
        self.runs: OrderedDict[str, None] = OrderedDict()
        """All runs, oldest first."""
        self.unfinished: OrderedDict[str, None] = OrderedDict()
        """Runs that have not ended, oldest first: the queue of the work."""
        self.kept = NO_RUNS
        """How the runs ended that are kept."""
        self.forgotten = NO_RUNS
        """How the runs ended that are no longer kept."""


class Ledger:
    """Keeps the record of every run, by id and by the work's arguments.

    Every change goes through `put` or `forget`, which note it for the open revision and for undoing the transition.
    """

    def __init__(self, records: Iterable[RunRecord], *, id_prefix: str) -> None:
        """Begins with the records of earlier lives; new run ids get the prefix."""
        self._records: dict[str, RunRecord] = {}
        self._works: dict[str, WorkLedger] = {}
        self._id_prefix = id_prefix
        self._next_ordinal = 1
        self._before: list[tuple[str, RunRecord | None, Tally]] = []
        for record in records:
            self._insert(record)
            self._works[record.run.work].forgotten = max(
                record.forgotten, self._works[record.run.work].forgotten, key=astuple
            )

    def record(self, run_id: str) -> RunRecord | None:
        """Returns the record of a run."""
        return self._records.get(run_id)

    def latest_for(self, work: str, call_key: str) -> RunRecord | None:
        """Returns the newest run with these arguments."""
        ledger = self._works.get(work)
        run_id = ledger.by_key.get(call_key) if ledger else None
        return self._records[run_id] if run_id else None

    def latest(self, work: str) -> Run | None:
        """Returns the newest run of a work."""
        ledger = self._works.get(work)
        return self._records[next(reversed(ledger.runs))].run if ledger and ledger.runs else None

    def recent(self, work: str) -> list[Run]:
        """Returns the unfinished runs of a work and the newest ended ones, oldest first."""
        ledger = self._works.get(work)
        if ledger is None:
            return []
        newest = islice(reversed(ledger.runs), RECENT_RUNS)
        chosen = {*newest, *ledger.unfinished}
        return [record.run for record in sorted((self._records[i] for i in chosen), key=lambda r: r.ordinal)]

    def tally(self, work: str) -> Tally:
        """Tells how the runs of a work ended, those that are no longer kept included."""
        ledger = self._works.get(work)
        return ledger.kept.plus(ledger.forgotten) if ledger else NO_RUNS

    def queue(self, work: str) -> Iterator[RunRecord]:
        """Yields the unfinished runs of a work, oldest first."""
        ledger = self._works.get(work)
        for run_id in list(ledger.unfinished) if ledger else []:
            yield self._records[run_id]

    def works_with_unfinished(self) -> list[str]:
        """Names the works that have unfinished runs."""
        return [name for name, ledger in self._works.items() if ledger.unfinished]

    def unfinished(self) -> Iterator[RunRecord]:
        """Yields every unfinished run."""
        for work in self.works_with_unfinished():
            yield from self.queue(work)

    def all(self) -> Iterable[RunRecord]:
        """Returns every record."""
        return self._records.values()

    def request(
        self,
        work: str,
        call_key: str,
        args: tuple[Value, ...],
        kwargs: dict[str, Value],
        *,
        at: datetime,
        replaces: RunRecord | None = None,
    ) -> RunRecord:
        """Records a new run.

        Raises:
            LedgerFullError: The work has as many runs as are kept.
        """
        if replaces is not None:
            self.forget(replaces.run.run_id)
        ledger = self._works.get(work)
        if ledger is not None and len(ledger.runs) >= MAX_RUNS_PER_WORK:
            raise LedgerFullError(
                f"{work} was called with {MAX_RUNS_PER_WORK:,} different arguments, which is all that is kept; "
                "remove the work from its List or Dict and add a new one, or pass the varying part as a var"
            )
        run = Run(
            run_id=f"{self._id_prefix}-{self._next_ordinal}",
            work=work,
            call_key=call_key,
            args=args,
            kwargs=kwargs,
            requested_at=at,
        )
        forgotten = ledger.forgotten if ledger is not None else NO_RUNS
        record = RunRecord(run=run, ordinal=self._next_ordinal, forgotten=forgotten)
        self.put(record)
        return record

    def put(self, record: RunRecord) -> None:
        """Records a new or changed run."""
        self._note(record.run.run_id, record.run.work)
        self._insert(record)

    def forget(self, run_id: str) -> None:
        """Forgets a run; how it ended still counts."""
        record = self._records[run_id]
        self._note(run_id, record.run.work)
        self._remove(run_id)
        ledger = self._works[record.run.work]
        ledger.forgotten = ledger.forgotten.plus(record.tally)

    def end(
        self,
        record: RunRecord,
        status: RunStatus,
        at: datetime,
        failure: Failure | None = None,
        *,
        applied_seq: int = 0,
        **facts: Any,
    ) -> None:
        """Records that a run ended.

        Args:
            record: The run.
            status: How.
            at: When.
            failure: Why it did not succeed.
            applied_seq: The sequence number of the `Finished` that ended it; 0: its agent does not know of the end.
            facts: What else changes in the record.
        """
        run = replace(record.run, status=status, ended_at=at, failure=failure, pending_reason="")
        record = replace(record, begin_vars={}, flow_changes={}, cancel_grace=None, applied_seq=applied_seq)
        self.put(replace(record, run=run, **facts))

    def consume_start(self, work: str) -> None:
        """Notes that the process of a work is gone: the next `start` asks for a new one."""
        record = self.latest_for(work, START_CALL)
        if record is not None and not record.consumed:
            self.put(replace(record, consumed=True))

    def forget_work(self, work: str) -> None:
        """Forgets every run of a work that was removed, and how they ended: another work may get its name."""
        ledger = self._works.get(work)
        for run_id in list(ledger.runs) if ledger else []:
            self.forget(run_id)
        if ledger is not None:
            ledger.forgotten = NO_RUNS

    def changed(self) -> bool:
        """Whether anything was recorded since the last `take` or `undo`."""
        return bool(self._before)

    def mark(self) -> int:
        """Returns a mark that `undo` goes back to."""
        return len(self._before)

    def undo(self, mark: int) -> None:
        """Takes back everything since the mark."""
        while len(self._before) > mark:
            run_id, record, forgotten = self._before.pop()
            work = (record or self._records[run_id]).run.work
            if record is None:
                self._remove(run_id)
            elif run_id in self._records:
                self._insert(record)
            else:
                self._recall(record)
            self._works[work].forgotten = forgotten

    def take(self, on_put: Callable[[RunRecord], None], on_forget: Callable[[str], None]) -> None:
        """Tells what changed since the last time, each run once."""
        for run_id in dict.fromkeys(run_id for run_id, _, _ in self._before):
            record = self._records.get(run_id)
            if record is None:
                on_forget(run_id)
            else:
                on_put(record)
        self._before.clear()

    def _note(self, run_id: str, work: str) -> None:
        """Notes what `undo` needs."""
        ledger = self._works.get(work)
        forgotten = ledger.forgotten if ledger is not None else NO_RUNS
        self._before.append((run_id, self._records.get(run_id), forgotten))

    def _insert(self, record: RunRecord) -> None:
        run = record.run
        ledger = self._works.setdefault(run.work, WorkLedger())
        if run.run_id in self._records:
            ledger.kept = ledger.kept.minus(self._records[run.run_id].tally)
        ledger.kept = ledger.kept.plus(record.tally)
        self._records[run.run_id] = record
        ledger.runs.setdefault(run.run_id)
        ledger.by_key[run.call_key] = run.run_id
        self._next_ordinal = max(self._next_ordinal, record.ordinal + 1)
        if run.status.terminal:
            ledger.unfinished.pop(run.run_id, None)
        else:
            ledger.unfinished.setdefault(run.run_id)

    def _remove(self, run_id: str) -> None:
        record = self._records.pop(run_id)
        ledger = self._works[record.run.work]
        ledger.kept = ledger.kept.minus(record.tally)
        del ledger.runs[run_id]
        ledger.unfinished.pop(run_id, None)
        if ledger.by_key.get(record.run.call_key) == run_id:
            del ledger.by_key[record.run.call_key]

    def _recall(self, record: RunRecord) -> None:
        """Takes back that a run was forgotten; the runs stay in the order of their making."""
        self._insert(record)
        ledger = self._works[record.run.work]
        for queue in (ledger.runs, ledger.unfinished):
            for run_id in sorted(queue, key=lambda run_id: self._records[run_id].ordinal):
                queue.move_to_end(run_id)
