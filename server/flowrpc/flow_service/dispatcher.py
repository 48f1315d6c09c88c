"""The dispatcher: which agent executes which run, and what agents say of the attempts that they execute."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

from flowrpc.component.needs import demand_of
from flowrpc.component.work import LightningWork
from flowrpc.flow_service.attempt_ends import NOTHING_DONE, AttemptEnds
from flowrpc.flow_service.attempts import FOREVER, Attempt, apply_delta, attempt_of, times_out_at
from flowrpc.flow_service.calls import was_stopped
from flowrpc.flow_service.capacity import Capacity
from flowrpc.flow_service.effects import Send
from flowrpc.flow_service.events import FrameRefused
from flowrpc.flow_service.instant import Instant
from flowrpc.flow_service.ledger import Ledger
from flowrpc.flow_service.outgoing import Outgoing
from flowrpc.flow_service.sessions import LOCAL_AGENT, Session, Sessions
from flowrpc.flow_service.too_large import failure_of
from flowrpc.flow_service.under_way import AttemptsUnderWay
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
    Rejected,
    StartRun,
    Verdict,
    WorkDelta,
)
from flowrpc.state.records import RunRecord, RunStatus

GRACE_MARGIN = timedelta(seconds=10)
"""How much longer than an agent the flow waits before it takes an unreachable attempt for dead: a lease, because the
agent may have heard of the flow for the last time that much later, and time to kill."""


class Dispatcher:
    """Hands runs to agents and follows their attempts until they end.

    Args:
        ledger: The runs.
        sessions: The streams that are open.
        outgoing: Takes effects.
        find_work: Finds a work of the tree by name; None if it is gone.
        on_failed: Is told the id of each run that fails.
        epoch: The life of this flow service.
    """

    def __init__(
        self,
        ledger: Ledger,
        sessions: Sessions,
        outgoing: Outgoing,
        find_work: Callable[[str], LightningWork | None],
        *,
        on_failed: Callable[[str], None],
        epoch: int,
    ) -> None:
        self._ledger = ledger
        self._sessions = sessions
        self._emit = outgoing.emit
        self._find_work = find_work
        self._capacity = Capacity(sessions)
        self._reasons = WaitingReasons(sessions)
        self.processes = WorkProcesses(ledger, sessions, outgoing.emit, find_work)
        """The processes of the works."""
        self.under_way = AttemptsUnderWay(ledger, outgoing, epoch=epoch)
        """The attempts that have begun and not ended."""
        self._ends = AttemptEnds(ledger, self.under_way, self.processes, on_failed)
        self.dispatch_due = True
        """Whether a run may have to be handed to an agent."""

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
            self.under_way.add(attempt)
            if attempt.agent_id == LOCAL_AGENT:
                self.lose(attempt, "the app ended", now, logging.INFO if orderly else logging.WARNING)
            else:
                self.processes.busy(work, attempt.agent_id)
        self._recover_idle(now)

    def _recover_idle(self, now: Instant) -> None:
        """Takes up processes that may be there, with nothing to do."""
        busy = self.busy_works()
        for name in {record.run.work for record in self._ledger.all()}:
            work, latest = self._find_work(name), self._ledger.latest(name)
            if work is None or latest is None or was_stopped(work, latest):
                continue
            self.processes.expect(name)
            if name not in busy and latest.agent_id not in ("", LOCAL_AGENT):
                self.processes.found(work, latest.agent_id, now)

    def dispatch(self) -> bool:
        """Hands the oldest unfinished run of each work to an agent, if one can take it.

        Returns:
            Whether a run waits for another reason than before, which the flow can see.
        """
        self.dispatch_due = False
        self._capacity.begin_round(self.under_way)
        changed = [self._place(record, work) for record, work in self._without_agent()]
        return any(changed)

    def _without_agent(self) -> list[tuple[RunRecord, LightningWork]]:
        """Returns the runs that may begin now, oldest first."""
        found = []
        for name in self._ledger.works_with_unfinished():
            record = next(self._ledger.queue(name))
            work = self._find_work(name)
            run_id = record.run.run_id
            waits = run_id not in self.under_way and not self._ends.is_pausing(run_id)
            if work is not None and waits:
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
        attempt = self.under_way.get(record.run.run_id)
        if attempt is not None and attempt.session is not None:
            attempt.cancel_grace = grace
            self.under_way.persist(attempt)  # an agent that does not hear it is told again
            self.under_way.tell_cancellation(attempt, grace)
            return
        self.under_way.remove(record.run.run_id)
        self._ends.cancel(record, "before it ran" if attempt is None else "while its agent was away", now)

    def stop_work(self, work: LightningWork, name: str) -> None:
        """Ends the process of a work, whose runs were ended before."""
        for attempt in self.under_way:
            if attempt.work is work and not self.under_way.withdraw(attempt):
                self._capacity.begin_end(attempt)
        self._reasons.forget(name)
        self.processes.stop(name)

    def busy_works(self) -> dict[str, Attempt]:
        """Returns the attempt that is under way of each work that has one."""
        return {attempt.work.name: attempt for attempt in self.under_way}

    def agents(self) -> tuple[AgentInfo, ...]:
        """Describes the attached agents, by name."""
        loads = self._capacity.loads(self.under_way)
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
        for attempt in self.under_way:
            if attempt.session == number:
                self.under_way.ask_again(attempt)

    def cancel_all(self) -> None:
        """Ends every attempt, because the app has ended; user code may clean up."""
        for attempt in self.under_way:
            self.under_way.tell_cancellation(attempt, STOP_GRACE)

    # What agents do

    def suspect(self, number: int, now: Instant) -> None:
        """Notes that a stream ended: its attempts may still be under way."""
        self._capacity.forget(number)
        self.dispatch_due = True  # what waits may wait for another reason now
        for attempt in self.under_way:
            if attempt.session == number:
                attempt.session, attempt.suspect_since, attempt.extended = None, now.monotonic, False

    def works_away(self, agent_id: str) -> list[str]:
        """Names the works of attempts whose agent cannot be reached."""
        return sorted(
            attempt.work.name
            for attempt in self.under_way
            if attempt.agent_id == agent_id and attempt.suspect_since is not None
        )

    def resume(self, hello: Hello, number: int, now: Instant) -> None:
        """Goes on with an agent after its verdicts: tells what it missed, and decides on what it does not hold."""
        self.dispatch_due = True
        session = self._sessions.get(number)
        if session is not None:
            busy_at = {name: attempt.agent_id for name, attempt in self.busy_works().items()}
            self.processes.judge(session, busy_at, now)
        for attempt in self.under_way:
            if attempt.session == number:
                self.under_way.tell_missed(attempt)
            elif attempt.agent_id == hello.agent_id and attempt.session != number:
                self._reconcile_absent(attempt, hello, number, now)

    def lose_all(self, why: str, held: Callable[[Attempt], bool], now: Instant) -> None:
        """Takes attempts for dead."""
        for attempt in self.under_way:
            if held(attempt):
                self.lose(attempt, why, now)

    def extend(self, seconds: float) -> None:
        """Gives agents that are away more time."""
        for attempt in self.under_way:
            if attempt.suspect_since is not None and not attempt.extended:
                attempt.extended = True
                attempt.suspect_since += seconds

    def tick(self, now: Instant) -> None:
        """Gives up attempts that were away or took too long, and tries again what paused for long enough."""
        for attempt in self.under_way:
            if self._overdue(attempt) <= now.monotonic:
                away = f"its agent {attempt.agent_id} was away for longer than its orphan_grace"
                self.lose(attempt, away, now)
            elif attempt.times_out_at <= now.monotonic:
                self._time_out(attempt)
        if self._ends.tick(now):
            self.dispatch_due = True
        self.processes.tick(now)

    def deadlines(self) -> Iterator[float]:
        """Yields the monotonic times at which `tick` has something to do."""
        for attempt in self.under_way:
            yield self._overdue(attempt)
            yield attempt.times_out_at
        yield from self._ends.pauses()
        yield from self.processes.deadlines()

    def judge(self, held: HeldAttempt, hello: Hello, number: int, now: Instant) -> HeldVerdict:
        """Says what becomes of an attempt that an agent holds, and follows it on its new stream if it goes on."""
        record = self._ledger.record(held.run_id)
        attempt = self.under_way.get(held.run_id)
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
            self._ends.end(attempt, message.failure, now, 0)

    def refuse(self, refused: FrameRefused, now: Instant) -> None:
        """Ends a run that cannot be told to its agent: another attempt would be refused as well."""
        message = refused.message
        attempt = self.busy_works().get(message.work)
        if attempt is None or attempt.session != refused.session:
            return  # what has to be told on its next stream is refused there, if it still is too large
        if isinstance(message, StartRun) and (message.run_id, message.attempt) != attempt.key:
            return
        self._give_back(attempt.run_id, attempt.number)
        self._emit(Send(refused.session, Fence(run_id=attempt.run_id, attempt=attempt.number)))
        self._ends.end(attempt, failure_of(refused), now, 0)

    def apply(self, session: Session, delta: WorkDelta) -> None:
        """Takes what a work changed."""
        attempt = self._find(session, delta.run_id, delta.attempt)
        if attempt is None or not self.under_way.in_order(attempt, delta):
            return
        known = len(attempt.begin_vars)
        for nack in apply_delta(attempt, delta):
            self._emit(Send(session.number, nack))
        attempt.applied_seq, attempt.base = delta.seq, max(attempt.base, delta.base)
        self.under_way.acknowledge(attempt)
        if len(attempt.begin_vars) != known:
            self.under_way.persist(attempt)

    def finish(self, session: Session, message: Finished, now: Instant) -> None:
        """Takes the end of an attempt."""
        self._give_back(message.run_id, message.attempt)
        attempt = self._find(session, message.run_id, message.attempt)
        if attempt is not None and self.under_way.in_order(attempt, message):
            self._emit(
                Send(session.number, Ack(run_id=message.run_id, attempt=message.attempt, seq=message.seq))
            )
            self._ends.end(attempt, message.failure, now, message.seq)

    def lose(self, attempt: Attempt, why: str, now: Instant, level: int = logging.WARNING) -> None:
        """Takes an attempt for dead: its run waits for another one, unless it was to be cancelled."""
        self._ends.lose(attempt, why, now, level)

    # Inside

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
            self.under_way.tell_start(attempt, record)
        else:
            self.lose(attempt, f"its agent {attempt.agent_id} does not hold it any more", now)

    def _find(self, session: Session, run_id: str, number: int) -> Attempt | None:
        """Returns the attempt that a frame speaks of; fences one that is no longer wanted."""
        attempt = self.under_way.get(run_id)
        if attempt is not None and (attempt.number, attempt.session) == (number, session.number):
            return attempt
        self._give_back(run_id, number)  # the agent kills it at once
        self._emit(Send(session.number, Fence(run_id=run_id, attempt=number)))
        return None

    def _give_back(self, run_id: str, number: int) -> None:
        if self._capacity.end(run_id, number):
            self.dispatch_due = True

    def _time_out(self, attempt: Attempt) -> None:
        attempt.timed_out, attempt.times_out_at = True, FOREVER
        self.under_way.tell_cancellation(attempt, STOP_GRACE)

    def _overdue(self, attempt: Attempt) -> float:
        if attempt.suspect_since is None:
            return float("inf")
        return attempt.suspect_since + (attempt.grace + GRACE_MARGIN).total_seconds()

    def _start(self, record: RunRecord, work: LightningWork, session: Session) -> None:
        hello = session.hello
        run = replace(record.run, attempt=record.run.attempt + 1, agent_id=hello.agent_id, pending_reason="")
        record = replace(record, run=run, boot_id=hello.boot_id, **NOTHING_DONE)
        self._ledger.put(record)
        attempt = Attempt(
            run_id=run.run_id,
            number=run.attempt,
            work=work,
            agent_id=hello.agent_id,
            boot_id=hello.boot_id,
            session=session.number,
        )
        self.under_way.add(attempt)
        self.processes.busy(work, hello.agent_id)
        self.under_way.tell_start(attempt, record)
