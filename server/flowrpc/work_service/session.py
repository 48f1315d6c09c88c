"""The agent's side of the work protocol: events in, effects out; no socket, process or clock inside.

`now` is a monotonic time in seconds. `phases.py` has the states, `protos/README.md` the life of a stream.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from flowrpc.protocol.messages import (
    Accepted,
    Ack,
    AgentMessage,
    Beat,
    CancelAttempt,
    Drain,
    Draining,
    Fence,
    FlowMessage,
    HeldVerdict,
    Hello,
    Nack,
    Rejected,
    Serving,
    StartRun,
    StopRunner,
    VarsChanged,
    Verdict,
    Welcome,
)
from flowrpc.state.records import Failure, FailureReason
from flowrpc.work_service.effects import Effect, Leave, Redial, Send
from flowrpc.work_service.held import Attempt
from flowrpc.work_service.identity import Identity
from flowrpc.work_service.outbox import Frame
from flowrpc.work_service.phases import LINK, Link, LinkEvent
from flowrpc.work_service.reach import Reach
from flowrpc.work_service.roster import Roster

OUTBOX_BYTES = 16 * 1024 * 1024
"""How much of one attempt may wait for the flow before its runner is not read any more."""

SILENCE_SECONDS = 15.0
"""How long a flow may answer neither hello nor beats before the agent dials again; at least three leases."""


class Session:
    """Decides what an agent does.

    Args:
        identity: Who the agent is.
        outbox_bytes: How much of one attempt may wait for the flow.
    """

    def __init__(self, identity: Identity, *, outbox_bytes: int = OUTBOX_BYTES) -> None:
        self._identity = identity
        self._link = Link.OFFLINE
        self._effects: list[Effect] = []
        self._roster = Roster(outbox_bytes=outbox_bytes, max_runners=identity.capacity, emit=self._emit)
        self._reach = Reach()
        self._heard_at = 0.0
        self._silence = SILENCE_SECONDS
        self._beats = 0
        self._beat_at = 0.0
        self._beat_interval = 1.0
        self._draining = False
        self._drain_at: float | None = None
        self._left = False
        self.welcome: Welcome | None = None
        """What the flow said last of itself; None before it was reached."""

    @property
    def attached(self) -> bool:
        """Whether the flow has answered the hello of this connection."""
        return self._link is Link.ATTACHED

    @property
    def holds(self) -> int:
        """How many attempts are held."""
        return len(self._roster.attempts)

    # What the shell tells

    def on_connected(self, now: float) -> list[Effect]:
        """Greets the flow on a new stream."""
        self._link = LINK[self._link, LinkEvent.CONNECT]
        self._heard_at = now
        self._reach.greet(now)
        self._effects.append(Send(self._hello()))
        return self._take()

    def on_disconnected(self, now: float) -> list[Effect]:
        """Notes that the stream ended, in whatever way."""
        self._link = LINK[self._link, LinkEvent.BREAK]
        self._reach.lose(now)
        return self._take()

    def on_message(self, message: FlowMessage, now: float) -> list[Effect]:
        """Takes what the flow says."""
        self._heard_at = now
        handler = _HANDLERS.get(type(message))
        if handler is not None and (self.attached or isinstance(message, Welcome)):
            handler(self, message, now)
        return self._take()

    def on_frame(self, work: str, frame: Frame, size_bytes: int) -> list[Effect]:
        """Takes what a runner says; `size_bytes` is what it costs to keep."""
        self._roster.receive(work, frame, size_bytes)
        return self._take()

    def on_serving(self, serving: Serving) -> list[Effect]:
        """Takes where a work serves, from its runner."""
        self._roster.serve(serving)
        return self._take()

    def on_exit(self, work: str, failure: Failure) -> list[Effect]:
        """Takes the end of a runner's process, after all that it had sent; the failure tells how it ended."""
        self._roster.exited(work, failure)
        return self._take()

    def on_tick(self, now: float) -> list[Effect]:
        """Does what is due."""
        if self.attached and now >= self._beat_at:
            self._beat(now)
        if self._link is not Link.OFFLINE and now >= self._heard_at + self._silence:
            self._heard_at = now
            self._emit(Redial(f"the flow was silent for {self._silence:g} s"))
        self._roster.kill_overdue(now)
        self._end_orphans(now)
        return self._take(now)

    def next_deadline(self) -> float | None:
        """Returns when `on_tick` has something to do; None while nothing is due ever."""
        return min(self._deadlines(), default=None)

    def wind_down(self, now: float, grace: timedelta) -> list[Effect]:
        """Cancels what is executed and ends what is idle, so that user code can clean up; `stop` kills the rest."""
        self._roster.wind_down(lambda attempt: _cancel(attempt, grace), now)
        return [effect for effect in self._take() if not isinstance(effect, Leave)]

    def stop(self) -> list[Effect]:
        """Kills everything; nothing is held any more."""
        self._roster.kill_all()
        return [effect for effect in self._take() if not isinstance(effect, Leave)]

    # What the flow says

    def _on_welcome(self, welcome: Welcome, now: float) -> None:
        if self._link is not Link.GREETING:
            return
        self._link = LINK[self._link, LinkEvent.WELCOME]
        before, self.welcome = self.welcome, welcome
        if before is not None and _files_of(before) != _files_of(welcome):
            self._roster.renew_runners()
        self._reach.welcome(welcome.lease.total_seconds())
        self._silence = max(SILENCE_SECONDS, 3 * welcome.lease.total_seconds())
        self._beat_interval = welcome.beat_interval.total_seconds()
        self._beats, self._beat_at = 0, now + self._beat_interval
        verdicts = {(verdict.run_id, verdict.attempt): verdict for verdict in welcome.verdicts}
        self._check_held(verdicts)
        for key, attempt in list(self._roster.attempts.items()):
            verdict = verdicts.get(key)
            if verdict is not None and verdict.verdict is Verdict.CONTINUE:
                self._roster.resume(attempt, verdict.applied_seq)
            else:
                self._roster.drop(key)
        self._roster.tell_serving()

    def _check_held(self, verdicts: dict[tuple[str, int], HeldVerdict]) -> None:
        """Says hello again if it was not true any more: else the flow waits for ever for what nobody executes."""
        wanted = [key for key, verdict in verdicts.items() if verdict.verdict is Verdict.CONTINUE]
        gone = [key for key in wanted if key not in self._roster.attempts]
        if gone:
            self._emit(Redial(f"{len(gone)} attempts were given up after the hello named them"))

    def _on_start(self, request: StartRun, now: float) -> None:
        if self._roster.leaving:
            return  # the flow gets it back with the farewell, and another agent may have it by then
        key = request.run_id, request.attempt
        problem = self._problem(request)
        if problem and key not in self._roster.attempts:
            failure = Failure(reason=FailureReason.NOT_BUILT, message=problem)
            self._send(Rejected(run_id=request.run_id, attempt=request.attempt, failure=failure))
            return
        self._send(Accepted(run_id=request.run_id, attempt=request.attempt))
        if key not in self._roster.attempts:
            self._roster.start(request)

    def _on_beat(self, beat: Beat, now: float) -> None:
        self._reach.answer(beat.number)

    def _on_ack(self, ack: Ack, now: float) -> None:
        self._roster.acknowledge(ack)

    def _on_nack(self, nack: Nack, now: float) -> None:
        self._roster.refuse(nack)

    def _on_cancel(self, request: CancelAttempt, now: float) -> None:
        self._roster.cancel(request, now)

    def _on_fence(self, fence: Fence, now: float) -> None:
        self._roster.drop((fence.run_id, fence.attempt))

    def _on_vars(self, message: VarsChanged, now: float) -> None:
        self._roster.change_vars(message)

    def _on_stop_runner(self, request: StopRunner, now: float) -> None:
        self._roster.stop_runner(request.work, lambda attempt: _cancel(attempt, request.grace), now)

    def _on_drain(self, drain: Drain, now: float) -> None:
        self._draining = True
        self._drain_at = None if drain.grace is None else now + drain.grace.total_seconds()
        self._send(Draining())

    # Steps

    def _hello(self) -> Hello:
        me = self._identity
        return Hello(
            agent_id=me.agent_id,
            boot_id=me.boot_id,
            works=me.works,
            host=me.host,
            pid=me.pid,
            held=tuple(attempt.told() for attempt in self._roster.attempts.values()),
            version=me.version,
            draining=self._draining,
            idle_works=self._roster.idle_works(),
            capacity=me.capacity,
            resources=me.resources,
            labels=me.labels,
            internal_ip=me.internal_ip,
            public_ip=me.public_ip,
        )

    def _problem(self, request: StartRun) -> str:
        if self._draining:
            return f"agent {self._identity.agent_id} is leaving and takes no more runs"
        if not self._identity.executes(request.work):
            works = ", ".join(self._identity.works)
            return f"agent {self._identity.agent_id} executes {works}; not {request.work}"
        return ""

    def _beat(self, now: float) -> None:
        self._beats += 1
        self._beat_at = now + self._beat_interval
        self._reach.beat(self._beats, now)
        self._send(Beat(number=self._beats))

    def _end_orphans(self, now: float) -> None:
        """Kills what was out of reach for too long; says hello again without it if the flow may be there all the same.

        On a slow stream beats are answered late while the flow hears everything else: it would wait for ever.
        """
        ended = self._roster.end_orphans(self._reach.lost_at, now)
        if ended and self.attached:
            self._emit(Redial(f"{ended} attempts were given up: the flow answered no beat in time"))

    def _deadlines(self) -> Iterator[float]:
        yield from self._roster.deadlines(self._reach.lost_at)
        if self.attached:
            yield self._beat_at
        if self._link is not Link.OFFLINE:
            yield self._heard_at + self._silence
        if self._drain_at is not None and not self._left:
            yield self._drain_at

    def _send(self, message: AgentMessage) -> None:
        self._emit(Send(message))

    def _emit(self, effect: Effect) -> None:
        # What nobody would hear is dropped: the outboxes keep what matters.
        if self.attached or not isinstance(effect, Send):
            self._effects.append(effect)

    def _take(self, now: float | None = None) -> list[Effect]:
        overdue = now is not None and self._drain_at is not None and now >= self._drain_at
        if self._draining and not self._left and (overdue or not self.holds):
            self._left = True
            rest = "its time is over, the rest is given back" if self.holds else "nothing is held any more"
            self._effects.append(Leave(f"drained: {rest}"))
        taken, self._effects = self._effects, []
        return taken


def _files_of(welcome: Welcome) -> tuple[str, str]:
    """Returns what a runner was told of files when it was started."""
    return welcome.journal_id, welcome.storage_url


def _cancel(attempt: Attempt, grace: timedelta) -> CancelAttempt:
    run_id, number = attempt.key
    return CancelAttempt(run_id=run_id, attempt=number, grace=grace)


_HANDLERS: dict[type, Callable[[Session, Any, float], None]] = {
    Welcome: Session._on_welcome,
    Beat: Session._on_beat,
    StartRun: Session._on_start,
    Ack: Session._on_ack,
    Nack: Session._on_nack,
    CancelAttempt: Session._on_cancel,
    Fence: Session._on_fence,
    VarsChanged: Session._on_vars,
    StopRunner: Session._on_stop_runner,
    Drain: Session._on_drain,
}
"""What becomes of each message."""
