"""A small campaign of seeded faults on real processes breaks no promise."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.crash.campaign import Campaign, Order
from tests.crash.checkers.all import check
from tests.crash.checkers.evidence import Evidence
from tests.crash.faults.table import FAULTS

SIGNALS = tuple(name for name in FAULTS if name.startswith(("kill-", "stop-", "freeze-flow", "late-")))
LINKS = tuple(name for name in FAULTS if "-link-" in name)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("name", "faults", "seed"), [("signals", SIGNALS, 11), ("links", LINKS, 12)])
def test_faults_break_no_promise(name: str, faults: tuple[str, ...], seed: int, tmp_path: Path) -> None:
    order = Order(
        seed=seed,
        folder=tmp_path,
        kills=6 if name == "signals" else 0,
        operations=1_500,
        seconds=60,
        faults=faults,
        commanders=15,
        deltas=100,
        works=("near", "flaky", "far"),
    )

    outcome = asyncio.run(Campaign(order).run())

    assert not outcome.problem
    assert not check(Evidence.load(tmp_path))
    assert outcome.struck
    assert outcome.commands > 0
