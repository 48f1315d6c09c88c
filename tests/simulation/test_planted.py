"""The simulation finds every bug that is planted, within a few seeds."""

from __future__ import annotations

import pytest

from tests.simulation.planted import BUGS, planted
from tests.simulation.seeds import shrink
from tests.simulation.world import run_seed

MOST_SEEDS = 300
BREAKS = {
    "acknowledge before commit": "durable first",
    "forget before acknowledgement": "kept",
    "no dedupe row": "first answer",
    "late attempt accepted": "liveness",
    "resend applied again": "exactly once",
    "vars not taken back": "exactly once",
    "what to take back not durable": "exactly once",
    "watcher off by one": "watcher",
    "continue after wrong seq": "durable first",
    "missed changes not told": "two writers",
    "refusals not told": "two writers",
    "changes told under an old number": "two writers",
    "new attempt without proof of death": "one at a time",
    "orphans not killed": "one at a time",
    "idle processes not judged": "idle",
    "published before commit": "durable first",
    "failed command not undone": "all or nothing",
    "expected revision ignored": "expected revision",
}
"""The promise that each bug breaks: one that only raised an error would prove nothing."""
BEGIN = {"late attempt accepted": 65, "missed changes not told": 100, "orphans not killed": 150}
"""Where to begin with bugs that are rarely met, so that a test does not take long."""


def first_found(name: str) -> int | None:
    """Returns the first seed that finds what a bug breaks."""
    with planted(name):
        begin = BEGIN.get(name, 0)
        for seed in range(begin, begin + MOST_SEEDS):
            if any(violation.promise == BREAKS[name] for violation in run_seed(seed).violations):
                return seed
    return None


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
