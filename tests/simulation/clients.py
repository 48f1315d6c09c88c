"""Clients: they call, update and cancel, and try again with the same id when they do not know what became of it."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from flowrpc.errors import CallError
from flowrpc.flow_service.events import CancelRequested, CommandCalled, Event, UpdateRequested
from flowrpc.protocol.answers import CommandOutcome, UpdateOutcome
from flowrpc.protocol.requests import GetState
from flowrpc.state import Set

from tests.simulation.network import Process
from tests.simulation.timeline import BEGIN

if TYPE_CHECKING:
    from tests.simulation.world import World

KINDS = ("pool", "pool", "cached", "loop", "chain")


@dataclass(slots=True)
class Operation:
    """Something that a client wants, and everything that was answered."""

    kind: str
    token: str
    request_id: str
    make: Callable[[int], Event]
    answers: list[Any] = field(default_factory=list)
    """What the flow answered, whether or not that reached the client."""
    acknowledged: Any = None
    """The answer that reached the client."""
    over: bool = False
    tries: int = 0


class Client(Process):
    """Does one thing after the other, until the world has it stop."""

    def __init__(self, world: World, name: str) -> None:
        super().__init__(world.timeline, name)
        self.world = world
        self.current: Operation | None = None
        self._random = world.timeline.random
        self._count = 0
        self._pause()

    def _pause(self) -> None:
        self.after(self._random.expovariate(1 / 0.1), self._begin)

    def _begin(self) -> None:
        if not self.world.busy or self._count >= self.world.operations:
            return
        self._count += 1
        operation = self._choose()
        if operation is None:
            self._pause()
            return
        self.current = operation
        self.world.truth.operations.append(operation)
        self._try(operation)

    # What it wants

    def _choose(self) -> Operation | None:
        choice = self._random.random()
        token = f"{self.name}-{self._count}"
        if choice < 0.32:
            return self._command("append", token, token=token)
        if choice < 0.60:
            return self._command("order", token, kind=self._random.choice(KINDS))
        if choice < 0.68:
            return self._command("refuse", token, token=token)
        if choice < 0.78:
            return self._command("adjust", token, token=token)
        if choice < 0.84:
            command = "grow" if self._random.random() < 0.6 else "shrink"
            return self._command(command, token, key=f"e{self._random.randint(1, 2)}")
        return self._update(token) if choice < 0.93 else self._cancel(token)

    def _command(self, command: str, name: str, /, **arguments: Any) -> Operation:
        request_id = self._request_id()
        digest = _digest(command, arguments)
        deadline = self.timeline.now + 3.0 if self._random.random() < 0.2 else None

        def make(call_id: int) -> CommandCalled:
            return CommandCalled(
                call_id=call_id,
                command=command,
                arguments=dict(arguments),
                request_id=request_id,
                digest=digest,
                deadline=deadline if not request_id else None,
            )

        return Operation(command, name, request_id, make)

    def _update(self, token: str) -> Operation | None:
        """Counts the board's number up, unless somebody else did meanwhile."""
        flow = self.world.reachable_flow()
        if flow is None or "root.board" not in flow.publisher.replica.components:
            return None
        read = flow.publisher.state(GetState(component="root.board"))
        number = read.components[0].vars["number"]
        request_id = self._request_id()
        assert isinstance(number, int), "it is a counter"
        changes = (Set(("number",), number + 1),)
        digest = _digest("update", {"number": number + 1, "revision": read.revision})

        def make(call_id: int) -> UpdateRequested:
            return UpdateRequested(
                call_id=call_id,
                component="root.board",
                changes=changes,
                expected_revision=read.revision,
                request_id=request_id,
                digest=digest,
            )

        return Operation("update", token, request_id, make)

    def _cancel(self, token: str) -> Operation | None:
        flow = self.world.reachable_flow()
        runs = [] if flow is None else list(flow.publisher.replica.runs.values())
        open_runs = [run.run_id for run in runs if not run.status.terminal]
        if not open_runs:
            return None
        run_id, grace = self._random.choice(open_runs), timedelta(seconds=self._random.choice((0, 0.5, 2)))
        self.world.truth.cancelled.add(run_id)
        return Operation(
            "cancel", token, "", lambda call_id: CancelRequested(call_id=call_id, run_id=run_id, grace=grace)
        )

    def _request_id(self) -> str:
        """Makes a UUIDv7 of the time on the client's clock, which nobody sets."""
        if self._random.random() < 0.12:
            return ""
        milliseconds = int((BEGIN + timedelta(seconds=self.timeline.now)).timestamp() * 1000)
        bits = milliseconds << 80 | 7 << 76 | self._random.getrandbits(12) << 64
        return str(uuid.UUID(int=bits | 2 << 62 | self._random.getrandbits(62)))

    # How it gets it

    def _try(self, operation: Operation) -> None:
        operation.tries += 1
        flow = self.world.reachable_flow()
        if flow is None:
            self.after(self._random.uniform(0.05, 0.3), lambda: self._unknown(operation))
            return
        tried = operation.tries
        lost = self._random.random()

        def answered(answer: Any) -> None:
            self.world.truth.answered(operation, answer)
            if lost > 0.06 or not self.world.faulty:
                self.after(self._random.uniform(0.0003, 0.005), lambda: self._take(operation, answer))

        delay = self._random.uniform(0.0003, 0.005)
        if lost > 0.03 or not self.world.faulty:
            flow.after(delay, lambda: flow.ask(operation.make, answered) if flow.accepting else None)
            if self._random.random() < 0.04:  # sent twice, as by a proxy
                again = delay + self._random.uniform(0.0, 0.02)
                if operation.request_id:
                    flow.after(again, lambda: flow.ask(operation.make, answered) if flow.accepting else None)
        patience = 1.0 if self.world.faulty else 20.0
        self.after(patience, lambda: self._unknown(operation) if operation.tries == tried else None)

    def _unknown(self, operation: Operation) -> None:
        """Tries again if that can do no harm."""
        if operation.over:
            return
        if not operation.request_id:
            self._done(operation)
        else:
            self._try(operation)

    def _take(self, operation: Operation, answer: Any) -> None:
        if operation.over:
            return
        if isinstance(answer, CallError) and answer.reason == "STOPPING" and operation.request_id:
            self.after(self._random.uniform(0.1, 0.4), lambda: self._unknown(operation))
            operation.tries += 1
            return
        operation.acknowledged = answer
        self._done(operation)
        if operation.kind == "append" and isinstance(answer, CommandOutcome) and self._random.random() < 0.2:
            self._probe(operation)

    def _done(self, operation: Operation) -> None:
        operation.over = True
        self.current = None
        self._pause()

    def _probe(self, operation: Operation) -> None:
        """Repeats a request that was answered, and then uses its id for another one."""
        flow = self.world.reachable_flow()
        if flow is None or not operation.request_id:
            return
        other = f"{operation.token}-reused"
        make = lambda call_id: CommandCalled(  # noqa: E731 - it is what `ask` takes
            call_id=call_id,
            command="append",
            arguments={"token": other},
            request_id=operation.request_id,
            digest=_digest("append", {"token": other}),
        )
        truth = self.world.truth
        flow.after(0.001, lambda: flow.ask(operation.make, lambda answer: truth.answered(operation, answer)))
        flow.after(0.001, lambda: flow.ask(make, lambda answer: truth.reused(operation, answer)))


def _digest(what: str, arguments: dict[str, Any]) -> bytes:
    return hashlib.sha256(repr((what, sorted(arguments.items()))).encode()).digest()


def outcome_facts(answer: Any) -> Any:
    """Returns what has to be the same whenever a request is repeated."""
    if isinstance(answer, CommandOutcome):
        return answer.result, answer.failure, answer.revision
    return answer.revision if isinstance(answer, UpdateOutcome) else answer
