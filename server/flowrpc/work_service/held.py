"""What an agent holds: attempts of runs, and the runners that execute them."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TypeAlias

from flowrpc.protocol.messages import Finished, HeldAttempt, Serving, StartRun
from flowrpc.state.fold import apply
from flowrpc.state.records import Failure
from flowrpc.work_service.outbox import Outbox
from flowrpc.work_service.phases import ATTEMPT, RUNNER, AttemptEvent, AttemptPhase, RunnerEvent, RunnerPhase

AttemptKey: TypeAlias = tuple[str, int]
"""Run id and number of the attempt."""


class Attempt:
    """One attempt of a run, from `StartRun` until its end is acknowledged."""

    def __init__(self, start: StartRun) -> None:
        self.start = start
        self.phase = AttemptPhase.WAITING
        self.outbox = Outbox()
        self.kill_at: float | None = None
        """When its runner is killed if it has not ended by then."""

    @property
    def key(self) -> AttemptKey:
        """Run id and number."""
        return self.start.run_id, self.start.attempt

    @property
    def executed(self) -> bool:
        """Whether a runner has it."""
        return self.phase in (AttemptPhase.EXECUTING, AttemptPhase.CANCELLING)

    @property
    def settled(self) -> bool:
        """Whether it ended and the flow knows all of it."""
        return self.phase is AttemptPhase.ENDED and not self.outbox

    def happen(self, event: AttemptEvent) -> None:
        """Moves to the next phase."""
        self.phase = ATTEMPT[self.phase, event]

    def finished(self, failure: Failure) -> Finished:
        """Makes the end that its runner did not live to tell."""
        run_id, attempt = self.key
        return Finished(run_id=run_id, attempt=attempt, seq=self.outbox.last_seq + 1, failure=failure)

    def told(self) -> HeldAttempt:
        """Returns what `Hello` says of it."""
        run_id, attempt = self.key
        return HeldAttempt(run_id=run_id, attempt=attempt, last_seq=self.outbox.last_seq)


class Runner:
    """The process of one work and the attempts that it executes or will, one after another."""

    def __init__(self, work: str) -> None:
        self.work = work
        self.phase = RunnerPhase.LIVE
        self.spawned = False
        """Whether there is a process whose exit was not seen."""
        self.paused = False
        self.current: Attempt | None = None
        self.waiting: deque[Attempt] = deque()
        self.verdict: Failure | None = None
        """Why the agent kills it, which then is why its attempt failed."""
        self.serving: Serving | None = None
        """Where the work serves, if it does."""

    @property
    def free(self) -> bool:
        """Whether it could take the next attempt now."""
        return self.phase is RunnerPhase.LIVE and self.current is None

    def happen(self, event: RunnerEvent) -> None:
        """Moves to the next phase."""
        self.phase = RUNNER[self.phase, event]

    def exited(self) -> Attempt | None:
        """Forgets the process and returns the attempt that it executed."""
        ended, self.current = self.current, None
        self.phase, self.spawned, self.paused, self.verdict = RunnerPhase.LIVE, False, False, None
        return ended


def keep_up(start: StartRun, number: int, changes: tuple[object, ...]) -> StartRun:
    """Folds what the flow changed since a `StartRun` into the vars that wait in it."""
    vars = dict(start.vars)
    for change in changes:
        apply(vars, change)  # type: ignore[arg-type]
    return replace(start, vars=vars, vars_number=number)
