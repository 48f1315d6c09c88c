"""Leaks that are planted in a running app are told, each by the counts that it makes grow and by no others."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.soak.counted_app import CountedApp, run_counted
from tests.soak.counts import Counts, grown
from tests.soak.leaks import LEAKS
from tests.soak.soak import APP
from tests.soak.visits import Visitors

SECONDS = 90.0
"""How long is waited at most for what comes at once on an idle machine."""
ROUNDS = 2
"""How often each kind of visit is made: each of them leaks."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


class Stage:
    """An app with visitors, who have been there once: what is loaded when it is needed is there."""

    def __init__(self, app: CountedApp) -> None:
        self.app = app
        self._visitors = Visitors(app)
        self.visit(1)

    def visit(self, times: int) -> None:
        """Makes visits, and breaks the connection of the agent, which comes back."""
        for _ in range(times):
            for visit in self._visitors.all():
                visit()
            self.app.cut_agent(SECONDS)


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with run_counted(APP, SECONDS) as app:
        yield Stage(app)


def test_visits_leave_nothing(stage: Stage) -> None:
    before = stage.app.quiet_counts(SECONDS)
    stage.visit(ROUNDS)
    after = stage.app.counts_when(lambda counts: not grown(before, counts), SECONDS)
    assert grown(before, after) == {}


@pytest.mark.parametrize("name", LEAKS)
def test_a_planted_leak_is_told(stage: Stage, name: str) -> None:
    leak = LEAKS[name]
    before = stage.app.quiet_counts(SECONDS)

    def told(counts: dict[str, Counts]) -> bool:
        more = grown(before, counts)
        enough = all(more.get(name, 0) >= amount for name, amount in leak.grows.items())
        return enough and (not leak.alone or more.keys() == leak.grows.keys())

    stage.app.ask(leak.process, f"plant {name}")
    try:
        stage.visit(ROUNDS)
        found = stage.app.counts_when(told, SECONDS)
        assert told(found), grown(before, found)
    finally:
        stage.app.ask(leak.process, "mend")
    mended = stage.app.counts_when(lambda counts: not grown(before, counts), SECONDS)
    assert grown(before, mended) == {}
