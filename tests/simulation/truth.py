"""The truth: what really happened, and whether what everybody was told agrees with it, at every step."""

from __future__ import annotations

import traceback
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flowrpc.errors import CallError, StoreError
from flowrpc.protocol.answers import CommandOutcome, StateSnapshot, UpdateOutcome
from flowrpc.protocol.messages import Ack, FlowMessage, StartRun, Verdict, Welcome
from flowrpc.state.records import Revision, Run, RunRecord, RunStatus
from flowrpc.state.replica import Replica
from flowrpc.store.interface import Commit, Recovered

from tests.simulation.clients import Operation, outcome_facts
from tests.simulation.script import Facts

if TYPE_CHECKING:
    from tests.simulation.agent import AgentProcess
    from tests.simulation.watchers import Watcher
    from tests.simulation.world import World

FRAME_BYTES = 4096
"""How much one frame may come above the bound of an outbox."""


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that was promised and is not so."""

    promise: str
    what: str
    time: float

    def __str__(self) -> str:
        return f"{self.time:.6f} {self.promise}: {self.what}"


@dataclass(slots=True)
class Durable:
    """How far an attempt is durable."""

    seq: int = 0
    over: bool = False
    """Whether its end is: every frame may be acknowledged."""


@dataclass(slots=True)
class Truth:
    """Hears of everything, and compares."""

    world: World
    violations: list[Violation] = field(default_factory=list)
    replica: Replica = field(default_factory=Replica)
    """What is durable."""
    states: dict[int, dict[str, Any]] = field(default_factory=dict)
    """What is durable, by revision."""
    attempts: dict[tuple[str, int], Facts] = field(default_factory=dict)
    operations: list[Operation] = field(default_factory=list)
    cancelled: set[str] = field(default_factory=set)
    """Runs that a client asked to cancel."""
    life: int = 0
    ended: dict[str, Run] = field(default_factory=dict)
    """How runs ended."""
    works: dict[str, str] = field(default_factory=dict)
    """By run, its work."""
    forgotten: set[str] = field(default_factory=set)
    _durable: dict[tuple[str, int], Durable] = field(default_factory=lambda: defaultdict(Durable))
    _numbers: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    _published: int = 0

    def violate(self, promise: str, what: str) -> None:
        if len(self.violations) < 20:
            self.violations.append(Violation(promise, what, self.world.timeline.now))
            self.world.timeline.note("VIOLATION", f"{promise}: {what}")

    def fault(self, error: BaseException) -> None:
        """Takes an error that nobody expected."""
        if not isinstance(error, StoreError):
            self.violate("fault", "".join(traceback.format_exception(error)))

    # The store

    def begin_life(self, recovered: Recovered) -> None:
        self.life = recovered.life
        if recovered.replica.revision != self.replica.revision:
            self.violate("recovery", f"{recovered.replica.revision} is not {self.replica.revision}")
        if _vars(recovered.replica) != _vars(self.replica):
            self.violate("recovery", "the state is not what was committed")
        self._published = self.replica.revision

    def committed(self, commit: Commit) -> None:
        revision = commit.revision
        if revision.number != self.replica.revision + 1:
            self.violate("gap-free", f"revision {revision.number} after {self.replica.revision}")
        self.replica.fold(revision)
        for record in commit.records:
            self._check_record(record)
        self.forgotten.update(revision.forgotten_runs)
        for applied in commit.applied:
            self._apply(applied.run_id, applied.attempt, applied.seq)
        for delta in revision.deltas:
            if delta.changes and any(change.path[0] in ("steps", "count") for change in delta.changes):
                self._check_steps(delta.component)
        self.states[revision.number] = _vars(self.replica)

    def _check_record(self, record: RunRecord) -> None:
        run = record.run
        before = self.ended.get(run.run_id)
        self.works[run.run_id] = run.work
        if before is not None and before.status is not run.status:
            self.violate("one end", f"{run.run_id} was {before.status.value} and is {run.status.value}")
        if run.run_id in self.forgotten:
            self.violate("one end", f"{run.run_id} was forgotten and is there again")
        if run.attempt < self._numbers[run.run_id]:
            self.violate("attempts", f"{run.run_id}/{run.attempt} after {self._numbers[run.run_id]}")
        for number in range(max(self._numbers[run.run_id], 1), run.attempt):
            self._durable[run.run_id, number].over = True
        self._numbers[run.run_id] = run.attempt
        durable = self._durable[run.run_id, run.attempt]
        durable.seq = max(durable.seq, record.applied_seq)
        durable.over = durable.over or run.status.terminal or not run.agent_id
        if run.status.terminal:
            self.ended[run.run_id] = run
            if run.status is RunStatus.CANCELLED and not self._may_be_cancelled(run):
                self.violate("cancelled", f"{run.run_id} was cancelled, and nobody asked for it")

    def _may_be_cancelled(self, run: Run) -> bool:
        return run.run_id in self.cancelled or run.work.startswith("root.extra.")

    def _apply(self, run_id: str, attempt: int, seq: int) -> None:
        run = self.replica.runs.get(run_id)
        if run is not None and run.attempt != attempt:
            self.violate("fenced", f"a frame of {run_id}/{attempt} was applied, it is {run.attempt}")
        durable = self._durable[run_id, attempt]
        durable.seq = max(durable.seq, seq)

    def _check_steps(self, work: str) -> None:
        """Each step is there once and in order, and of each run only those of its last attempt."""
        component = self.replica.components.get(work)
        if component is None:
            return
        steps: Any = component.vars["steps"]
        if component.vars["count"] != len(steps):
            self.violate("exactly once", f"{work}: {component.vars['count']} counted, {len(steps)} there")
        last: dict[str, tuple[int, int]] = {}
        for step in steps:
            run_id, attempt, number = step.split("/")
            before = last.get(run_id, (int(attempt), 0))
            if (int(attempt), int(number)) != (before[0], before[1] + 1):
                self.violate("exactly once", f"{work}: {step} after {before}: {steps}")
            last[run_id] = int(attempt), int(number)
        for run_id, (attempt_number, _) in last.items():
            if attempt_number != self._numbers[run_id]:
                self.violate(
                    "taken back", f"{work}: {run_id}/{attempt_number} is in attempt {self._numbers[run_id]}"
                )

    # What the flow says

    def published(self, revision: Revision) -> None:
        if revision.number > self.replica.revision:
            self.violate("durable first", f"revision {revision.number} is published")
        if revision.number != self._published + 1:
            self.violate("gap-free", f"revision {revision.number} published after {self._published}")
        self._published = revision.number

    def said(self, message: FlowMessage) -> None:
        """Checks what is about to be said to an agent."""
        if isinstance(message, Ack):
            self._check_acknowledged(message.run_id, message.attempt, message.seq)
        elif isinstance(message, Welcome):
            for verdict in message.verdicts:
                if verdict.verdict is Verdict.CONTINUE:
                    self._check_acknowledged(verdict.run_id, verdict.attempt, verdict.applied_seq)
        elif isinstance(message, StartRun) and self._numbers[message.run_id] < message.attempt:
            self.violate("durable first", f"{message.run_id}/{message.attempt} is asked for")

    def _check_acknowledged(self, run_id: str, attempt: int, seq: int) -> None:
        durable = self._durable[run_id, attempt]
        if seq > durable.seq and not durable.over and run_id not in self.forgotten:
            self.violate("durable first", f"{run_id}/{attempt}: {seq} acknowledged, {durable.seq} durable")

    def answered(self, operation: Operation, answer: Any) -> None:
        """Checks an answer, whether or not it reaches the client."""
        self.world.timeline.note(
            "answer", f"{operation.kind} {operation.token} {getattr(answer, 'reason', answer)}"
        )
        if isinstance(answer, CommandOutcome | UpdateOutcome):
            if answer.revision > self.replica.revision:
                self.violate("durable first", f"{operation.token} is answered with {answer.revision}")
            first = next((one for one in operation.answers if type(one) is type(answer)), None)
            if first is not None and outcome_facts(first) != outcome_facts(answer) and _changed(operation):
                self.violate("first answer", f"{operation.token}: {first}, then {answer}")
        elif isinstance(answer, int) and answer > self.replica.revision:
            self.violate("durable first", f"{operation.token} is answered with {answer}")
        operation.answers.append(answer)

    def reused(self, operation: Operation, answer: Any) -> None:
        if not isinstance(answer, CallError) or answer.reason not in ("REQUEST_ID_REUSED", "STOPPING"):
            self.violate("first answer", f"the id of {operation.token} was reused: {answer}")

    # Agents

    def asked(self, start: StartRun) -> None:
        self.world.timeline.note("asked", f"{start.run_id}/{start.attempt} of {start.work}")

    def begin(self, start: StartRun, agent: AgentProcess) -> Facts:
        facts = Facts(start.run_id, start.attempt, start.work, agent.boot_id)
        facts.excused = agent.frozen
        for other in self.attempts.values():
            if other.live and other.run_id == facts.run_id and not other.excused:
                self.violate("one at a time", f"{other.key} is executed while {facts.key} begins")
        self.attempts[facts.key] = facts
        return facts

    def check_agent(self, agent: AgentProcess) -> None:
        """Checks that an agent forgets only what is acknowledged, and keeps no more than it may."""
        for key, attempt in agent.session._roster.attempts.items():
            if attempt.outbox.acknowledged > agent.acknowledged.get(key, 0):
                self.violate("kept", f"{key}: {attempt.outbox.acknowledged} is forgotten")
            if attempt.outbox.size_bytes > self.world.outbox_bytes + FRAME_BYTES:
                self.violate("bounded", f"{key}: {attempt.outbox.size_bytes} bytes wait")

    # Watchers

    def watched(self, watcher: Watcher, before: tuple[int, str] | None, update: Any) -> None:
        """Compares a watcher's state with what was durable at its revision."""
        position = watcher.replica.position
        if position is None:
            return
        if isinstance(update, StateSnapshot):
            if not update.last:
                return
        elif watcher.component == "root" and before is not None and position[0] != before[0] + 1:
            self.violate("watcher", f"{watcher.name}: {position[0]} after {before[0]}")
        expected = _below(self.states.get(position[0], {}), watcher.component)
        if _vars(watcher.replica.content) != expected:
            self.violate("watcher", f"{watcher.name}: not the state of revision {position[0]}")


def _changed(operation: Operation) -> bool:
    """Whether carrying it out changes something, so that its answer is kept; `shrink` of nothing does not."""
    return bool(operation.request_id) and operation.kind in ("append", "order", "adjust", "update")


def _vars(replica: Replica) -> dict[str, Any]:
    return {name: repr(record.vars) for name, record in replica.components.items()}


def _below(states: dict[str, Any], component: str) -> dict[str, Any]:
    below = component + "."
    return {name: vars_ for name, vars_ in states.items() if name == component or name.startswith(below)}
