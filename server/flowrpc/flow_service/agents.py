"""Agents: who is attached, what they execute, and what becomes of attempts when one is silent or gone."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from flowrpc.component.work import LightningWork
from flowrpc.errors import CallError
from flowrpc.flow_service.attempts import Attempt, apply_delta, note_flow_change, take_back
from flowrpc.flow_service.effects import CloseSession, Send
from flowrpc.flow_service.instant import Instant
from flowrpc.flow_service.ledger import Ledger
from flowrpc.flow_service.sessions import LOCAL_AGENT, Session, Sessions
from flowrpc.protocol.messages import (
    Accepted,
    Ack,
    AgentMessage,
    Beat,
    Bye,
    CancelAttempt,
    Fence,
    Finished,
    HeldAttempt,
    HeldVerdict,
    Hello,
    Nack,
    NackReason,
    Rejected,
    StartRun,
    StopRunner,
    VarsChanged,
    Verdict,
    Welcome,
    WorkDelta,
)
from flowrpc.state import Change, Set, Value, untrack
from flowrpc.state.records import Failure, FailureReason, Recipe, RunRecord, RunStatus
from flowrpc.store.interface import Applied

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=5)
BEAT_INTERVAL = timedelta(seconds=1)
GRACE_MARGIN = timedelta(seconds=5)
"""How much longer than an agent the flow waits before it takes an unreachable attempt for dead."""
STOP_GRACE = timedelta(seconds=5)
FOREVER = float("inf")
_FINAL = (FailureReason.CANCELLED, FailureReason.BROKEN_RULE, FailureReason.NOT_BUILT)
"""Failures that another attempt would only repeat, or that somebody wanted."""


class Agents:
    """Hands runs to agents and follows their attempts.

    Args:
        ledger: The runs.
        emit: Takes effects; those with `at_once` wait on no revision.
        find_work: Finds a work of the tree by name; None if it is gone.
        on_failed: Is told the id of each run that fails.
        epoch: The life of this flow service.
        remote_works: Patterns of works that the local agent does not execute.
    """

    def __init__(
        self,
        ledger: Ledger,
        emit: Callable[..., None],
        find_work: Callable[[str], LightningWork | None],
        *,
        on_failed: Callable[[str], None],
        epoch: int,
        remote_works: tuple[str, ...] = (),
    ) -> None:
        self._ledger = ledger
        self._emit = emit
        self._find_work = find_work
        self._on_failed = on_failed
        self._epoch = epoch
        self._sessions = Sessions(remote_works)
        self._attempts: dict[str, Attempt] = {}
        self._pausing: dict[str, float] = {}
        """By run: the monotonic time before which it is not tried again."""
        self._hosts: dict[str, str] = {}
        """By work: the agent that has, or had last, its runner."""
        self._changes_told = epoch << 32
        self.dispatch_due = True
        """Whether a run may have to be handed to an agent."""
        self._applied: dict[str, None] = {}
        """Attempts whose sequence number grew since the last revision."""

    # Recovery

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
            attempt = _attempt_of(record, work, now)
            self._attempts[record.run.run_id] = attempt
            if attempt.agent_id == LOCAL_AGENT:
                self._lose(attempt, "the app ended", level=logging.INFO if orderly else logging.WARNING)

    # Streams

    def attach(self, number: int, hello: Hello, now: Instant) -> None:
        """Welcomes an agent; an older stream of the same agent is closed."""
        self.dispatch_due = True
        for old in self._sessions.of_agent(hello.agent_id):
            self._drop(old.number, now)
            self._close(old.number, "another agent of the same name attached; give each its own --agent-id")
        self._sessions.add(Session(number=number, hello=hello, last_seen=now.monotonic))
        verdicts = tuple(self._judge(held, hello, number) for held in hello.held)
        welcome = Welcome(lease=LEASE, beat_interval=BEAT_INTERVAL, epoch=self._epoch, verdicts=verdicts)
        self._emit(Send(number, welcome))
        for attempt in self._attempts.values():
            if attempt.session == number and attempt.flow_changes:
                self._tell_missed(attempt, number)
        for attempt in [
            a for a in self._attempts.values() if a.agent_id == hello.agent_id and a.session != number
        ]:
            self._reconcile_absent(attempt, hello, number)

    def detach(self, number: int, now: Instant) -> None:
        """Notes that a stream ended: its attempts are suspect, not dead."""
        self._drop(number, now)

    def exited(self, boot_id: str, now: Instant) -> None:
        """Takes what a process of an agent held for dead: it was seen to end."""
        for session in self._sessions.of_boot(boot_id):
            self._drop(session.number, now)
        for attempt in [a for a in self._attempts.values() if a.boot_id == boot_id]:
            self._lose(attempt, "its agent died")

    def spoke(self, number: int, message: AgentMessage, now: Instant) -> None:
        """Takes a frame."""
        session = self._sessions.get(number)
        if session is None:
            return  # the stream was closed; what was still under way on it is sent again on the next one
        session.last_seen = now.monotonic
        match message:
            case Beat():
                self._emit(Send(number, message), at_once=True)
            case Accepted():
                self._accept(session, message, now)
            case Rejected():
                self._reject(session, message, now)
            case WorkDelta():
                self._apply(session, message)
            case Finished():
                self._finish(session, message, now)
            case Bye():
                self._bye(session, now)
            case _:
                logger.warning(
                    "agent %s sent a %s out of place", session.hello.agent_id, type(message).__name__
                )

    def tick(self, now: Instant) -> None:
        """Closes silent streams and gives up attempts whose agent was away for too long."""
        for session in self._sessions.all():
            if now.monotonic - session.last_seen > LEASE.total_seconds():
                logger.warning("agent %s was silent for %s: suspect", session.hello.agent_id, LEASE)
                self._drop(session.number, now)
                self._close(session.number, f"silent for {LEASE.total_seconds():g} s")
        for attempt in list(self._attempts.values()):
            if self._overdue(attempt) <= now.monotonic:
                self._lose(attempt, f"its agent {attempt.agent_id} was away for longer than its orphan_grace")
            elif attempt.times_out_at <= now.monotonic:
                self._time_out(attempt)
        for run_id in [run_id for run_id, time in self._pausing.items() if time <= now.monotonic]:
            del self._pausing[run_id]
            self.dispatch_due = True

    def deadline(self) -> float | None:
        """Returns the monotonic time at which `tick` has something to do."""
        times = [session.last_seen + LEASE.total_seconds() for session in self._sessions.all()]
        for attempt in self._attempts.values():
            times += [self._overdue(attempt), attempt.times_out_at]
        times += self._pausing.values()
        earliest = min(times, default=FOREVER)
        return earliest if earliest < FOREVER else None

    # Runs

    def dispatch(self) -> None:
        """Hands the oldest unfinished run of each work to an agent, if one executes it."""
        self.dispatch_due = False
        load = Counter(attempt.session for attempt in self._attempts.values())
        for name in self._ledger.works_with_unfinished():
            record = next(self._ledger.queue(name))
            work = self._find_work(name)
            if work is None or record.run.run_id in self._attempts or record.run.run_id in self._pausing:
                continue
            session = self._sessions.choose(name, self._hosts.get(name), load)
            if session is not None:
                load[session.number] += 1
                self._start(record, work, session)

    def cancel(self, record: RunRecord, grace: timedelta, now: Instant) -> None:
        """Cancels a run that has not ended: at its agent, or at once if none holds it."""
        attempt = self._attempts.get(record.run.run_id)
        if attempt is not None and attempt.session is not None:
            self._emit(Send(attempt.session, _cancel(attempt, grace)))
            return
        self._attempts.pop(record.run.run_id, None)
        self._pausing.pop(record.run.run_id, None)
        failure = Failure(reason=FailureReason.CANCELLED, message="cancelled before it ran")
        self._ledger.end(record, RunStatus.CANCELLED, now.wall, failure)

    def stop_work(self, work: LightningWork, name: str) -> None:
        """Ends the process of a work, whose runs were ended before."""
        for run_id in [run_id for run_id, attempt in self._attempts.items() if attempt.work is work]:
            del self._attempts[run_id]
        agent_id = self._hosts.pop(name, None)
        for session in self._sessions.of_agent(agent_id):
            self._emit(Send(session.number, StopRunner(work=name, grace=STOP_GRACE)))

    def busy_works(self) -> dict[str, Attempt]:
        """Returns the attempt that is under way of each work that has one."""
        return {attempt.work.name: attempt for attempt in self._attempts.values()}

    def tell_changes(self, attempt: Attempt, changes: list[Change]) -> None:
        """Tells the runner of a work what the flow changed in its vars."""
        self._changes_told += 1  # larger in every message, over all lives
        for change in changes:
            note_flow_change(attempt, str(change.path[0]), self._changes_told)
        self._persist(attempt)
        if attempt.session is not None:
            self._send_ack(attempt)  # so that the runner knows which of its own changes came before these
            message = VarsChanged(work=attempt.work.name, number=self._changes_told, changes=tuple(changes))
            self._emit(Send(attempt.session, message))

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
                self._emit(Send(attempt.session, _cancel(attempt, STOP_GRACE)))

    # Inside

    def _judge(self, held: HeldAttempt, hello: Hello, number: int) -> HeldVerdict:
        record = self._ledger.record(held.run_id)
        attempt = self._attempts.get(held.run_id)
        verdict, seq = Verdict.FENCED, 0
        if record is None:
            verdict = Verdict.UNKNOWN
        elif attempt is not None and (attempt.number, attempt.agent_id) == (held.attempt, hello.agent_id):
            attempt.session, attempt.suspect_since, attempt.boot_id = number, None, hello.boot_id
            verdict, seq = Verdict.CONTINUE, attempt.applied_seq
        elif record.run.attempt == held.attempt and record.applied_seq >= held.last_seq > 0:
            verdict, seq = Verdict.CONTINUE, record.applied_seq  # it ended; only the last Ack was lost
        return HeldVerdict(run_id=held.run_id, attempt=held.attempt, verdict=verdict, applied_seq=seq)

    def _tell_missed(self, attempt: Attempt, number: int) -> None:
        """Tells the values of all vars that the flow changed while the attempt ran: some may have got lost."""
        vars_ = attempt.work.__dict__
        changes = tuple(Set((name,), untrack(vars_[name])) for name in attempt.flow_changes)
        newest = max(attempt.flow_changes.values())
        self._emit(Send(number, VarsChanged(work=attempt.work.name, number=newest, changes=changes)))

    def _reconcile_absent(self, attempt: Attempt, hello: Hello, number: int) -> None:
        """Decides on an attempt that its agent does not hold: it never got it, or lost it."""
        record = self._ledger.record(attempt.run_id)
        if record is not None and attempt.boot_id == hello.boot_id and attempt.applied_seq == 0:
            attempt.session, attempt.suspect_since = number, None
            self._emit(Send(number, _start_message(record, attempt)))
        else:
            self._lose(attempt, f"its agent {attempt.agent_id} does not hold it any more")

    def _find(self, session: Session, run_id: str, number: int) -> Attempt | None:
        """Returns the attempt that a frame speaks of; fences one that is no longer wanted."""
        attempt = self._attempts.get(run_id)
        if attempt is not None and (attempt.number, attempt.session) == (number, session.number):
            return attempt
        self._emit(Send(session.number, Fence(run_id=run_id, attempt=number)))
        return None

    def _accept(self, session: Session, message: Accepted, now: Instant) -> None:
        attempt = self._find(session, message.run_id, message.attempt)
        record = self._ledger.record(message.run_id)
        if attempt is not None and record is not None and record.run.status is RunStatus.PENDING:
            run = replace(record.run, status=RunStatus.RUNNING, started_at=now.wall)
            self._ledger.put(replace(record, run=run))
            attempt.times_out_at = _times_out_at(attempt.work, run.started_at, now)

    def _reject(self, session: Session, message: Rejected, now: Instant) -> None:
        attempt = self._find(session, message.run_id, message.attempt)
        if attempt is not None:
            self._end(attempt, message.failure, now, 0)

    def _apply(self, session: Session, delta: WorkDelta) -> None:
        attempt = self._find(session, delta.run_id, delta.attempt)
        if attempt is None or not self._in_order(attempt, delta):
            return
        known = len(attempt.begin_vars)
        for nack in apply_delta(attempt, delta):
            self._emit(Send(session.number, nack))
        attempt.applied_seq = delta.seq
        self._acknowledge(attempt)
        if len(attempt.begin_vars) != known:
            self._persist(attempt)

    def _finish(self, session: Session, message: Finished, now: Instant) -> None:
        attempt = self._find(session, message.run_id, message.attempt)
        if attempt is not None and self._in_order(attempt, message):
            self._emit(
                Send(session.number, Ack(run_id=message.run_id, attempt=message.attempt, seq=message.seq))
            )
            self._end(attempt, message.failure, now, message.seq)

    def _in_order(self, attempt: Attempt, frame: WorkDelta | Finished) -> bool:
        """Accepts the next frame of an attempt, acknowledges an old one again and asks for a missing one."""
        if frame.seq == attempt.applied_seq + 1:
            return True
        if frame.seq <= attempt.applied_seq:
            self._acknowledge(attempt)
        elif attempt.session is not None:
            nack = Nack(
                run_id=attempt.run_id, attempt=attempt.number, seq=attempt.applied_seq, reason=NackReason.GAP
            )
            self._emit(Send(attempt.session, nack))
        return False

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
        record = self._ledger.record(attempt.run_id)
        if record is None or record.run.status.terminal:
            return
        if attempt.timed_out and failure is not None and failure.reason is FailureReason.CANCELLED:
            message = f"the attempt took longer than the work's timeout, {attempt.work._timeout}"
            failure = Failure(reason=FailureReason.TIMED_OUT, message=message)
        if failure is not None and _is_tried_again(attempt, failure):
            self._try_later(attempt, record, failure, now)
            return
        started = record.run.started_at or now.wall
        record = replace(record, run=replace(record.run, started_at=started), applied_seq=seq)
        self._ledger.end(record, _status_after(failure), now.wall, failure)
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
            self._emit(Send(attempt.session, _cancel(attempt, STOP_GRACE)))

    def _bye(self, session: Session, now: Instant) -> None:
        agent_id = session.hello.agent_id
        self._drop(session.number, now)
        for attempt in [a for a in self._attempts.values() if a.agent_id == agent_id]:
            self._lose(attempt, f"its agent {agent_id} left")

    def _drop(self, number: int, now: Instant) -> None:
        self._sessions.remove(number)
        for attempt in self._attempts.values():
            if attempt.session == number:
                attempt.session, attempt.suspect_since = None, now.monotonic

    def _close(self, number: int, message: str) -> None:
        self._emit(CloseSession(number, CallError("INVALID_HELLO", message, problem=message)), at_once=True)

    def _overdue(self, attempt: Attempt) -> float:
        if attempt.suspect_since is None:
            return float("inf")
        return attempt.suspect_since + (attempt.grace + GRACE_MARGIN).total_seconds()

    def _lose(self, attempt: Attempt, why: str, level: int = logging.WARNING) -> None:
        """Takes an attempt for dead: what it changed is taken back, and its run waits for another one."""
        facts = (attempt.number, attempt.run_id, attempt.work.name)
        logger.log(level, "attempt %d of run %s of %s is lost and will be made again: %s", *facts, why)
        del self._attempts[attempt.run_id]
        record = self._ledger.record(attempt.run_id)
        if record is not None and not record.run.status.terminal:
            self._wait_again(attempt, record)

    def _wait_again(self, attempt: Attempt, record: RunRecord) -> None:
        take_back(attempt)
        run = replace(record.run, status=RunStatus.PENDING, agent_id="", started_at=None)
        self._ledger.put(replace(record, run=run, boot_id="", begin_vars={}, applied_seq=0))

    def _start(self, record: RunRecord, work: LightningWork, session: Session) -> None:
        hello = session.hello
        run = replace(record.run, attempt=record.run.attempt + 1, agent_id=hello.agent_id)
        record = replace(record, run=run, boot_id=hello.boot_id, begin_vars={}, applied_seq=0)
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
        self._hosts[work.name] = hello.agent_id
        self._emit(Send(session.number, _start_message(record, attempt)))

    def _persist(self, attempt: Attempt) -> None:
        record = self._ledger.record(attempt.run_id)
        if record is not None:
            self._ledger.put(
                replace(record, begin_vars=dict(attempt.begin_vars), applied_seq=attempt.applied_seq)
            )


def _attempt_of(record: RunRecord, work: LightningWork, now: Instant) -> Attempt:
    """Takes up an attempt of an earlier life; the time that its agent may be away counts afresh."""
    return Attempt(
        run_id=record.run.run_id,
        number=record.run.attempt,
        work=work,
        agent_id=record.run.agent_id,
        boot_id=record.boot_id,
        session=None,
        applied_seq=record.applied_seq,
        begin_vars=dict(record.begin_vars),
        suspect_since=now.monotonic,
        times_out_at=_times_out_at(work, record.run.started_at, now),
    )


def _times_out_at(work: LightningWork, started_at: datetime | None, now: Instant) -> float:
    """Returns the monotonic time at which an attempt has taken too long."""
    if work._timeout is None or started_at is None:
        return FOREVER
    return now.monotonic + (work._timeout - (now.wall - started_at)).total_seconds()


def _cancel(attempt: Attempt, grace: timedelta) -> CancelAttempt:
    return CancelAttempt(run_id=attempt.run_id, attempt=attempt.number, grace=grace)


def _status_after(failure: Failure | None) -> RunStatus:
    if failure is None:
        return RunStatus.SUCCEEDED
    return RunStatus.CANCELLED if failure.reason is FailureReason.CANCELLED else RunStatus.FAILED


def _is_tried_again(attempt: Attempt, failure: Failure) -> bool:
    retry = attempt.work._retry
    return retry is not None and attempt.number < retry.attempts and failure.reason not in _FINAL


def _start_message(record: RunRecord, attempt: Attempt) -> StartRun:
    work = attempt.work
    vars_: dict[str, Value] = work._plain_vars(private=True)
    return StartRun(
        run_id=record.run.run_id,
        attempt=attempt.number,
        work=work.name,
        recipe=work._recipe if isinstance(work._recipe, Recipe) else None,
        vars=vars_,
        args=record.run.args,
        kwargs=record.run.kwargs,
        orphan_grace=attempt.grace,
    )
