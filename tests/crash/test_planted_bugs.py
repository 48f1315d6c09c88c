"""Every planted bug is caught, and without it the same script finds nothing: checkers fail, and do not cry wolf."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.bugs.table import BUGS
from tests.crash.faults.shim import Shim
from tests.crash.matrix import expose

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SOUND = (
    "reply-before-commit",
    "commit-without-answers",
    "snapshot-one-off",
    "resume-one-off",
    "apply-resent-deltas-again",
    "accept-fenced-frames",
    "end-runs-twice",
    "keep-changes-of-lost-attempts",
    "ignore-sync-error",
    "answer-while-read-only",
    "end-on-a-full-disk",
)
"""One bug for each script."""


def skip_without_means(name: str) -> None:
    if BUGS[name].script in ("sync_error", "full_disk", "killed_on_a_full_disk") and (
        why := Shim.available()
    ):
        pytest.skip(why)


@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_caught(name: str, tmp_path: Path) -> None:
    skip_without_means(name)

    _, violations = expose(BUGS[name], tmp_path)

    caught = {violation.checker for violation in violations}
    assert caught & BUGS[name].caught_by, f"caught by {sorted(caught)} alone"


@pytest.mark.parametrize("name", SOUND)
def test_the_same_without_the_bug_breaks_no_promise(name: str, tmp_path: Path) -> None:
    skip_without_means(name)

    outcome, violations = expose(BUGS[name], tmp_path, planted=False)

    assert not violations
    assert not outcome.problem
    assert outcome.commands > 0
    assert outcome.deltas > 0 or not BUGS[name].works
