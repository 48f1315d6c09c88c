"""Cost of a pass by the size of the state, commits included."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from flowrpc import LightningFlow
from flowrpc.store import SQLiteStore

from benchmarks.core_driver import CoreDriver
from benchmarks.harness import Result, Settings, Side, alternate, at_most, microseconds, p50, ratio

PASSES = 20_000
SMALL, LARGE = 10, 100_000


class Fixed(LightningFlow):
    """Changes one and the same var in each pass."""

    def __init__(self, size: int) -> None:
        for number in range(size):
            setattr(self, f"var_{number}", number)

    def run(self) -> None:
        self.var_0: int = self.var_0 + 1


class Random(Fixed):
    """Changes another var in each pass."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self._names = [f"var_{number}" for number in random.Random(1).choices(range(size), k=PASSES)]
        self._passes = size

    def run(self) -> None:
        self._passes += 1
        setattr(self, self._names[self._passes % PASSES], self._passes)


def measure(settings: Settings) -> Iterator[Result]:
    """Runs passes on small and large states in turns."""
    with ExitStack() as stack:
        sides = {
            f"{flow.__name__} {size}": _side(flow(size), settings.directory, stack)
            for flow in (Fixed, Random)
            for size in (SMALL, LARGE)
        }
        costs = alternate(sides, blocks=settings.choose(9, 3))
    for flow, goal in ((Fixed, 1.1), (Random, 1.8)):
        small, large = costs[f"{flow.__name__} {SMALL}"], costs[f"{flow.__name__} {LARGE}"]
        yield Result(
            what=f"a pass on {LARGE:,} vars ÷ on {SMALL} vars, {flow.__name__.lower()} var",
            value=ratio(large, small),
            unit="x",
            goal=at_most(goal),
            detail=f"{microseconds(p50(large))} ÷ {microseconds(p50(small))}, commits included",
        )


def _side(root: LightningFlow, directory: Path, stack: ExitStack) -> Side:
    scratch = stack.enter_context(tempfile.TemporaryDirectory(dir=directory))
    store = SQLiteStore(Path(scratch, "data"))
    driver = CoreDriver(root, store)
    stack.callback(store.close)
    return lambda: [driver.seconds_per_pass(PASSES)]
