"""What `self.work.run(...)` does in a flow: it asks the ledger, and runs nothing itself."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from flowrpc.component import iteration, schedule
from flowrpc.component.calls import Unwind
from flowrpc.component.component import Component
from flowrpc.component.flow import LightningFlow
from flowrpc.component.framework_vars import set_framework_var
from flowrpc.component.work import LightningWork
from flowrpc.errors import WorkRunError
from flowrpc.flow_service.ledger import Ledger
from flowrpc.flow_service.schedules import Schedules
from flowrpc.state import Remove, Set, Splice, Value, canonical_key
from flowrpc.state.records import START_CALL, Failure, FailureReason, Run, RunRecord, RunStatus, Tally
from flowrpc.state.work_facts import STOPPED_AT

logger = logging.getLogger(__name__)

STOPPED = Failure(reason=FailureReason.CANCELLED, message="the flow stopped the work")


class FlowCalls:
    """Answers the calls of works that a transition makes, by the rules of the component model.

    A call whose run has ended passes; one whose run has not ended unwinds the pass, if the work is blocking. With
    `cache_calls=False` each ended run lets one call pass, in a pass that is not unwound after it.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._in_pass = False
        self._now: datetime | None = None
        self._begun_at = 0
        self._passed: list[str] = []
        self._unwound_at = ""
        self._unmet: dict[str, None] = {
            record.run.run_id: None
            for record in ledger.all()
            if record.run.status is RunStatus.FAILED and not record.failure_met and not record.consumed
        }
        self.addresses_of: Callable[[str], tuple[str, str]] = _no_addresses
        """Returns the addresses of the host that executes a work."""
        self.stopped: list[tuple[LightningWork, str]] = []
        """Works whose process is to end because the flow stopped or removed them, with the names they had."""
        self.tree_changed = False
        """Whether components came or went."""
        self.schedules = Schedules()
        """What wakes the loop when a schedule of a flow is due."""
        self._fired: dict[tuple[LightningFlow, str], None] = {}
        self._iterated: dict[LightningFlow, None] = {}

    def begin(self, *, in_pass: bool, now: datetime, mark: int) -> None:
        """Begins a transition; the log of changes has `mark` entries before it."""
        self._in_pass = in_pass
        self._begun_at = mark
        self._now = now
        self._passed.clear()
        self._unwound_at = ""

    def complete_pass(self) -> None:
        """Ends a pass that was not unwound: calls that passed ask for a new run next time."""
        if self._unwound_at:
            logger.warning(
                "the call at %s waits for its run, but the pass went on after it: something swallowed the "
                "BaseException that unwinds the pass (a bare `except:`, or `return` in `finally`)",
                self._unwound_at,
            )
        self.consume_calls(0)
        self.end()

    def end(self) -> None:
        """Ends a transition that stands: schedules that were True are no more, where loops are is recorded."""
        for flow, key in self._fired:
            schedule.consume(flow, key)
        for flow in self._iterated:
            iteration.record(flow)
        self._fired.clear()
        self._iterated.clear()

    def discard(self) -> None:
        """Forgets what schedules and loops did in a transition that is undone."""
        for flow in self._iterated:
            iteration.discard(flow)
        self._iterated.clear()
        self._fired.clear()
        self.schedules.refresh()

    def note_failure(self, run_id: str) -> None:
        """Notes a run that failed: the flow is to meet it."""
        self._unmet[run_id] = None

    def take_unmet(self) -> list[str]:
        """Returns the failed runs that no call has met, oldest first, and forgets them."""
        unmet = list(self._unmet)
        self._unmet.clear()
        return unmet

    def let_failed_run_again(self) -> None:
        """Lets the calls of failed runs ask for new ones: the app ended since."""
        for record in list(self._ledger.all()):
            if record.run.status is RunStatus.FAILED and not record.consumed:
                self._ledger.put(replace(record, consumed=True))
        self._unmet.clear()

    # CallContext, what components see

    def call(self, work: LightningWork, args: tuple[Value, ...], kwargs: dict[str, Value]) -> None:
        """Asks for a run, or looks up what became of it.

        Raises:
            Unwind: The pass has to wait.
            WorkRunError: The run failed, and the work's failures raise.
        """
        key = canonical_key(list(args), kwargs)
        record = self._ledger.latest_for(work.name, key)
        if record is None or _starts_again(work, record):
            assert self._now is not None, "calls are made in transitions"
            # Runs that failed stay in the history; of runs without a cache there would be no end.
            replaced = record if record is not None and record.run.status is RunStatus.SUCCEEDED else None
            record = self._ledger.request(work.name, key, args, kwargs, at=self._now, replaces=replaced)
            _note_asked(work)
        if not record.run.status.terminal:
            self._wait(work, record.run)
        elif record.run.status is RunStatus.SUCCEEDED:
            self._pass(work, record)
        else:
            self._meet_failure(work, record)

    def latest(self, work: LightningWork) -> Run | None:
        """Returns the newest run."""
        return self._ledger.latest(work.name)

    def recent(self, work: LightningWork) -> Sequence[Run]:
        """Returns unfinished runs and the newest ended ones, oldest first."""
        return self._ledger.recent(work.name)

    def tally(self, work: LightningWork) -> Tally:
        """Tells how the runs ended."""
        return self._ledger.tally(work.name)

    def addresses(self, work: LightningWork) -> tuple[str, str]:
        """Returns the internal and the public address of the host that executes the work; empty if unknown."""
        return self.addresses_of(work.name)

    def start(self, work: LightningWork) -> None:
        """Starts the process, unless it was started and not stopped since."""
        assert self._now is not None, "works are started in transitions"
        record = self._ledger.latest_for(work.name, START_CALL)
        if record is not None and not (record.consumed and record.run.status.terminal):
            return
        self._ledger.request(work.name, START_CALL, (), {}, at=self._now, replaces=record)
        _note_asked(work)

    def stop(self, work: LightningWork) -> None:
        """Cancels the runs and ends the process."""
        assert self._now is not None, "works are stopped in transitions"
        for record in self._ledger.queue(work.name):
            self._ledger.end(record, RunStatus.CANCELLED, self._now, STOPPED, consumed=True)
        latest = self._ledger.latest(work.name)
        newest = self._ledger.record(latest.run_id) if latest else None
        if newest is not None and newest.run.status is RunStatus.FAILED:
            self._ledger.put(replace(newest, consumed=True))
        self._ledger.consume_start(work.name)
        if newest is not None and newest.run.status is not RunStatus.CANCELLED and not work._stopped_at:
            set_framework_var(work, STOPPED_AT, self._now.timestamp())
        self.stopped.append((work, work.name))

    def changed_vars(self, component: Component) -> dict[str, None]:
        """Names the vars of a component that the transition has changed so far."""
        log = component._log
        entries = log.entries[self._begun_at :] if log is not None else []
        changes = (change for owner, change, _ in entries if owner is component)
        return {str(change.path[0]): None for change in changes if isinstance(change, Set | Remove | Splice)}

    def now(self) -> datetime:
        """Returns the time of the transition."""
        assert self._now is not None, "flows run in transitions"
        return self._now

    def rescheduled(self, flow: LightningFlow) -> None:
        """Notes that another instant of a schedule is due."""
        self.schedules.change(flow)

    def fired(self, flow: LightningFlow, key: str) -> None:
        """Notes that a schedule was True: it stays so for the rest of the transition."""
        self._fired[(flow, key)] = None

    def iterated(self, flow: LightningFlow) -> None:
        """Notes that a loop moved."""
        self._iterated[flow] = None

    def calls_passed(self) -> int:
        """Counts the calls that passed."""
        return len(self._passed)

    def consume_calls(self, mark: int) -> None:
        """Makes calls that passed ask for a new run next time."""
        for run_id in self._passed[mark:]:
            record = self._ledger.record(run_id)
            if record is not None and not record.consumed:
                self._ledger.put(replace(record, consumed=True))
        del self._passed[mark:]

    def placed(self) -> None:
        """Notes that components came."""
        self.tree_changed = True

    def displaced(self, components: Iterable[Component]) -> None:
        """Notes that components went: works among them are stopped and forgotten."""
        self.tree_changed = True
        for component in components:
            if isinstance(component, LightningWork):
                self._ledger.forget_work(component.name)
                self.stopped.append((component, component.name))

    def _wait(self, work: LightningWork, run: Run) -> None:
        if work.parallel or not self._in_pass:
            return
        self._unwound_at = _caller()
        raise Unwind(f"waiting for run {run.run_id} of {work.name}")

    def _pass(self, work: LightningWork, record: RunRecord) -> None:
        if not work.cache_calls and not work.parallel and self._in_pass:
            self._passed.append(record.run.run_id)

    def _meet_failure(self, work: LightningWork, record: RunRecord) -> None:
        self._unmet.pop(record.run.run_id, None)
        if not record.failure_met:
            self._ledger.put(replace(record, failure_met=True))
        failure = record.run.failure
        if record.run.status is RunStatus.CANCELLED and work.parallel:
            return  # somebody's decision, which the flow sees in the work's status
        if work.raise_exception and failure is not None:
            raise WorkRunError(work.name, failure.type, failure.message, failure.traceback)


def was_stopped(work: LightningWork, latest: Run) -> bool:
    """Tells whether the flow stopped a work and has asked nothing of it since."""
    return bool(work._stopped_at) or latest.failure == STOPPED


def _note_asked(work: LightningWork) -> None:
    """Notes that something was asked for since the work was stopped."""
    if work._stopped_at:
        set_framework_var(work, STOPPED_AT, 0.0)


def _no_addresses(work: str) -> tuple[str, str]:
    return "", ""


def _starts_again(work: LightningWork, record: RunRecord) -> bool:
    """Tells whether a call whose run has ended asks for a new one."""
    if record.consumed:
        return record.run.status.terminal
    return record.run.status is RunStatus.SUCCEEDED and not work.cache_calls and work.parallel


def _caller() -> str:
    """Names the line of user code that called `work.run`."""
    frame = sys._getframe(1)
    while frame.f_back is not None and "flowrpc" in frame.f_globals.get("__name__", ""):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"
