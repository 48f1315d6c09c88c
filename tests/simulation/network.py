"""Connections between agents and the flow: ordered bytes, late, cut or silent in one direction."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from tests.simulation.timeline import Timeline


class Process:
    """Something that runs until it is killed, and does nothing while it is frozen."""

    def __init__(self, timeline: Timeline, name: str) -> None:
        self.timeline = timeline
        self.name = name
        self.alive = True
        self.frozen = False
        self._backlog: list[Callable[[], None]] = []

    def after(self, delay: float, act: Callable[[], None]) -> None:
        self.timeline.after(delay, lambda: self.do(act))

    def at(self, time: float, act: Callable[[], None]) -> None:
        self.timeline.at(time, lambda: self.do(act))

    def do(self, act: Callable[[], None]) -> None:
        if self.frozen and self.alive:
            self._backlog.append(act)
        elif self.alive:
            act()

    def freeze(self) -> None:
        self.frozen = True
        self.note("frozen")

    def thaw(self) -> None:
        if self.frozen:
            self.frozen = False
            self.note(f"thawed, {len(self._backlog)} behind")
            backlog, self._backlog = self._backlog, []
            for act in backlog:
                self.do(act)

    def note(self, what: str) -> None:
        self.timeline.note(self.name, what)


class Pipe:
    """One direction: what is sent arrives in order, until the rest of it is lost."""

    def __init__(self, timeline: Timeline, random: Random, to: Process) -> None:
        self._timeline = timeline
        self._random = random
        self._to = to
        self._arrival = 0.0
        self._lost_after = float("inf")
        self.receive: Callable[[bytes], None] = _ignore
        self.slow = 1.0

    def send(self, data: bytes) -> None:
        delay = self._random.uniform(0.0002, 0.006) * self.slow
        self._arrival = max(self._arrival, self._timeline.now + delay)
        arrival = self._arrival
        self._to.at(arrival, lambda: self._arrive(data, arrival))

    @property
    def empty(self) -> bool:
        """Whether nothing is under way in it, and everything arrives."""
        return self._arrival <= self._timeline.now and self._lost_after == float("inf")

    def lose_after(self, time: float) -> None:
        """Loses everything that had arrived later than this."""
        self._lost_after = min(self._lost_after, time)

    def end(self, act: Callable[[], None], delay: float) -> None:
        """Tells the receiver that nothing more comes, after what does."""
        arrival = max(self._timeline.now + delay, min(self._arrival, self._lost_after))
        self._to.at(arrival, act)

    def _arrive(self, data: bytes, arrival: float) -> None:
        if arrival <= self._lost_after:
            self.receive(data)


def _ignore(data: bytes) -> None:
    """Is what becomes of bytes that nobody waits for."""


class Connection:
    """A stream in both directions. However it ends, each side hears of it in its own time.

    Args:
        timeline: Says what time it is.
        random: Says how long things take.
        agent: The side that dialled.
        flow: The side that was dialled.
    """

    def __init__(self, timeline: Timeline, random: Random, agent: Process, flow: Process) -> None:
        self.up = Pipe(timeline, random, flow)
        self.down = Pipe(timeline, random, agent)
        self.on_agent_broken: Callable[[], None] = _nothing
        self.on_flow_broken: Callable[[], None] = _nothing
        self.open = True
        self._timeline = timeline
        self._random = random

    @property
    def calm(self) -> bool:
        """Whether both sides can rely on having heard everything: it is neither broken nor silent, and empty."""
        return self.open and self.up.empty and self.down.empty

    def cut(self, *, patience: float = 0.3) -> None:
        """Breaks it: the tail of either direction may be lost, or all of it arrive though the other side has gone on.

        Args:
            patience: How long a side may take to notice, at most.
        """
        if not self.open:
            return
        self.open = False
        for pipe, heard in ((self.up, self._flow_hears), (self.down, self._agent_hears)):
            keeps = self._random.random() < 0.3
            pipe.lose_after(self._timeline.now + (1e9 if keeps else self._random.uniform(-0.002, 0.01)))
            pipe.end(heard, self._random.uniform(0.0, patience))

    def silence(self, *, up: bool) -> None:
        """Loses everything in one direction from now on. The pings of the transport find out, on either side."""
        (self.up if up else self.down).lose_after(self._timeline.now)
        self._timeline.after(self._random.uniform(1.0, 2.5), lambda: self.cut(patience=0.5))

    def close_by_flow(self) -> None:
        """Ends it in order, after what was sent."""
        if self.open:
            self.open = False
            self.down.end(self._agent_hears, 0.001)
            self.up.lose_after(self._timeline.now)
            self._flow_hears()

    def close_by_agent(self) -> None:
        """Is hung up by the agent: what it sent arrives, or not."""
        if self.open:
            self.open = False
            self.down.lose_after(self._timeline.now - 1.0)
            if self._random.random() < 0.5:
                self.up.lose_after(self._timeline.now + self._random.uniform(0.0, 0.005))
            self.up.end(self._flow_hears, self._random.uniform(0.0, 0.1))
            self._agent_hears()

    def _flow_hears(self) -> None:
        heard, self.on_flow_broken = self.on_flow_broken, _nothing
        heard()

    def _agent_hears(self) -> None:
        heard, self.on_agent_broken = self.on_agent_broken, _nothing
        heard()


def _nothing() -> None:
    """Is what happens when nobody has to hear of it."""
