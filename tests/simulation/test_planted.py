"""The simulation finds every bug that is planted, within a few seeds."""

from __future__ import annotations

import pytest

from tests.simulation.planted import BUGS, planted
from tests.simulation.seeds import shrink
from tests.simulation.world import run_seed

MOST_SEEDS = 300
BEGIN = {"late attempt accepted": 65, "missed changes not told": 100, "orphans not killed": 150}
"""Where to begin with bugs that are rarely met, so that a test does not take long."""


def first_found(name: str) -> int | None:
    """Returns the first seed that finds a bug."""
    with planted(name):
        begin = BEGIN.get(name, 0)
        return next((seed for seed in range(begin, begin + MOST_SEEDS) if run_seed(seed).violations), None)


@pytest.mark.parametrize("name", BUGS)
@pytest.mark.timeout(300)
def test_a_planted_bug_is_found(name: str) -> None:
    assert first_found(name) is not None, f"{MOST_SEEDS} seeds do not find it"


def test_faults_that_do_not_matter_are_left_out() -> None:
    with planted("failed command not undone"):
        seed = next(s for s in range(50) if run_seed(s).violations and run_seed(s).faults)
        outcome, without = shrink(seed)
    assert without == tuple(range(len(without)))
    assert outcome.violations
    assert not outcome.faults
