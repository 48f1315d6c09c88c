"""What user code of a work does, one step after the other, and what is true of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random

from tests.simulation.app import Task

PATIENCE_SECONDS = 40.0
"""How long user code waits for the flow to take a request away, before it gives up."""
POLL_SECONDS = 0.25
KEPT_NOTES = 6


class Died(Exception):
    """Tells that the process ended in the middle of user code."""


class TaskError(Exception):
    """Is raised by user code that fails."""


@dataclass(slots=True)
class Facts:
    """What is true of an attempt, whoever knows it."""

    run_id: str
    number: int
    work: str
    boot_id: str
    steps: list[str] = field(default_factory=list)
    """What it changed, in order; what of it is acknowledged is another matter."""
    requests: list[str] = field(default_factory=list)
    live: bool = True
    """Whether user code may still be executed."""
    excused: bool = False
    """Whether its agent was frozen, so that it could not end it in time."""
    parked: bool = False
    complete: bool = False
    """Whether user code ended by itself, after all its steps."""
    starved: bool = False

    @property
    def key(self) -> tuple[str, int]:
        return self.run_id, self.number


def play(task: Task, facts: Facts, random: Random, released: Callable[[], bool]) -> Iterator[float]:
    """Plays one attempt; yields how long it does something else."""
    parks = random.random() < 0.3
    end = random.random()
    for _ in range(random.randint(1, 5)):
        facts.steps.append(f"{facts.run_id}/{facts.number}/{len(facts.steps) + 1}")
        task.steps.append(facts.steps[-1])
        task.count += 1
        yield from _do_something(task, facts, random)
        yield random.expovariate(1 / 0.06)
    if end < 0.06:
        raise Died
    if end < 0.16:
        raise TaskError(f"{facts.run_id} was to fail")
    while parks and not released():
        facts.parked = True
        yield POLL_SECONDS
    facts.parked = False
    facts.complete = True


def _do_something(task: Task, facts: Facts, random: Random) -> Iterator[float]:
    kind = random.random()
    if kind < 0.4:
        yield from _ask(task, facts)
    elif kind < 0.6:
        _note(task, facts)
    elif kind < 0.7:  # the list is in hand while the flow may change it
        notes = task.notes
        yield random.uniform(0.0, 0.2)
        notes.append(f"held by {facts.run_id}")
    elif kind < 0.75:
        for _ in range(random.randint(2, 20)):
            _note(task, facts)


def _note(task: Task, facts: Facts) -> None:
    task.notes.append(f"by {facts.run_id}/{facts.number}")
    if len(task.notes) > KEPT_NOTES:
        del task.notes[0]


def _ask(task: Task, facts: Facts) -> Iterator[float]:
    """Asks something of the flow, when that has taken away what was asked before."""
    waited = 0.0
    while task.request and waited < PATIENCE_SECONDS:
        yield POLL_SECONDS
        waited += POLL_SECONDS
    if task.request:
        facts.starved = True
        return
    facts.requests.append(f"{facts.run_id}/{facts.number}/{len(facts.requests) + 1}")
    task.request = facts.requests[-1]
