"""A thousand seeds: nothing that is promised is violated, whatever goes wrong and in whatever order."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.faults import KINDS
from tests.simulation.seeds import Sum, describe, run
from tests.simulation.world import run_seed

BATCHES, BATCH = 40, 25


@pytest.mark.parametrize("batch", range(BATCHES))
@pytest.mark.timeout(300)  # a busy machine may give it a tenth of a core
def test_nothing_promised_is_violated(batch: int) -> None:
    total = Sum()
    for outcome in run(range(batch * BATCH, (batch + 1) * BATCH)):
        total.add(outcome)
    assert not total.failed, "\n".join(map(describe, total.failed))
    assert total.acknowledged > BATCH * 10, f"hardly anything happened: {total}"


def test_the_seeds_meet_every_kind_of_fault() -> None:
    from tests.simulation.world import World

    met = {fault.kind for seed in range(BATCHES * BATCH) for fault in World(seed).faults}
    assert met == set(KINDS)


@pytest.mark.parametrize("hash_seed", ["0", "1", "4711"])
def test_a_seed_is_the_same_in_every_process(hash_seed: str) -> None:
    seeds = range(5, 15)
    code = f"from tests.simulation.world import run_seed\nfor s in {list(seeds)}: print(run_seed(s).digest)"
    told = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
    )
    assert told.stdout.split() == [run_seed(seed).digest for seed in seeds]


def test_seeds_differ() -> None:
    assert len({run_seed(seed).digest for seed in range(5)}) == 5


def test_a_fault_can_be_left_out() -> None:
    whole = next(outcome for outcome in run(range(20)) if len(outcome.faults) > 2)
    fewer = run_seed(whole.seed, without=[0])
    assert fewer.faults == whole.faults[1:]
    assert run_seed(whole.seed).digest == whole.digest
