"""One life of a simulated app: the shell around the core, without threads, sockets or a disk."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from threading import get_ident
from typing import Any

from flowrpc.component.flow import LightningFlow
from flowrpc.errors import CallError
from flowrpc.flow_service.core import Core
from flowrpc.flow_service.effects import Effect, Reply, Send, StreamEnded, StreamItem
from flowrpc.flow_service.events import AgentAttached, AgentExited, AgentSpoke, Event, StreamWanted
from flowrpc.flow_service.instant import Instant
from flowrpc.protocol.answers import CommandItem
from flowrpc.protocol.messages import AgentMessage, Beat
from flowrpc.store.memory import MemoryStore
from flowrpc.testing.clock import Clock
from flowrpc.testing.history import History
from flowrpc.testing.simulated_agent import SimulatedAgent

_FOREVER = float("inf")


class Life:
    """Feeds the core that serves real apps, and carries out what it wants.

    Args:
        root: The freshly built root.
        store: What earlier lives left, and this one leaves.
        clock: Says what time it is.
        history: Takes what becomes durable.

    Raises:
        FlowrpcError: The app cannot begin.
    """

    def __init__(self, root: LightningFlow, store: MemoryStore, clock: Clock, history: History) -> None:
        self._store = store
        self._clock = clock
        self._history = history
        self._ids = itertools.count(1)
        self._sessions = itertools.count(1)
        self._replies: dict[int, Any] = {}
        self._streamed: dict[int, list[StreamItem | StreamEnded]] = {}
        recovered = store.open()
        self._number = recovered.life
        try:
            self.core = Core(root, recovered, clock.now, audit=True, all_able=True)
        except BaseException:
            store.crash()
            raise
        self.core.own_thread(get_ident())
        self.agent = self._new_agent()
        self.commit()

    def end(self) -> None:
        """Ends as a kill of the process would: what was committed is there in the next life."""
        self._store.crash()

    # Passes and time

    def run_pass(self, *, commit: bool) -> None:
        """Runs one pass."""
        self.core.run_pass(self._clock.now)
        if commit or self.core.ended is not None:
            self.commit()

    def tick(self) -> None:
        """Lets the core look at the clock."""
        self.core.tick(self._clock.now)

    def take_assignments(self) -> None:
        """Takes what the test itself set in the tree since the last transition for a change from outside."""
        log = self.core.root._log
        if log is not None and log.entries:
            self.core.wants_pass = True

    # Events

    def ask(self, make: Callable[[int], Event]) -> Any:
        """Hands a request over and returns its answer.

        Raises:
            CallError: The request is refused.
        """
        call_id = next(self._ids)
        self.receive(make(call_id))
        answer = self._replies.pop(call_id)
        if isinstance(answer, CallError):
            raise answer
        return answer

    def next_item(self, stream: int) -> CommandItem | None:
        """Makes the next item of a stream; None if it has ended.

        Raises:
            CallError: Something else than the command ended it.
        """
        self.core.receive(StreamWanted(stream=stream, count=1), self._clock.now)
        if self.core.wants_items:
            self.core.step_stream(self._clock.now)
        self.commit()
        sent = self._streamed.pop(stream, [])
        if sent and isinstance(sent[0], StreamItem):
            return sent[0].item
        ended = next((one for one in sent if isinstance(one, StreamEnded)), None)
        if ended is not None and ended.error is not None:
            raise ended.error
        return None

    def receive(self, event: Event) -> None:
        """Feeds an event, and commits."""
        self.core.receive(event, self._clock.now)
        self.commit()

    def lose_agent(self) -> None:
        """Lets the process of the agent die, and another one take its place."""
        self.core.receive(AgentExited(boot_id=self.agent.hello.boot_id), self._clock.now)
        self.agent = self._new_agent()
        self.commit()

    def _new_agent(self) -> SimulatedAgent:
        self._session = next(self._sessions)
        agent = SimulatedAgent(f"life-{self._number}-agent-{self._session}")
        self.core.receive(AgentAttached(session=self._session, hello=agent.hello), self._never)
        return agent

    @property
    def _never(self) -> Instant:
        """Now, for a lease that never runs out: this agent is not late, whatever the clock is set to."""
        return Instant(_FOREVER, self._clock.wall)

    # What comes out

    def commit(self) -> None:
        """Makes durable what happened, and carries out what waits on that, until nothing is left to do."""
        effects = self._seal()
        while effects:
            for effect in effects:
                self._carry_out(effect)
            for message in self.agent.take_unsaid():
                self._speak(message)
            effects = self._seal()

    def say(self) -> None:
        """Lets the agent say what it has to say."""
        for message in self.agent.take_unsaid():
            self._speak(message)
            self.commit()

    def _speak(self, message: AgentMessage) -> None:
        self.core.receive(AgentSpoke(session=self._session, message=message), self._clock.now)
        self.core.receive(AgentSpoke(session=self._session, message=Beat(number=1)), self._never)

    def _seal(self) -> list[Effect]:
        commit = self.core.seal(self._clock.now)
        if commit is not None:
            self._store.commit(commit)
            self.core.committed()
            self._history.add(commit.revision)
        return self.core.take_effects()

    def _carry_out(self, effect: Effect) -> None:
        match effect:
            case Reply():
                self._replies[effect.call_id] = effect.answer
            case StreamItem() | StreamEnded():
                self._streamed.setdefault(effect.stream, []).append(effect)
            case Send() if effect.session == self._session:
                self.agent.hear(effect.message)
            case _:
                pass  # the end is read from the core, and what was said to an agent that died is lost
