"""The attempts and runners that an agent holds, and what happens to them.

Nothing in here knows whether the flow can be reached: what it has to hear is handed to `Session`, which drops
it while nobody listens; the outboxes keep what matters.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from flowrpc.protocol.messages import (
    Ack,
    CancelAttempt,
    Finished,
    Nack,
    NackReason,
    Serving,
    StartRun,
    VarsChanged,
)
from flowrpc.state.records import Failure, FailureReason
from flowrpc.work_service.effects import Effect, End, Kill, Pause, Redial, Resume, Send, Spawn, Tell
from flowrpc.work_service.held import Attempt, AttemptKey, Runner, keep_up
from flowrpc.work_service.outbox import Frame, OutOfSequenceError
from flowrpc.work_service.phases import AttemptEvent, AttemptPhase, RunnerEvent, RunnerPhase

logger = logging.getLogger(__name__)

_CANCELLED = Failure(reason=FailureReason.CANCELLED, message="the run was cancelled before it ended")
_UNUSABLE = (FailureReason.EXITED, FailureReason.NOT_BUILT)
"""After these a runner executes nothing more."""


class Roster:
    """Holds attempts and runners.

    Args:
        outbox_bytes: How much of one attempt may wait for the flow before its runner is not read any more.
        max_runners: How many runners there are at most, if some of them are idle; 0: no limit.
        emit: Takes the effects.
    """

    def __init__(self, *, outbox_bytes: int, max_runners: int, emit: Callable[[Effect], None]) -> None:
        self.attempts: dict[AttemptKey, Attempt] = {}
        """Everything held, in the order it came."""
        self._outbox_bytes = outbox_bytes
        self._max_runners = max_runners
        self._emit = emit
        self.leaving = False
        """Whether the agent ends: nothing is begun any more, and the flow gets back what is held."""
        self._runners: dict[str, Runner] = {}

    # What the flow asks for

    def start(self, request: StartRun) -> None:
        """Takes a new attempt; an older one of the same run is no longer wanted."""
        for run_id, number in list(self.attempts):
            if run_id == request.run_id and number < request.attempt:
                self.drop((run_id, number))
        attempt = Attempt(request)
        self.attempts[attempt.key] = attempt
        runner = self._runners.setdefault(request.work, Runner(request.work))
        runner.waiting.append(attempt)
        self._advance(runner)

    def acknowledge(self, ack: Ack) -> None:
        """Forgets what is durable."""
        attempt = self.attempts.get((ack.run_id, ack.attempt))
        if attempt is None:
            return
        attempt.outbox.forget(ack.seq)
        if attempt.executed:
            self._emit(Tell(attempt.start.work, ack))
            self._relieve(self._runners[attempt.start.work])
        elif attempt.settled:
            del self.attempts[attempt.key]

    def refuse(self, nack: Nack) -> None:
        """Sends again what is missing, or lets the runner send a var whole."""
        attempt = self.attempts.get((nack.run_id, nack.attempt))
        if attempt is None:
            return
        if nack.reason is NackReason.GAP:
            self._send_above(attempt, nack.seq)
        elif attempt.executed:
            self._emit(Tell(attempt.start.work, nack))

    def resume(self, attempt: Attempt, applied_seq: int) -> None:
        """Goes on after a broken connection: the flow has everything up to `applied_seq`."""
        told = attempt.outbox.acknowledged < applied_seq
        attempt.outbox.forget(applied_seq)
        if told and attempt.executed:
            self._tell_of_loss(attempt, applied_seq)
            self._relieve(self._runners[attempt.start.work])
        self._send_above(attempt, applied_seq)
        if attempt.settled:
            del self.attempts[attempt.key]

    def cancel(self, request: CancelAttempt, now: float) -> None:
        """Ends an attempt, by force when the grace is over."""
        attempt = self.attempts.get((request.run_id, request.attempt))
        if attempt is None or attempt.phase is AttemptPhase.ENDED:
            return
        if attempt.phase is AttemptPhase.WAITING:
            self._runners[attempt.start.work].waiting.remove(attempt)
            self._end(attempt, attempt.finished(_CANCELLED))
            return
        attempt.happen(AttemptEvent.CANCEL)
        kill_at = now + request.grace.total_seconds()
        attempt.kill_at = kill_at if attempt.kill_at is None else min(kill_at, attempt.kill_at)
        self._emit(Tell(attempt.start.work, request))

    def stop_runner(self, work: str, request: Callable[[Attempt], CancelAttempt], now: float) -> None:
        """Ends the process of a work after the attempt that it executes was cancelled."""
        runner = self._runners.get(work)
        if runner is None or not runner.spawned:
            return
        for attempt in list(runner.waiting):  # behind a runner that ends: they were asked for before the stop
            runner.waiting.remove(attempt)
            self._end(attempt, attempt.finished(_CANCELLED))
        runner.happen(RunnerEvent.STOP)
        if runner.current is not None:
            self.cancel(request(runner.current), now)
        elif runner.phase is RunnerPhase.STOPPING:
            self._end_in_order(runner)

    def wind_down(self, request: Callable[[Attempt], CancelAttempt], now: float) -> None:
        """Cancels what is executed, ends what is idle, and begins nothing more.

        What user code says from now on is kept from the flow: it gets the attempts back, and has them made again.
        """
        self.leaving = True
        for runner in list(self._runners.values()):
            for attempt in runner.waiting:
                del self.attempts[attempt.key]
            runner.waiting.clear()
            self.stop_runner(runner.work, request, now)

    def drop(self, key: AttemptKey) -> None:
        """Forgets an attempt that is no longer wanted, and kills what executes it."""
        attempt = self.attempts.pop(key, None)
        if attempt is None or attempt.phase is AttemptPhase.ENDED:
            return
        runner = self._runners[attempt.start.work]
        if attempt.executed:
            runner.current = None
            self._kill(runner)
        else:
            runner.waiting.remove(attempt)
            self._forget_if_idle(runner)

    def change_vars(self, message: VarsChanged) -> None:
        """Passes the flow's changes on to the runner, and to the attempts that wait for it."""
        runner = self._runners.get(message.work)
        if runner is None:
            return
        if runner.spawned:
            self._emit(Tell(message.work, message))
        for attempt in runner.waiting:
            attempt.start = keep_up(attempt.start, message.number, message.changes)

    # What runners do

    def receive(self, work: str, frame: Frame, size_bytes: int) -> None:
        """Takes a frame of a runner."""
        runner = self._runners.get(work)
        attempt = runner.current if runner is not None else None
        if runner is None or attempt is None or attempt.key != (frame.run_id, frame.attempt):
            return  # nobody wants the attempt any more
        try:
            self._keep(attempt, frame, size_bytes)
        except OutOfSequenceError as error:
            message = f"killed: what its runner sent is no sequence: {error}"
            self._kill(runner, Failure(reason=FailureReason.SIGNALLED, signal=9, message=message))
            return
        if isinstance(frame, Finished):
            self._finish(runner, frame.failure)
        elif attempt.outbox.size_bytes > self._outbox_bytes and not runner.paused:
            runner.paused = True
            self._emit(Pause(work))

    def exited(self, work: str, failure: Failure) -> None:
        """Ends what the runner executed and gives the next attempt a new one."""
        runner = self._runners.get(work)
        if runner is None:
            return
        failure = runner.verdict or failure
        attempt = runner.exited()
        if attempt is not None:
            cancelled = attempt.phase is AttemptPhase.CANCELLING
            self._end(attempt, attempt.finished(_CANCELLED if cancelled else failure))
        if runner.serving is not None:
            runner.serving = None
            self._emit(Send(Serving(work=work)))
        self._advance(runner)

    def serve(self, serving: Serving) -> None:
        """Notes where a work serves, and tells the flow."""
        runner = self._runners.get(serving.work)
        if runner is not None and runner.spawned:
            runner.serving = serving
            self._emit(Send(serving))

    def idle_works(self) -> tuple[str, ...]:
        """Names the works whose process has nothing to do."""
        return tuple(r.work for r in self._runners.values() if r.spawned and r.free and not r.waiting)

    def tell_serving(self) -> None:
        """Tells a flow that has just welcomed us where works serve."""
        for runner in self._runners.values():
            if runner.serving is not None:
                self._emit(Send(runner.serving))

    # What time does

    def kill_overdue(self, now: float) -> None:
        """Kills the runners whose attempt did not end within the grace it was given."""
        for runner in self._executing():
            if runner.current is not None and (runner.current.kill_at or now + 1) <= now:
                runner.current.kill_at = None
                self._kill(runner)

    def end_orphans(self, lost_at: float, now: float) -> int:
        """Kills and forgets the attempts that could not reach the flow for longer than their `orphan_grace`.

        That is no failure of the run: the flow makes another attempt, at once if it is back and this one is not held.

        Returns:
            How many there were.
        """
        orphans = [
            attempt
            for attempt in self.attempts.values()
            if attempt.phase is not AttemptPhase.ENDED and _orphaned_at(attempt, lost_at) <= now
        ]
        for attempt in orphans:
            facts = attempt.start.work, attempt.start.run_id, attempt.start.orphan_grace
            logger.warning("%s: run %s is killed: the flow could not be reached for %s", *facts)
            self.drop(attempt.key)
        return len(orphans)

    def renew_runners(self) -> None:
        """Ends every runner once it executes nothing: what it was told when it was started is no longer so."""
        for runner in list(self._runners.values()):
            if runner.spawned:
                runner.happen(RunnerEvent.STOP)
            if runner.phase is RunnerPhase.STOPPING and runner.current is None:
                self._end_in_order(runner)

    def kill_all(self) -> None:
        """Kills every runner and forgets every attempt."""
        self.attempts.clear()
        for runner in list(self._runners.values()):
            runner.current = None
            runner.waiting.clear()
            if runner.spawned:
                runner.happen(RunnerEvent.END)
                self._emit(Kill(runner.work))  # also if it is ending: it took too long

    def deadlines(self, lost_at: float) -> Iterable[float]:
        """Yields when `kill_overdue` and `end_orphans` have something to do."""
        for attempt in self.attempts.values():
            if attempt.kill_at is not None:
                yield attempt.kill_at
            if attempt.phase is not AttemptPhase.ENDED:
                yield _orphaned_at(attempt, lost_at)

    # Steps

    def _advance(self, runner: Runner) -> None:
        if runner.phase is RunnerPhase.STOPPING and runner.current is None:
            self._end_in_order(runner)
        if not runner.free or not runner.waiting:
            self._forget_if_idle(runner)
            return
        if not runner.spawned:
            self._make_room()
            runner.spawned = True
            self._emit(Spawn(runner.work))
        attempt = runner.current = runner.waiting.popleft()
        attempt.happen(AttemptEvent.BEGIN)
        self._emit(Tell(runner.work, attempt.start))

    def _make_room(self) -> None:
        """Ends the runner that has been idle for longest, if there are as many as there may be."""
        spawned = [runner for runner in self._runners.values() if runner.spawned]
        if 0 < self._max_runners <= len(spawned):
            idle = next((runner for runner in spawned if runner.free and not runner.waiting), None)
            if idle is not None:
                self._end_in_order(idle)

    def _finish(self, runner: Runner, failure: Failure | None) -> None:
        self._runners[runner.work] = self._runners.pop(
            runner.work
        )  # the one that was idle for longest comes first
        attempt, runner.current = runner.current, None
        assert attempt is not None, "only a current attempt finishes"
        attempt.happen(AttemptEvent.END)
        attempt.kill_at = None
        if runner.paused:
            runner.paused = False
            self._emit(Resume(runner.work))
        if failure is not None and failure.reason in _UNUSABLE:
            self._kill(runner)
        self._advance(runner)

    def _end(self, attempt: Attempt, finished: Finished) -> None:
        attempt.happen(AttemptEvent.END)
        attempt.kill_at = None
        self._keep(attempt, finished, 0)

    def _keep(self, attempt: Attempt, frame: Frame, size_bytes: int) -> None:
        if self.leaving:
            return
        attempt.outbox.add(frame, size_bytes)
        self._emit(Send(frame))

    def _end_in_order(self, runner: Runner) -> None:
        """Lets user code that executes nothing take its leave."""
        if runner.spawned and runner.phase is not RunnerPhase.ENDING:
            runner.happen(RunnerEvent.END)
            self._emit(End(runner.work))

    def _kill(self, runner: Runner, verdict: Failure | None = None) -> None:
        if runner.spawned and runner.phase is not RunnerPhase.ENDING:
            runner.verdict = verdict
            runner.happen(RunnerEvent.END)
            self._emit(Kill(runner.work))

    def _relieve(self, runner: Runner) -> None:
        attempt = runner.current
        if runner.paused and attempt is not None and attempt.outbox.size_bytes <= self._outbox_bytes // 2:
            runner.paused = False
            self._emit(Resume(runner.work))

    def _send_above(self, attempt: Attempt, seq: int) -> None:
        try:
            frames = attempt.outbox.above(seq)
        except OutOfSequenceError as error:
            # The flow went back in time. A new hello without the attempt lets it start over.
            self.drop(attempt.key)
            self._emit(Redial(f"{attempt.start.work}: {error}"))
            return
        for frame in frames:
            self._emit(Send(frame))

    def _tell_of_loss(self, attempt: Attempt, applied_seq: int) -> None:
        """Tells the runner what became durable, and that refusals of it may have been lost on the way."""
        run_id, number = attempt.key
        lost = Nack(run_id=run_id, attempt=number, seq=applied_seq, reason=NackReason.GAP)
        self._emit(Tell(attempt.start.work, lost))
        self._emit(Tell(attempt.start.work, Ack(run_id=run_id, attempt=number, seq=applied_seq)))

    def _executing(self) -> list[Runner]:
        return [runner for runner in self._runners.values() if runner.current is not None]

    def _forget_if_idle(self, runner: Runner) -> None:
        if not runner.spawned and runner.current is None and not runner.waiting:
            self._runners.pop(runner.work, None)


def _orphaned_at(attempt: Attempt, lost_at: float) -> float:
    return lost_at + attempt.start.orphan_grace.total_seconds()
