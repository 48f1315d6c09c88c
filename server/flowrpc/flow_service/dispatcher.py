"""The dispatcher: which agent executes which run, and what becomes of each attempt."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

from flowrpc.component.needs import demand_of
from flowrpc.component.work import LightningWork
from flowrpc.flow_service.attempts import (
    FOREVER,
    Attempt,
    apply_delta,
    attempt_of,
    cancellation,
    missed_changes,
    note_flow_change,
    start_message,
    take_back,
    times_out_at,
)
from flowrpc.flow_service.capacity import Capacity
from flowrpc.flow_service.effects import Send
from flowrpc.flow_service.instant import Instant
from flowrpc.flow_service.ledger import Ledger
from flowrpc.flow_service.sessions import LOCAL_AGENT, Session, Sessions
from flowrpc.flow_service.waiting import WaitingReasons
from flowrpc.flow_service.work_processes import STOP_GRACE, WorkProcesses
from flowrpc.protocol.answers import AgentInfo
from flowrpc.protocol.messages import (
    Accepted,
    Ack,
    Fence,
    Finished,
    HeldAttempt,
    HeldVerdict,
    Hello,
    Nack,
    NackReason,
    Rejected,
    VarsChanged,
    Verdict,
    WorkDelta,
)
from flowrpc.state import Change
from flowrpc.state.records import Failure, FailureReason, RunRecord, RunStatus
from flowrpc.store.interface import Applied

logger = logging.getLogger(__name__)

GRACE_MARGIN = timedelta(seconds=10)
"""How much longer than an agent the flow waits before it takes an unreachable attempt for dead: a lease, because the
agent may have heard of the flow for the last time that much later, and time to kill."""
_FINAL = (FailureReason.CANCELLED, FailureReason.BROKEN_RULE, FailureReason.NOT_BUILT)
"""Failures that another attempt would only repeat, or that somebody wanted."""
_NOTHING_DONE: dict[str, Any] = {"begin_vars": {}, "flow_changes": {}, "cancel_grace": None, "applied_seq": 0}
"""What is recorded of an attempt that has not begun."""


class Dispatcher:
    """Hands runs to agents and follows their attempts until they end.

    Args:
        ledger: The runs.
        sessions: The streams that are open.
        emit: Takes effects.
        find_work: Finds a work of the tree by name; None if it is gone.
        on_failed: Is told the id of each run that fails.
        epoch: The life of this flow service.
    """

    def __init__(
        self,
        ledger: Ledger,
        sessions: Sessions,
        emit: Callable[..., None],
        find_work: Callable[[str], LightningWork | None],
        *,
        on_failed: Callable[[str], None],
        epoch: int,
    ) -> None:
        self._ledger = ledger
        self._sessions = sessions
        self._emit = emit
        self._find_work = find_work
        self._capacity = Capacity(sessions)
        self._reasons = WaitingReasons(sessions)
        self._on_failed = on_failed
        self.processes = WorkProcesses(ledger, sessions, emit, find_work)
        """The processes of the works."""
        self._attempts: dict[str, Attempt] = {}
        self._pausing: dict[str, float] = {}
        """By run: the monotonic time before which it is not tried again."""
        self._changes_told = epoch << 32
        self.dispatch_due = True
        """Whether a run may have to be handed to an agent."""
        self._applied: dict[str, None] = {}
        """Attempts whose sequence number grew since the last revision."""

    def recover(self, now: Instant, *, orderly: bool) -> None:
        """Takes up the attempts of an earlier life: their agents may still hold them, but for the local one.

        Args:
            now: When this life begins.
            orderly: Whether the app was stopped, so that nobody need be warned of what it was doing.
        """
        for record in list(self._ledger.unfinished()):
            if not record.run.agent_id:
                continue
            work = self._find_work(record.run.work)
            if work is None:
                self._ledger.forget(record.run.run_id)
                continue
            attempt = attempt_of(record, work, now)
            self._attempts[record.run.run_id] = attempt
            if attempt.agent_id == LOCAL_AGENT:
                self.lose(attempt, "the app ended", now, logging.INFO if orderly else logging.WARNING)
        self._recover_idle(now)

    def _recover_idle(self, now: Instant) -> None:
        """Takes up processes that have nothing to do, of works that do not keep theirs for ever."""
        busy = self.busy_works()
        for name in {record.run.work for record in self._ledger.all()} - busy.keys():
            work, latest = self._find_work(name), self._ledger.latest(name)
            if work is not None and latest is not None and latest.agent_id not in ("", LOCAL_AGENT):
                self.processes.found(work, latest.agent_id, now)

    def dispatch(self) -> bool:
        """Hands the oldest unfinished run of each work to an agent, if one can take it.

        Returns:
            Whether a run waits for another reason than before, which the flow can see.
        """
        self.dispatch_due = False
        self._capacity.begin_round(self._attempts.values())
        changed = [self._place(record, work) for record, work in self._without_agent()]
        return any(changed)

    def _without_agent(self) -> list[tuple[RunRecord, LightningWork]]:
        """Returns the runs that may begin now, oldest first."""
        found = []
        for name in self._ledger.works_with_unfinished():
            record = next(self._ledger.queue(name))
            work = self._find_work(name)
            run_id = record.run.run_id
            if work is not None and run_id not in self._attempts and run_id not in self._pausing:
                found.append((record, work))
        return sorted(found, key=lambda pair: pair[0].ordinal)

    def _place(self, record: RunRecord, work: LightningWork) -> bool:
        """Starts a run, or notes why it waits; returns whether that is another reason than before."""
        name, demand = work.name, demand_of(work)
        able = self._sessions.able(name, demand)
        session = self._capacity.choose(
            record.run.run_id, able, name, self.processes.host_of(name), demand.resources
        )
        if session is not None:
            self._reasons.forget(name)
            self._start(record, work, session)
            return False
        reason = self._reasons.of(name, demand, able=bool(able))
        if reason == record.run.pending_reason:
            return False
        self._ledger.put(replace(record, run=replace(record.run, pending_reason=reason)))
        return True

    def cancel(self, record: RunRecord, grace: timedelta, now: Instant) -> None:
        """Cancels a run that has not ended: at its agent, or at once if none is there that holds it."""
        attempt = self._attempts.get(record.run.run_id)
        if attempt is not None and attempt.session is not None:
            attempt.cancel_grace = grace
            self._persist(attempt)  # an agent that does not hear it is told again
            self._emit(Send(attempt.session, cancellation(attempt, grace)))
            return
        self._attempts.pop(record.run.run_id, None)
        self._pausing.pop(record.run.run_id, None)
        self._end_cancelled(record, "before it ran" if attempt is None else "while its agent was away", now)

    def stop_work(self, work: LightningWork, name: str) -> None:
        """Ends the process of a work, whose runs were ended before."""
        for run_id in [run_id for run_id, attempt in self._attempts.items() if attempt.work is work]:
            self._capacity.begin_end(self._attempts.pop(run_id))
        self._reasons.forget(name)
        self.processes.stop(name)

    def busy_works(self) -> dict[str, Attempt]:
        """Returns the attempt that is under way of each work that has one."""
        return {attempt.work.name: attempt for attempt in self._attempts.values()}

    def agents(self) -> tuple[AgentInfo, ...]:
        """Describes the attached agents, by name."""
        loads = self._capacity.loads(self._attempts.values())
        infos = [
            AgentInfo(
                agent_id=session.hello.agent_id,
                host=session.hello.host,
                pid=session.hello.pid,
                version=session.hello.version,
                works=session.hello.works,
                capacity=session.hello.capacity,
                attempt_count=loads[session.number].attempts,
                resources=session.hello.resources,
                taken=loads[session.number].taken,
                labels=session.hello.labels,
                draining=session.draining,
            )
            for session in self._sessions.all()
        ]
        return tuple(sorted(infos, key=lambda info: info.agent_id))

    def ask_again(self, number: int) -> None:
        """Has an agent send again what it has of its attempts and was not applied."""
        for attempt in self._attempts.values():
            if attempt.session == number:
                self._ask_again(attempt)

    def tell_changes(self, attempt: Attempt, changes: list[Change]) -> None:
        """Tells the runner of a work what the flow changed in its vars."""
        self._tell_vars(attempt, tuple(changes))

    @property
    def owes_acks(self) -> bool:
        """Whether deltas wait to be acknowledged."""
        return bool(self._applied)

    def take_applied(self) -> tuple[Applied, ...]:
        """Returns the sequence numbers that the next revision makes durable, and acknowledges them with it."""
        applied = []
        for run_id in self._applied:
            attempt = self._attempts.get(run_id)
            if attempt is not None:
                applied.append(Applied(run_id=run_id, attempt=attempt.number, seq=attempt.applied_seq))
                self._send_ack(attempt)
        self._applied.clear()
        return tuple(applied)

    def cancel_all(self) -> None:
        """Ends every attempt, because the app has ended; user code may clean up."""
        for attempt in self._attempts.values():
            if attempt.session is not None:
                self._emit(Send(attempt.session, cancellation(attempt, STOP_GRACE)))

    # What agents do

    def suspect(self, number: int, now: Instant) -> None:
        """Notes that a stream ended: its attempts may still be under way."""
        self._capacity.forget(number)
        self.dispatch_due = True  # what waits may wait for another reason now
        for attempt in self._attempts.values():
            if attempt.session == number:
                attempt.session, attempt.suspect_since, attempt.extended = None, now.monotonic, False

    def resume(self, hello: Hello, number: int, now: Instant) -> None:
        """Goes on with an agent after its verdicts: tells what it missed, and decides on what it does not hold."""
        self.dispatch_due = True
        for attempt in list(self._attempts.values()):
            if attempt.session == number:
                self._tell_missed(attempt, number)
            elif attempt.agent_id == hello.agent_id and attempt.session != number:
                self._reconcile_absent(attempt, hello, number, now)

    def lose_all(self, why: str, held: Callable[[Attempt], bool], now: Instant) -> None:
        """Takes attempts for dead."""
        for attempt in [attempt for attempt in self._attempts.values() if held(attempt)]:
            self.lose(attempt, why, now)

    def extend(self, seconds: float) -> None:
        """Gives agents that are away more time."""
        for attempt in self._attempts.values():
            if attempt.suspect_since is not None and not attempt.extended:
                attempt.extended = True
                attempt.suspect_since += seconds

    def tick(self, now: Instant) -> None:
        """Gives up attempts that were away or took too long, and tries again what paused for long enough."""
        for attempt in list(self._attempts.values()):
            if self._overdue(attempt) <= now.monotonic:
                away = f"its agent {attempt.agent_id} was away for longer than its orphan_grace"
                self.lose(attempt, away, now)
            elif attempt.times_out_at <= now.monotonic:
                self._time_out(attempt)
        for run_id in [run_id for run_id, time in self._pausing.items() if time <= now.monotonic]:
            del self._pausing[run_id]
            self.dispatch_due = True
        self.processes.tick(now)

    def deadlines(self) -> Iterator[float]:
        """Yields the monotonic times at which `tick` has something to do."""
        for attempt in self._attempts.values():
            yield self._overdue(attempt)
            yield attempt.times_out_at
        yield from self._pausing.values()
        yield from self.processes.deadlines()

    def judge(self, held: HeldAttempt, hello: Hello, number: int, now: Instant) -> HeldVerdict:
        """Says what becomes of an attempt that an agent holds, and follows it on its new stream if it goes on."""
        record = self._ledger.record(held.run_id)
        attempt = self._attempts.get(held.run_id)
        verdict, seq = Verdict.FENCED, 0
        if record is None:
            verdict = Verdict.UNKNOWN
        elif attempt is not None and (attempt.number, attempt.agent_id) == (held.attempt, hello.agent_id):
            attempt.session, attempt.suspect_since, attempt.boot_id = number, None, hello.boot_id
            attempt.asked_above = None
            verdict, seq = Verdict.CONTINUE, attempt.applied_seq
            self._note_begun(attempt, now)  # that it was accepted may not have been heard
        elif record.run.attempt == held.attempt and record.applied_seq >= held.last_seq > 0:
            verdict, seq = Verdict.CONTINUE, record.applied_seq  # it ended; only the last Ack was lost
        return HeldVerdict(run_id=held.run_id, attempt=held.attempt, verdict=verdict, applied_seq=seq)

    def accept(self, session: Session, message: Accepted, now: Instant) -> None:
        """Notes that an agent took an attempt."""
        attempt = self._find(session, message.run_id, message.attempt)
        if attempt is not None:
            self._note_begun(attempt, now)

    def reject(self, session: Session, message: Rejected, now: Instant) -> None:
        """Ends a run that an agent cannot execute."""
        self._give_back(message.run_id, message.attempt)
        attempt = self._find(session, message.run_id, message.attempt)
        if attempt is not None:
            self._end(attempt, message.failure, now, 0)

    def apply(self, session: Session, delta: WorkDelta) -> None:
        """Takes what a work changed."""
        attempt = self._find(session, delta.run_id, delta.attempt)
        if attempt is None or not self._in_order(attempt, delta):
            return
        known = len(attempt.begin_vars)
        for nack in apply_delta(attempt, delta):
            self._emit(Send(session.number, nack))
        attempt.applied_seq, attempt.base = delta.seq, max(attempt.base, delta.base)
        self._acknowledge(attempt)
        if len(attempt.begin_vars) != known:
            self._persist(attempt)

    def finish(self, session: Session, message: Finished, now: Instant) -> None:
        """Takes the end of an attempt."""
        self._give_back(message.run_id, message.attempt)
        attempt = self._find(session, message.run_id, message.attempt)
        if attempt is not None and self._in_order(attempt, message):
            self._emit(
                Send(session.number, Ack(run_id=message.run_id, attempt=message.attempt, seq=message.seq))
            )
            self._end(attempt, message.failure, now, message.seq)

    def lose(self, attempt: Attempt, why: str, now: Instant, level: int = logging.WARNING) -> None:
        """Takes an attempt for dead: its run waits for another one, unless it was to be cancelled."""
        cancelled = attempt.cancel_grace is not None
        fate = "was to be cancelled" if cancelled else "will be made again"
        facts = (attempt.number, attempt.run_id, attempt.work.name, fate)
        logger.log(level, "attempt %d of run %s of %s is lost and %s: %s", *facts, why)
        del self._attempts[attempt.run_id]
        self.processes.silence(attempt.work.name)
        record = self._ledger.record(attempt.run_id)
        if record is None or record.run.status.terminal:
            return
        if cancelled:
            self._end_cancelled(record, f"and lost: {why}", now)
        else:
            self._wait_again(attempt, record)

    # Inside

    def _tell_missed(self, attempt: Attempt, number: int) -> None:
        """Tells an agent that is back what it may not have heard: what the flow changed, and that it is to end.

        What is told of a var counts as changed now. So what the work had changed inside it without having heard that
        is refused when it comes, and sent whole: otherwise each side would have what the other had before.
        """
        changes = missed_changes(attempt)
        if changes:
            self._tell_vars(attempt, changes)
        grace = STOP_GRACE if attempt.timed_out else attempt.cancel_grace
        if grace is not None:
            self._emit(Send(number, cancellation(attempt, grace)))

    def _tell_vars(self, attempt: Attempt, changes: tuple[Change, ...]) -> None:
        self._changes_told += 1  # larger in every message, over all lives
        for change in changes:
            note_flow_change(attempt, str(change.path[0]), self._changes_told)
        self._persist(attempt)  # with the changes, so that they are told even if this life ends before
        if attempt.session is not None:
            self._send_ack(attempt)  # so that the runner knows which of its own changes came before these
            message = VarsChanged(work=attempt.work.name, number=self._changes_told, changes=changes)
            self._emit(Send(attempt.session, message))

    def _note_begun(self, attempt: Attempt, now: Instant) -> None:
        record = self._ledger.record(attempt.run_id)
        if record is not None and record.run.status is RunStatus.PENDING:
            run = replace(record.run, status=RunStatus.RUNNING, started_at=now.wall)
            self._ledger.put(replace(record, run=run))
            attempt.times_out_at = times_out_at(attempt.work, run.started_at, now)

    def _reconcile_absent(self, attempt: Attempt, hello: Hello, number: int, now: Instant) -> None:
        """Decides on an attempt that its agent does not hold: it never got it, or lost it."""
        record = self._ledger.record(attempt.run_id)
        never_got_it = record is not None and record.run.status is RunStatus.PENDING
        if record is not None and never_got_it and attempt.boot_id == hello.boot_id and not hello.draining:
            attempt.session, attempt.suspect_since, attempt.asked_above = number, None, None
            self._emit(Send(number, start_message(record, attempt, self._changes_told)))
        else:
            self.lose(attempt, f"its agent {attempt.agent_id} does not hold it any more", now)

    def _find(self, session: Session, run_id: str, number: int) -> Attempt | None:
        """Returns the attempt that a frame speaks of; fences one that is no longer wanted."""
        attempt = self._attempts.get(run_id)
        if attempt is not None and (attempt.number, attempt.session) == (number, session.number):
            return attempt
        self._give_back(run_id, number)  # the agent kills it at once
        self._emit(Send(session.number, Fence(run_id=run_id, attempt=number)))
        return None

    def _give_back(self, run_id: str, number: int) -> None:
        if self._capacity.end(run_id, number):
            self.dispatch_due = True

    def _in_order(self, attempt: Attempt, frame: WorkDelta | Finished) -> bool:
        """Accepts the next frame of an attempt, acknowledges an old one again and asks for a missing one."""
        if frame.seq == attempt.applied_seq + 1:
            return True
        if frame.seq <= attempt.applied_seq:
            self._acknowledge(attempt)
        elif (
            attempt.asked_above != attempt.applied_seq
        ):  # else what is missing was asked for, and is on its way
            self._ask_again(attempt)
        return False

    def _ask_again(self, attempt: Attempt) -> None:
        if attempt.session is not None:
            attempt.asked_above = attempt.applied_seq
            nack = Nack(
                run_id=attempt.run_id, attempt=attempt.number, seq=attempt.applied_seq, reason=NackReason.GAP
            )
            self._emit(Send(attempt.session, nack))

    def _send_ack(self, attempt: Attempt) -> None:
        if attempt.session is not None and attempt.ack_due:
            attempt.ack_due = False
            ack = Ack(run_id=attempt.run_id, attempt=attempt.number, seq=attempt.applied_seq)
            self._emit(Send(attempt.session, ack))

    def _acknowledge(self, attempt: Attempt) -> None:
        attempt.ack_due = True
        self._applied[attempt.run_id] = None

    def _end(self, attempt: Attempt, failure: Failure | None, now: Instant, seq: int) -> None:
        """Ends an attempt, and its run unless it is tried again."""
        del self._attempts[attempt.run_id]
        self.processes.idle(attempt.work, now)
        record = self._ledger.record(attempt.run_id)
        if record is None or record.run.status.terminal:
            return
        if attempt.timed_out and failure is not None and failure.reason is FailureReason.CANCELLED:
            message = f"the attempt took longer than the work's timeout, {attempt.work._timeout}"
            failure = Failure(reason=FailureReason.TIMED_OUT, message=message)
            record = replace(record, timeouts=record.timeouts + 1)
        if failure is not None and _is_tried_again(attempt, failure):
            self._try_later(attempt, record, failure, now)
            return
        if failure is not None and _ended_with_others(attempt, failure):
            self._wait_again(attempt, record)
            return
        started = record.run.started_at or now.wall
        record = replace(record, run=replace(record.run, started_at=started))
        self._ledger.end(record, _status_after(failure), now.wall, failure, applied_seq=seq)
        if _status_after(failure) is RunStatus.FAILED:
            self._log_failure(attempt, failure)
            self._on_failed(attempt.run_id)

    def _log_failure(self, attempt: Attempt, failure: Failure | None) -> None:
        text = failure.traceback.rstrip() or failure.message if failure is not None else ""
        facts = {"component": attempt.work.name, "run_id": attempt.run_id}
        logger.error("run %s of %s failed: %s", attempt.run_id, attempt.work.name, text, extra=facts)

    def _try_later(self, attempt: Attempt, record: RunRecord, failure: Failure, now: Instant) -> None:
        """Makes a run that failed wait for another attempt, which begins with the vars that this one began with."""
        assert attempt.work._retry is not None, "otherwise it is not tried again"
        pause = attempt.work._retry.pause_after(attempt.number)
        logger.warning(
            "attempt %d of run %s failed: %s; trying again in %s",
            *(attempt.number, attempt.run_id, failure.message, pause),
        )
        self._pausing[attempt.run_id] = now.monotonic + pause.total_seconds()
        self._wait_again(attempt, record)

    def _time_out(self, attempt: Attempt) -> None:
        attempt.timed_out, attempt.times_out_at = True, FOREVER
        if attempt.session is not None:
            self._emit(Send(attempt.session, cancellation(attempt, STOP_GRACE)))

    def _overdue(self, attempt: Attempt) -> float:
        if attempt.suspect_since is None:
            return float("inf")
        return attempt.suspect_since + (attempt.grace + GRACE_MARGIN).total_seconds()

    def _wait_again(self, attempt: Attempt, record: RunRecord) -> None:
        take_back(attempt)
        run = replace(record.run, status=RunStatus.PENDING, agent_id="", started_at=None)
        self._ledger.put(replace(record, run=run, boot_id="", **_NOTHING_DONE))

    def _start(self, record: RunRecord, work: LightningWork, session: Session) -> None:
        hello = session.hello
        run = replace(record.run, attempt=record.run.attempt + 1, agent_id=hello.agent_id, pending_reason="")
        record = replace(record, run=run, boot_id=hello.boot_id, **_NOTHING_DONE)
        self._ledger.put(record)
        attempt = Attempt(
            run_id=run.run_id,
            number=run.attempt,
            work=work,
            agent_id=hello.agent_id,
            boot_id=hello.boot_id,
            session=session.number,
        )
        self._attempts[run.run_id] = attempt
        self.processes.busy(work, hello.agent_id)
        self._emit(Send(session.number, start_message(record, attempt, self._changes_told)))

    def _persist(self, attempt: Attempt) -> None:
        record = self._ledger.record(attempt.run_id)
        if record is not None:
            self._ledger.put(
                replace(
                    record,
                    begin_vars=dict(attempt.begin_vars),
                    flow_changes=dict(attempt.flow_changes),
                    cancel_grace=attempt.cancel_grace,
                    applied_seq=attempt.applied_seq,
                )
            )

    def _end_cancelled(self, record: RunRecord, when: str, now: Instant) -> None:
        failure = Failure(reason=FailureReason.CANCELLED, message=f"cancelled {when}")
        self._ledger.end(record, RunStatus.CANCELLED, now.wall, failure)


def _status_after(failure: Failure | None) -> RunStatus:
    if failure is None:
        return RunStatus.SUCCEEDED
    return RunStatus.CANCELLED if failure.reason is FailureReason.CANCELLED else RunStatus.FAILED


def _ended_with_others(attempt: Attempt, failure: Failure) -> bool:
    """Tells whether a run was cancelled though nobody wanted it to end: its app was stopped, or its agent."""
    return (
        failure.reason is FailureReason.CANCELLED and attempt.cancel_grace is None and not attempt.timed_out
    )


def _is_tried_again(attempt: Attempt, failure: Failure) -> bool:
    retry = attempt.work._retry
    if retry is None or attempt.cancel_grace is not None:
        return False
    return attempt.number < retry.attempts and failure.reason not in _FINAL
