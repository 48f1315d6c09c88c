"""The table of faults: every kind by its name, and what it needs of the host."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.crash.faults import full, ghost, network, places, resources, signals
from tests.crash.stage import Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A kind of fault."""

    name: str
    strike: Callable[[Stage, random.Random], Awaitable[None]]
    weight: int
    """How often it is chosen, compared with the others."""
    needs: str = ""
    """`shim`, `disk` or `memory`; without it, it is left out by name."""
    exclusive: bool = False
    """Whether it decides about the life of the flow, so that no other such one can go on at the same time."""


def _fault(
    strike: Callable[[Stage, random.Random], Awaitable[None]],
    weight: int = 1,
    *,
    needs: str = "",
    exclusive: bool = False,
    name: str = "",
) -> Fault:
    name = (name or getattr(strike, "__name__", "")).replace("_", "-")
    return Fault(name=name, strike=strike, weight=weight, needs=needs, exclusive=exclusive)


_ALL = [
    _fault(signals.kill_flow, 10, exclusive=True),
    _fault(signals.kill_flow_while_it_starts, 2, exclusive=True),
    _fault(signals.kill_flow_while_it_stops, 1, exclusive=True),
    _fault(signals.kill_everything, 2, exclusive=True),
    _fault(signals.freeze_flow_and_kill_it, 1, exclusive=True),
    _fault(signals.stop_flow, 1, exclusive=True),
    _fault(signals.interrupt_flow, 1, exclusive=True),
    _fault(signals.kill_local_agent, 5),
    _fault(signals.kill_far_agent, 4),
    _fault(signals.kill_near_runner, 8),
    _fault(signals.kill_far_runner, 8),
    _fault(signals.drain_far_agent, 1),
    _fault(signals.freeze_flow, 1),
    _fault(signals.freeze_local_agent, 1),
    _fault(signals.freeze_far_agent, 1),
    _fault(signals.freeze_far_agent_beyond_its_lease, 1),
    _fault(signals.freeze_runner, 1),
    _fault(full.fill_disk, 1, needs="disk", exclusive=True),
    _fault(full.stop_on_a_full_disk, 1, needs="disk", exclusive=True),
    _fault(full.start_on_a_full_disk, 1, needs="disk", exclusive=True),
    _fault(full.fail_writes, 1, needs="shim", exclusive=True),
    _fault(resources.fail_writes_for_good, 1, needs="shim", exclusive=True),
    _fault(resources.fail_syncs, 1, needs="shim", exclusive=True),
    _fault(resources.jump_clock, 1, needs="shim"),
    _fault(resources.hold_interpreter, 1),
    _fault(ghost.late_frames, 2),
    _fault(resources.take_memory, 1, needs="memory"),
    _fault(places.kill_flow_at_a_place, 6, exclusive=True),
    _fault(places.kill_agent_at_a_place, 3, exclusive=True),
    _fault(places.kill_runner_at_a_place, 3, exclusive=True),
    *(_fault(network.of_agent(kind), name=f"agent-link-{kind.__name__}") for kind in network.KINDS),
    *(_fault(network.of_clients(kind), name=f"client-link-{kind.__name__}") for kind in network.KINDS),
]
FAULTS = {fault.name: fault for fault in _ALL}
"""Every kind of fault."""
