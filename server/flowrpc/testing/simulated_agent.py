"""The agent of a simulated app: it holds what the flow asks for, until a test says what becomes of it."""

from __future__ import annotations

from collections.abc import Callable

from flowrpc.flow_service.sessions import LOCAL_AGENT
from flowrpc.protocol.messages import (
    Accepted,
    AgentMessage,
    CancelAttempt,
    Fence,
    Finished,
    FlowMessage,
    Hello,
    Serving,
    StartRun,
    StopRunner,
    VarsChanged,
    WorkDelta,
)
from flowrpc.protocol.resources import Resources
from flowrpc.state import Change
from flowrpc.state.records import Failure, FailureReason
from flowrpc.work_service.held import keep_up

PLENTY = Resources(cpu_millis=2**50, memory_bytes=2**62, gpus=2**30)
"""As much as all works of a test may need together."""

CANCELLED = Failure(reason=FailureReason.CANCELLED, message="the run was cancelled")

Tell = Callable[[FlowMessage], None]
"""Takes what the flow says to a runner."""


class HeldRun:
    """An attempt that the flow asked for."""

    __slots__ = ("accepted", "seq", "start", "tell")

    def __init__(self, start: StartRun) -> None:
        self.start = start
        """What the flow asked for, with the vars as they are now."""
        self.accepted = False
        self.seq = 0
        """Number of the newest frame."""
        self.tell: Tell | None = None
        """Takes what the flow says, while a process executes it."""


class SimulatedAgent:
    """Says to the flow what an agent would, one message after the other.

    A cancelled attempt ends at once, as if user code did not resist.
    """

    def __init__(self, boot_id: str) -> None:
        """Takes the name of the process that it stands for."""
        self.hello = Hello(agent_id=LOCAL_AGENT, boot_id=boot_id, works=("*",), resources=PLENTY)
        self.held: dict[str, HeldRun] = {}
        """What it holds, by work."""
        self._unsaid: list[AgentMessage] = []
        self._stopped: list[str] = []

    def take_stopped(self) -> list[str]:
        """Returns the works whose process was to end since it was asked last."""
        stopped, self._stopped = self._stopped, []
        return stopped

    def take_unsaid(self) -> list[AgentMessage]:
        """Returns what it has to say."""
        unsaid, self._unsaid = self._unsaid, []
        return unsaid

    # What the flow says

    def hear(self, message: FlowMessage) -> None:
        """Takes what the flow says."""
        match message:
            case StartRun():
                self.held[message.work] = HeldRun(message)
            case StopRunner():
                self.held.pop(message.work, None)
                self._stopped.append(message.work)
            case VarsChanged():
                self._keep_up(message)
            case CancelAttempt():
                self._cancel(message)
            case Fence():
                self._drop(message)
            case _:
                self._pass_on(message)

    def _keep_up(self, message: VarsChanged) -> None:
        held = self.held.get(message.work)
        if held is not None:
            held.start = keep_up(held.start, message.number, message.changes)
            if held.tell is not None:
                held.tell(message)

    def _cancel(self, message: CancelAttempt) -> None:
        held = self._find(message)
        if held is None:
            return
        if held.tell is not None:
            held.tell(message)
        else:
            self.finish(held, CANCELLED)

    def _drop(self, message: Fence) -> None:
        held = self._find(message)
        if held is not None:
            del self.held[held.start.work]

    def _pass_on(self, message: FlowMessage) -> None:
        held = self._find(message)
        if held is not None and held.tell is not None:
            held.tell(message)

    def _find(self, message: FlowMessage) -> HeldRun | None:
        key = getattr(message, "run_id", None), getattr(message, "attempt", None)
        found = (held for held in self.held.values() if (held.start.run_id, held.start.attempt) == key)
        return next(found, None)

    # What it says

    def accept(self, held: HeldRun) -> None:
        """Says that the attempt began, unless that was said before."""
        if not held.accepted:
            held.accepted = True
            self._unsaid.append(Accepted(run_id=held.start.run_id, attempt=held.start.attempt))

    def change(self, held: HeldRun, changes: tuple[Change, ...]) -> None:
        """Says what the work changed."""
        base = held.start.vars_number
        held.start = keep_up(held.start, base, changes)
        run_id, attempt = held.start.run_id, held.start.attempt
        self.say(
            held,
            WorkDelta(run_id=run_id, attempt=attempt, seq=held.seq + 1, changes=changes, base=base),
        )

    def serve(self, serving: Serving) -> None:
        """Says where a work serves."""
        self._unsaid.append(serving)

    def finish(self, held: HeldRun, failure: Failure | None) -> None:
        """Says that the attempt ended."""
        run_id, attempt = held.start.run_id, held.start.attempt
        self.say(held, Finished(run_id=run_id, attempt=attempt, seq=held.seq + 1, failure=failure))

    def say(self, held: HeldRun, message: WorkDelta | Finished) -> None:
        """Says what a runner said of an attempt."""
        self.accept(held)
        held.seq = message.seq
        self._unsaid.append(message)
        if isinstance(message, Finished):
            self.held.pop(held.start.work, None)
