"""Sessions: the streams of agents, and which of them executes a work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from flowrpc.protocol.messages import Hello
from flowrpc.protocol.resources import Demand

LOCAL_AGENT = "local"
"""Name of the agent that `flowctl run` starts as its child."""


@dataclass(slots=True, kw_only=True)
class Session:
    """One stream of an agent."""

    number: int
    hello: Hello
    last_seen: float
    """Monotonic time of the newest frame."""
    extended: bool = False
    """Whether its lease was extended since."""
    draining: bool = False
    """Whether its agent finishes what it has and gets nothing more."""

    def has_labels(self, labels: Mapping[str, str]) -> bool:
        """Tells whether the agent has the labels, with these values."""
        return all(self.hello.labels.get(key) == value for key, value in labels.items())

    def fit(self, work: str) -> int:
        """Tells how well the agent fits a work: 0 not at all, 1 as any other, 2 it asked for this one."""
        fits = [
            2 if pattern != "*" else 1
            for pattern in self.hello.works
            if pattern == "*" or fnmatchcase(work, pattern)
        ]
        return max(fits, default=0)


class Sessions:
    """The streams that are open.

    Args:
        remote_works: Patterns of works that the local agent does not execute.
        all_able: Whether agents are taken to have what works need.
    """

    def __init__(self, remote_works: tuple[str, ...], *, all_able: bool = False) -> None:
        self._remote_works = remote_works
        self._all_able = all_able
        self._open: dict[int, Session] = {}

    def add(self, session: Session) -> None:
        """Adds a stream."""
        self._open[session.number] = session

    def remove(self, number: int) -> None:
        """Removes a stream, if it is still there."""
        self._open.pop(number, None)

    def get(self, number: int) -> Session | None:
        """Returns a stream."""
        return self._open.get(number)

    def all(self) -> list[Session]:
        """Returns all streams."""
        return list(self._open.values())

    def of_agent(self, agent_id: str | None) -> list[Session]:
        """Returns the streams of an agent: one, or none."""
        return [session for session in self._open.values() if session.hello.agent_id == agent_id]

    def of_boot(self, boot_id: str) -> list[Session]:
        """Returns the streams of one process of an agent."""
        return [session for session in self._open.values() if session.hello.boot_id == boot_id]

    def executing(self, work: str) -> list[Session]:
        """Returns the streams of the agents that execute a work, whatever it needs, and do not drain."""
        return [
            s for s in self._open.values() if not s.draining and s.fit(work) > 0 and self._may_run(s, work)
        ]

    def able(self, work: str, demand: Demand) -> list[Session]:
        """Returns the streams of the agents that have what a work needs, were they idle."""
        return [
            session
            for session in self.executing(work)
            if self._all_able
            or (session.hello.resources.covers(demand.resources) and session.has_labels(demand.labels))
        ]

    def _may_run(self, session: Session, work: str) -> bool:
        remote = any(fnmatchcase(work, pattern) for pattern in self._remote_works)
        return not (remote and session.hello.agent_id == LOCAL_AGENT)
