"""A short soak: nothing is left open. Memory needs the long one, where what is kept has reached its bound."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from tests.soak.counts import QUIET, Counts
from tests.soak.soak import Growth, Measured, Outcome, soak
from tests.soak.usage import Usage

BEFORE = Usage(name="flow", rss_bytes=100, descriptors=10, threads=5, children=1)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_what_clients_agents_and_runs_need_comes_and_goes() -> None:
    outcome = soak(20_000, warm_up=0.3)

    assert outcome.changes >= 20_000
    assert outcome.cuts >= 2
    assert {growth.before.name for growth in outcome.growths} >= {"flow", "agent", "runner of root.counter_0"}
    assert outcome.leaks(rss_bound=0.5) == []


@pytest.mark.parametrize(
    ("what", "amount"), [("rss_bytes", 106), ("descriptors", 11), ("threads", 6), ("children", 2)]
)
def test_what_grows_is_told(what: str, amount: int) -> None:
    grown: Any = {what: amount}
    growth = Growth(before=BEFORE, after=dataclasses.replace(BEFORE, **grown))
    assert len(list(growth.leaks(0.05))) == 1
    assert list(Growth(before=BEFORE, after=BEFORE).leaks(0.05)) == []


def test_what_a_process_counts_more_is_told() -> None:
    before = Measured(usage={"flow": BEFORE}, counts=quiet())
    counts = quiet()
    counts["agent"]["tasks of never_ends"] = 3
    counts["flow"]["registered watches"] = 2
    after = Measured(usage={"flow": BEFORE}, counts=counts)

    assert _outcome(before, before).leaks(0.05) == []
    assert _outcome(before, after).leaks(0.05) == [
        "agent: tasks of never_ends: 3 more",
        "flow: registered watches: 2 more",
        "flow: registered watches 2, not 0",
    ]


def test_a_process_that_stays_is_told() -> None:
    before = Measured(usage={"flow": BEFORE}, counts=quiet())
    after = dataclasses.replace(before, usage=before.usage | {"stranger": BEFORE})
    assert _outcome(before, after).leaks(0.05) == ["stranger was left"]


def quiet() -> dict[str, Counts]:
    return {process: dict(wanted) for process, wanted in QUIET.items()}


def _outcome(before: Measured, after: Measured) -> Outcome:
    return Outcome(changes=1, revisions=1, rounds=1, cuts=1, seconds=1.0, before=before, after=after)
