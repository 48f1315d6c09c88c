"""A short soak: nothing is left open. Memory needs the long one, where what is kept has reached its bound."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from tests.soak.soak import Growth, soak
from tests.soak.usage import Usage

BEFORE = Usage(name="flow", rss_bytes=100, descriptors=10, threads=5, children=1)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_descriptors_threads_and_processes_come_and_go() -> None:
    outcome = soak(20_000, warm_up=0.3)

    assert outcome.changes >= 20_000
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
