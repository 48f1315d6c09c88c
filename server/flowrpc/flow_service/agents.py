"""Agents: their streams, from hello to farewell, and what silence means."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from flowrpc.errors import CallError
from flowrpc.flow_service.attempts import FOREVER
from flowrpc.flow_service.dispatcher import GRACE_MARGIN, Dispatcher
from flowrpc.flow_service.drains import Drains
from flowrpc.flow_service.effects import CloseSession, Send
from flowrpc.flow_service.instant import Instant
from flowrpc.flow_service.sessions import LOCAL_AGENT, Session, Sessions
from flowrpc.protocol.messages import (
    Accepted,
    AgentMessage,
    Beat,
    Bye,
    Draining,
    Finished,
    Hello,
    Rejected,
    Serving,
    Welcome,
    WorkDelta,
)

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=5)
BEAT_INTERVAL = timedelta(seconds=1)


class Agents:
    """Follows the streams of agents. A stream that breaks or is silent is notice, not death.

    Args:
        sessions: The streams that are open.
        dispatcher: Follows the attempts.
        emit: Takes effects; those with `at_once` wait on no revision.
        epoch: The life of this flow service.
        journal_id: The journal of the app.
        storage_url: Where works keep files.
    """

    def __init__(
        self,
        sessions: Sessions,
        dispatcher: Dispatcher,
        emit: Callable[..., None],
        *,
        epoch: int,
        journal_id: str,
        storage_url: str,
    ) -> None:
        self._sessions = sessions
        self._dispatcher = dispatcher
        self._emit = emit
        self.drains = Drains(sessions, emit)
        """The agents that finish what they have and get nothing more."""
        self._welcome = Welcome(
            lease=LEASE,
            beat_interval=BEAT_INTERVAL,
            epoch=epoch,
            journal_id=journal_id,
            storage_url=storage_url,
        )

    def attach(self, number: int, hello: Hello, now: Instant) -> None:
        """Welcomes an agent; an older stream of the same agent is closed."""
        for old in self._sessions.of_agent(hello.agent_id):
            self.detach(old.number, now)
            problem = "another agent of the same name attached; give each its own --agent-id"
            self._close(old.number, "AGENT_REPLACED", problem)
        session = Session(number=number, hello=hello, last_seen=now.monotonic)
        self._sessions.add(session)
        if works := self._dispatcher.works_away(hello.agent_id):
            logger.info("agent %s is back; it had runs of %s", hello.agent_id, ", ".join(works))
        verdicts = tuple(self._dispatcher.judge(held, hello, number, now) for held in hello.held)
        self._emit(Send(number, replace(self._welcome, verdicts=verdicts)))
        self.drains.attach(session)
        self._dispatcher.resume(hello, number, now)

    def lose(self, number: int, now: Instant) -> None:
        """Notes that a stream broke."""
        session = self._sessions.get(number)
        self.detach(number, now)
        if session is None or session.hello.agent_id == LOCAL_AGENT:  # of that one's end we hear more
            return
        if works := self._dispatcher.works_away(session.hello.agent_id):
            logger.warning(
                "agent %s is away; its runs of %s are tried again %g s after their orphan_grace",
                session.hello.agent_id,
                ", ".join(works),
                GRACE_MARGIN.total_seconds(),
            )

    def detach(self, number: int, now: Instant) -> None:
        """Notes that a stream ended: its attempts are suspect, not dead."""
        session = self._sessions.get(number)
        self._sessions.remove(number)
        self._dispatcher.suspect(number, now)
        if session is not None:
            busy = set(self._dispatcher.busy_works())
            self._dispatcher.processes.silence_all(session.hello.agent_id, but=busy)

    def exited(self, boot_id: str, now: Instant) -> None:
        """Takes what a process of an agent held for dead: it was seen to end."""
        for session in self._sessions.of_boot(boot_id):
            self.detach(session.number, now)
            self.drains.settle(session.hello.agent_id)
            self._dispatcher.processes.lose(session.hello.agent_id)
        self._dispatcher.lose_all("its agent died", lambda attempt: attempt.boot_id == boot_id, now)

    def spoke(self, number: int, message: AgentMessage, now: Instant) -> None:
        """Takes a frame."""
        session = self._sessions.get(number)
        if session is None:
            return  # the stream was closed; what was still under way on it is sent again on the next one
        session.last_seen, session.extended = now.monotonic, False
        match message:
            case Beat():
                self._emit(Send(number, message), at_once=True)
            case Accepted():
                self._dispatcher.accept(session, message, now)
            case Rejected():
                self._dispatcher.reject(session, message, now)
            case WorkDelta():
                self._dispatcher.apply(session, message)
            case Finished():
                self._dispatcher.finish(session, message, now)
            case Serving():
                self._dispatcher.processes.serve(session, message)
            case Draining():
                self.drains.settle(session.hello.agent_id)
            case Bye():
                self._bye(session, now)
            case _:
                logger.warning(
                    "agent %s sent a %s out of place", session.hello.agent_id, type(message).__name__
                )

    def note_beat(self, number: int, now: Instant) -> bool:
        """Notes that an agent lives; tells whether it has an open stream."""
        session = self._sessions.get(number)
        if session is not None:
            session.last_seen = now.monotonic
        return session is not None

    def tick(self, now: Instant) -> None:
        """Closes silent streams, and lets time pass for attempts."""
        for session in self._sessions.all():
            if now.monotonic - session.last_seen > LEASE.total_seconds():
                logger.warning("agent %s was silent for %s: suspect", session.hello.agent_id, LEASE)
                self.detach(session.number, now)
                self._close(session.number, "AGENT_SILENT", f"silent for {LEASE.total_seconds():g} s")
        self._dispatcher.tick(now)

    def extend(self, seconds: float) -> None:
        """Extends every lease, and the time that agents may be away: nobody could be heard for so long.

        Each is extended once until the agent is heard again: in a flow whose passes are slow, every tick may be late.
        """
        for session in self._sessions.all():
            if not session.extended:
                session.extended = True
                session.last_seen += seconds
        self._dispatcher.extend(seconds)

    def deadline(self) -> float | None:
        """Returns the monotonic time at which `tick` has something to do."""
        times = [session.last_seen + LEASE.total_seconds() for session in self._sessions.all()]
        earliest = min((*times, *self._dispatcher.deadlines()), default=FOREVER)
        return earliest if earliest < FOREVER else None

    def _bye(self, session: Session, now: Instant) -> None:
        agent_id = session.hello.agent_id
        self.detach(session.number, now)
        self.drains.settle(agent_id)
        self._dispatcher.processes.lose(agent_id)
        self._dispatcher.lose_all(
            f"its agent {agent_id} left", lambda attempt: attempt.agent_id == agent_id, now
        )

    def _close(self, number: int, reason: str, problem: str) -> None:
        self._emit(CloseSession(number, CallError(reason, problem, problem=problem)), at_once=True)
