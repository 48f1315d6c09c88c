"""Draining agents: they get no more runs, finish what they have, and leave."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from flowrpc.errors import CallError
from flowrpc.flow_service.effects import Reply, Send
from flowrpc.flow_service.sessions import LOCAL_AGENT, Session, Sessions
from flowrpc.protocol.messages import Drain


@dataclass(slots=True, kw_only=True)
class _Order:
    """What one process of an agent was told, or is to be told when it is back."""

    boot_id: str
    grace: timedelta | None
    callers: list[int] = field(default_factory=list)
    """Calls that wait until the agent has heard it."""


class Drains:
    """Drains agents. A caller is answered when the agent has heard it: from then on its hellos tell.

    Args:
        sessions: The streams that are open.
        emit: Takes effects.
    """

    def __init__(self, sessions: Sessions, emit: Callable[..., None]) -> None:
        self._sessions = sessions
        self._emit = emit
        self._orders: dict[str, _Order] = {}
        """By name of the agent."""

    def begin(self, call_id: int, agent_id: str, grace: timedelta | None) -> None:
        """Drains an agent: nothing is placed on it from now on.

        Raises:
            CallError: UNKNOWN_AGENT, or INVALID_REQUEST for the local one.
        """
        if agent_id == LOCAL_AGENT:
            raise CallError(
                "INVALID_REQUEST",
                "the local agent lives as long as its app: stop that with flowctl stop, or have works executed "
                "elsewhere with flowctl run --remote-work",
                field="agent_id",
            )
        session = next(iter(self._sessions.of_agent(agent_id)), None)
        if session is None:
            raise CallError(
                "UNKNOWN_AGENT", f"no agent {agent_id!r} is attached; see flowctl agents", agent_id=agent_id
            )
        order = self._orders.setdefault(agent_id, _Order(boot_id=session.hello.boot_id, grace=grace))
        order.grace = grace
        order.callers.append(call_id)
        self._tell(session, order)

    def attach(self, session: Session) -> None:
        """Takes up an agent that is back: it drains if it says so, or if it did not hear that it is to."""
        hello = session.hello
        session.draining = hello.draining
        order = self._orders.get(hello.agent_id)
        if order is None:
            return
        if order.boot_id != hello.boot_id or hello.draining:
            self.settle(hello.agent_id)  # the process that was to drain is gone, or knows
        else:
            self._tell(session, order)

    def settle(self, agent_id: str) -> None:
        """Answers who waits: the agent has heard it, or is gone, and gets nothing more in both cases."""
        order = self._orders.pop(agent_id, None)
        for call_id in order.callers if order is not None else ():
            self._emit(Reply(call_id, None))

    def _tell(self, session: Session, order: _Order) -> None:
        session.draining = True
        self._emit(Send(session.number, Drain(grace=order.grace)))
