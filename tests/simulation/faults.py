"""Faults: what goes wrong, when and how. They are chosen beforehand, so that any of them can be left out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING

from tests.simulation.flow import LOCAL

if TYPE_CHECKING:
    from tests.simulation.world import World


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong."""

    number: int
    at: float
    kind: str
    seed: int
    """Of everything about it that is left to chance."""

    def __str__(self) -> str:
        return f"#{self.number} {self.kind} at {self.at:.3f}"


def choose(random: Random, *, until: float, most: int) -> list[Fault]:
    """Chooses the faults of a seed."""
    kinds = [kind for kind, weight in _WEIGHTS.items() for _ in range(weight)]
    times = sorted(random.uniform(0.2, until) for _ in range(random.randint(0, most)))
    return [
        Fault(number, at, random.choice(kinds), random.getrandbits(32)) for number, at in enumerate(times)
    ]


def strike(world: World, fault: Fault) -> None:
    """Lets one happen."""
    world.timeline.note("fault", str(fault))
    _STRIKES[fault.kind](world, Random(fault.seed))


def _kill_flow(world: World, random: Random) -> None:
    if world.flow is not None:
        world.flow.die()


def _kill_before_commit(world: World, random: Random) -> None:
    world.disk.crash_before = random.randint(0, 3)


def _kill_after_commit(world: World, random: Random) -> None:
    world.disk.crash_after = random.randint(0, 3)


def _kill_in_effects(world: World, random: Random) -> None:
    if world.flow is not None:
        world.flow.crash_in_effects = random.randint(0, 5)


def _fail_commit(world: World, random: Random) -> None:
    if world.flow is not None:
        world.disk.fail_next_commit("no space left")


def _kill_agent(world: World, random: Random) -> None:
    agents = list(world.agents.values())
    if agents:
        random.choice(agents).kill()


def _stop_agent(world: World, random: Random) -> None:
    agents = [agent for agent in world.agents.values() if agent.agent_id != LOCAL]
    if agents:
        random.choice(agents).stop()


def _kill_runner(world: World, random: Random) -> None:
    runners = [runner for agent in world.agents.values() for runner in agent.runners.values()]
    if runners:
        random.choice(runners).kill()


def _cut(world: World, random: Random) -> None:
    open_ones = [agent.connection for agent in world.agents.values() if agent.connection is not None]
    if open_ones:
        random.choice(open_ones).cut(patience=random.choice((0.05, 0.5, 3.0)))


def _silence(world: World, random: Random) -> None:
    open_ones = [agent.connection for agent in world.agents.values() if agent.connection is not None]
    if open_ones:
        random.choice(open_ones).silence(up=random.random() < 0.5)


def _slow(world: World, random: Random) -> None:
    open_ones = [agent.connection for agent in world.agents.values() if agent.connection is not None]
    if open_ones:
        pipe = random.choice([open_ones[-1].up, open_ones[-1].down])
        pipe.slow = random.choice((20.0, 200.0))
        world.timeline.after(random.uniform(0.5, 3.0), lambda: setattr(pipe, "slow", 1.0))


def _partition(world: World, random: Random) -> None:
    """No agent of another host reaches the flow for a while, even after the last fault."""
    seconds = random.choice((0.3, 2.0, world.grace + 1.0, world.grace + 14.0))
    world.partitioned_until = max(world.partitioned_until, world.timeline.now + seconds)
    for agent in world.agents.values():
        if agent.connection is not None and agent.agent_id != LOCAL:
            agent.connection.cut(patience=2.0)


def _freeze_flow(world: World, random: Random) -> None:
    flow = world.flow
    if flow is not None and not flow.frozen:
        flow.freeze()
        world.timeline.after(random.choice((0.2, 2.0, 7.0)), flow.thaw)


def _freeze_agent(world: World, random: Random) -> None:
    agents = [agent for agent in world.agents.values() if not agent.frozen]
    if agents:
        agent = random.choice(agents)
        world.freeze_agent(agent)
        world.timeline.after(random.choice((0.5, 6.0, world.grace + 8.0)), agent.thaw)


def _freeze_runner(world: World, random: Random) -> None:
    runners = [runner for agent in world.agents.values() for runner in agent.runners.values()]
    if runners:
        runner = random.choice(runners)
        runner.freeze()
        world.timeline.after(random.choice((0.2, 3.0)), runner.thaw)


def _set_clock(world: World, random: Random) -> None:
    world.timeline.wall_offset = timedelta(seconds=random.uniform(-300, 300))


def _stop_app(world: World, random: Random) -> None:
    world.stop_app()


def _cut_watchers(world: World, random: Random) -> None:
    for watcher in world.watchers:
        watcher.cut()


def _be_late(world: World, random: Random) -> None:
    world.late = random.choice((0.0, 0.5, 3.0))


_WEIGHTS = {
    "kill-flow": 2,
    "kill-before-commit": 2,
    "kill-after-commit": 2,
    "kill-in-effects": 2,
    "fail-commit": 1,
    "kill-agent": 3,
    "stop-agent": 1,
    "kill-runner": 2,
    "cut": 4,
    "silence": 2,
    "slow": 2,
    "partition": 2,
    "freeze-flow": 1,
    "freeze-agent": 1,
    "freeze-runner": 1,
    "set-clock": 1,
    "stop-app": 1,
    "cut-watchers": 2,
    "be-late": 1,
}

_STRIKES: dict[str, Callable[[World, Random], None]] = {
    "kill-flow": _kill_flow,
    "kill-before-commit": _kill_before_commit,
    "kill-after-commit": _kill_after_commit,
    "kill-in-effects": _kill_in_effects,
    "fail-commit": _fail_commit,
    "kill-agent": _kill_agent,
    "stop-agent": _stop_agent,
    "kill-runner": _kill_runner,
    "cut": _cut,
    "silence": _silence,
    "slow": _slow,
    "partition": _partition,
    "freeze-flow": _freeze_flow,
    "freeze-agent": _freeze_agent,
    "freeze-runner": _freeze_runner,
    "set-clock": _set_clock,
    "stop-app": _stop_app,
    "cut-watchers": _cut_watchers,
    "be-late": _be_late,
}
KINDS = tuple(_STRIKES)
