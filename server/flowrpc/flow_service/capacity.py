"""Capacity: what running works take of each agent, and who gets what is left.

The oldest run is asked first. One that an agent could take, but not now, claims the agent: from then on younger runs
get only what the claim leaves. So a large request waits for what is running when it claims, and for nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from flowrpc.component.needs import demand_of
from flowrpc.flow_service.attempts import Attempt
from flowrpc.flow_service.sessions import Session, Sessions
from flowrpc.protocol.resources import NOTHING, Resources


@dataclass(slots=True)
class Load:
    """What is taken of one agent."""

    attempts: int = 0
    taken: Resources = NOTHING
    claims: int = 0
    claimed: Resources = NOTHING
    """What older runs wait for here."""

    def add(self, resources: Resources) -> None:
        """Takes something for one more attempt."""
        self.attempts += 1
        if resources is not NOTHING:
            self.taken += resources

    def has_room(self, session: Session, wanted: Resources) -> bool:
        """Tells whether one more attempt has room, beside the claims."""
        capacity = session.hello.capacity
        if capacity and self.attempts >= capacity:
            return False
        return wanted == NOTHING or _leaves_room(session.hello.resources, self.taken + self.claimed, wanted)


class Capacity:
    """Chooses agents for runs.

    Args:
        sessions: The streams that are open.
    """

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._loads: dict[int, Load] = {}
        self._ending: dict[tuple[str, int], tuple[int, Resources]] = {}
        """Attempts that are not followed any more, and whose agent has not told their end."""
        self._claims: dict[str, int] = {}
        """By run: the stream of the agent that it claims."""
        self._claims_before: dict[str, int] = {}

    def loads(self, attempts: Iterable[Attempt]) -> dict[int, Load]:
        """Counts what is taken of each agent that is attached."""
        loads = {session.number: Load() for session in self._sessions.all()}
        for attempt in attempts:
            if attempt.session in loads:
                loads[attempt.session].add(demand_of(attempt.work).resources)
        for number, resources in self._ending.values():
            if number in loads:
                loads[number].taken += resources
        return loads

    def begin_round(self, attempts: Iterable[Attempt]) -> None:
        """Begins to choose, for the oldest run first. Claims are kept that are made again in this round."""
        self._loads = self.loads(attempts)
        self._claims_before, self._claims = self._claims, {}

    def choose(
        self, run_id: str, able: list[Session], work: str, host: str | None, wanted: Resources
    ) -> Session | None:
        """Chooses the agent for a run: the one that has the work's runner, else the one that fits best and has least.

        Args:
            run_id: The run.
            able: The agents that could take it, were they idle.
            work: Its work.
            host: The agent that has the work's runner, if one has.
            wanted: What the work takes.

        Returns:
            The agent's stream; None if no agent can take the run now.
        """
        ready = [s for s in able if self._loads[s.number].has_room(s, wanted)]
        chosen = self._best(ready, work, host)
        if chosen is not None:
            self._loads[chosen.number].add(wanted)
        elif wanted != NOTHING:
            self._claim(run_id, able, work, host, wanted)
        return chosen

    def begin_end(self, attempt: Attempt) -> None:
        """Keeps what an attempt takes, although it is not followed any more: its process is yet to end."""
        resources = demand_of(attempt.work).resources
        if attempt.session is not None and resources != NOTHING:
            self._ending[attempt.run_id, attempt.number] = attempt.session, resources

    def end(self, run_id: str, number: int) -> bool:
        """Gives back what such an attempt took; tells whether it took anything."""
        return self._ending.pop((run_id, number), None) is not None

    def forget(self, number: int) -> None:
        """Forgets a stream that ended: what its agent still holds is told when it comes back."""
        self._ending = {key: value for key, value in self._ending.items() if value[0] != number}

    def _best(self, sessions: Sequence[Session], work: str, host: str | None) -> Session | None:
        return min(
            sessions,
            key=lambda s: (
                s.hello.agent_id != host,
                -s.fit(work),
                self._loads[s.number].claims,
                self._loads[s.number].attempts,
                s.number,
            ),
            default=None,
        )

    def _claim(
        self, run_id: str, able: list[Session], work: str, host: str | None, wanted: Resources
    ) -> None:
        """Claims one agent, the same as long as it is attached: otherwise no claim would ever be met."""
        before = self._claims_before.get(run_id)
        claimed = next((s for s in able if s.number == before), None) or self._best(able, work, host)
        if claimed is not None:
            self._claims[run_id] = claimed.number
            load = self._loads[claimed.number]
            load.claims += 1
            load.claimed += wanted


def _leaves_room(has: Resources, taken: Resources, wanted: Resources) -> bool:
    """Tells whether there is as much left as wanted; of what is not wanted there may be too little."""
    return (
        (not wanted.cpu_millis or taken.cpu_millis + wanted.cpu_millis <= has.cpu_millis)
        and (not wanted.memory_bytes or taken.memory_bytes + wanted.memory_bytes <= has.memory_bytes)
        and (not wanted.gpus or taken.gpus + wanted.gpus <= has.gpus)
    )
