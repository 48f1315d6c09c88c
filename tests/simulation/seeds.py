"""Many seeds: their sum, and the fewest faults that still make one of them fail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

from tests.simulation.world import Outcome, run_seed


@dataclass(slots=True)
class Sum:
    """What became of many seeds."""

    seeds: int = 0
    events: int = 0
    crashes: int = 0
    acknowledged: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    failed: list[Outcome] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        self.seeds += 1
        self.events += outcome.events
        self.crashes += outcome.crashes
        self.acknowledged += outcome.acknowledged
        self.faults.update(fault.kind for fault in outcome.faults)
        if outcome.violations:
            self.failed.append(outcome)

    def __str__(self) -> str:
        kinds = f"{self.faults.total():,} faults of {len(self.faults)} kinds"
        return (
            f"{self.seeds:,} seeds, {self.events:,} events, {kinds}, {self.crashes:,} crashes, "
            f"{self.acknowledged:,} acknowledged operations; "
            f"{len(self.failed)} seeds with violations"
        )


def run(seeds: Iterable[int], jobs: int = 1) -> Iterator[Outcome]:
    """Runs seeds, in their order, in as many processes."""
    if jobs == 1:
        yield from map(run_seed, seeds)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(run_seed, seeds, chunksize=20)


def describe(outcome: Outcome) -> str:
    """Says what a seed violated, and how to see it again."""
    lines = [f"seed {outcome.seed}:", *(f"  {violation}" for violation in outcome.violations[:5])]
    return "\n".join([*lines, f"  python -m tests.simulation --seed {outcome.seed} --trace"])


def shrink(seed: int) -> tuple[Outcome, tuple[int, ...]]:
    """Leaves out every fault without which the seed still violates the same promise; returns those left out."""
    outcome = run_seed(seed)
    if not outcome.violations:
        return outcome, ()
    promise = outcome.violations[0].promise
    without: tuple[int, ...] = ()
    for fault in outcome.faults:
        fewer = run_seed(seed, without=(*without, fault.number))
        if any(violation.promise == promise for violation in fewer.violations):
            outcome, without = fewer, (*without, fault.number)
    return outcome, without
