"""How things are measured and told: alternating blocks, percentiles, goals, the table."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

Block: TypeAlias = list[float]
"""What one side measured in one turn."""
Side: TypeAlias = Callable[[], Block]
"""Measures one block."""
Blocks: TypeAlias = dict[str, list[Block]]
"""The blocks of every side, in the order in which they were measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How much is measured, and where files are put."""

    quick: bool
    directory: Path

    def choose(self, full: int, quick: int) -> int:
        """Returns a count for this run."""
        return quick if self.quick else full


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What a figure should be."""

    bound: float
    at_least: bool = False

    def met(self, value: float) -> bool:
        """Tells whether a figure is good enough."""
        return value >= self.bound if self.at_least else value <= self.bound

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {figure(self.bound)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One line of the table."""

    what: str
    value: float
    unit: str
    """`x` for a ratio."""
    goal: Goal | None = None
    """None: told beside, to explain the others."""
    detail: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Returns it as JSON has it, with whether the goal is met."""
        return asdict(self) | {"met": None if self.goal is None else self.goal.met(self.value)}


Row: TypeAlias = Callable[[Settings], Iterator[Result]]
"""A measurement; each row is a module with one."""


def at_most(bound: float) -> Goal:
    """Makes a goal."""
    return Goal(bound=bound)


def at_least(bound: float) -> Goal:
    """Makes a goal."""
    return Goal(bound=bound, at_least=True)


def alternate(sides: Mapping[str, Side], blocks: int) -> Blocks:
    """Measures all sides in turns, so that what the machine does meanwhile strikes all of them alike.

    The first turn warms everything up and is dropped; every other turn goes backwards.
    """
    measured: Blocks = {name: [] for name in sides}
    for turn in range(blocks + 1):
        for name in sides if turn % 2 else reversed(list(sides)):
            block = sides[name]()
            if turn:
                measured[name].append(block)
    return measured


def over_lives(measure: Callable[[], Blocks], settings: Settings) -> Blocks:
    """Measures with several sets of processes one after another, and returns the blocks of all.

    How a process's threads come to lie on the cores differs from start to start, by a fifth and more.
    """
    lives = [measure() for _ in range(settings.choose(4, 2))]
    return {name: [block for life in lives for block in life[name]] for name in lives[0]}


def percentile(samples: Sequence[float], percent: float) -> float:
    """Returns the sample that so many percent do not exceed."""
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, round(percent / 100 * (len(ordered) - 1)))]


def pooled(blocks: Sequence[Block]) -> Block:
    """Returns the samples of all blocks."""
    return [sample for block in blocks for sample in block]


def p50(blocks: Sequence[Block]) -> float:
    """Returns the median of all samples."""
    return percentile(pooled(blocks), 50)


def ratio(over: Sequence[Block], under: Sequence[Block]) -> float:
    """Returns the ratio of the medians: of each turn by itself, then the median over the turns."""
    return statistics.median(
        percentile(above, 50) / percentile(below, 50) for above, below in zip(over, under, strict=True)
    )


def microseconds(seconds: float) -> str:
    """Tells a duration."""
    return f"{seconds * 1e6:,.0f} µs" if seconds >= 1e-5 else f"{seconds * 1e6:,.2f} µs"


def figure(value: float) -> str:
    """Tells a number with three digits or so."""
    if abs(value) >= 1_000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def table_lines(row: str, results: Sequence[Result]) -> Iterator[str]:
    """Tells the results of a row as lines of the table."""
    for result in results:
        value = figure(result.value) + ("x" if result.unit == "x" else f" {result.unit}")
        verdict = "" if result.goal is None else ("met" if result.goal.met(result.value) else "NOT met")
        goal = "" if result.goal is None else str(result.goal)
        yield f"{row:<10} {result.what:<58} {value:>13}  {goal:<10} {verdict:<8} {result.detail}".rstrip()
        row = ""


HEADING = f"{'row':<10} {'what':<58} {'measured':>13}  {'goal':<10} {'':<8} detail"
"""The first line of the table."""
