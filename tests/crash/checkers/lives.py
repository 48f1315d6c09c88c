"""Lives: nothing is left behind (C11), every end is a legal one, and the service came back (C13)."""

from __future__ import annotations

from collections.abc import Iterator

from tests.crash.checkers.evidence import Evidence, Violation
from tests.crash.stage import STORAGE_FAILED

_STORAGE_WORDS = ("storage failed", "is full")
SLACK = 3
"""How many more files or threads there may be at the end: what grpc keeps for a while."""


def nothing_left(evidence: Evidence) -> Iterator[Violation]:
    """No process outlives its parent, and at rest a process has as many files and threads as at the begin."""
    for life in evidence.histories.lives:
        for orphan in life.orphans:
            message = f"life {life.number}: {orphan} was alive {life.seconds_orphaned} s after its end"
            yield Violation(checker="C11", message=message)
    for process in evidence.histories.left:
        yield Violation(checker="C11", message=f"{process} is left")
    for name, (before, after) in evidence.histories.counts.items():
        if after > before + SLACK:
            yield Violation(checker="C11", message=f"{name}: {after} at the end, {before} at the begin")


def ends_legal(evidence: Evidence) -> Iterator[Violation]:
    """Exit codes are those that the faults allow, a failed storage is told as such, and the service came back."""
    for life in evidence.histories.lives:
        if life.code is None:
            message = f"life {life.number} never came to serve: {life.told[-300:]}"
            yield Violation(checker="C13", message=message)
        elif life.code not in life.legal:
            message = (
                f"life {life.number} ended with {life.code}, legal is {list(life.legal)}: {life.told[-300:]}"
            )
            yield Violation(checker="C13", message=message)
        elif life.code == STORAGE_FAILED and not any(words in life.told for words in _STORAGE_WORDS):
            message = f"life {life.number} ended with 75 and does not say what was wrong with the storage"
            yield Violation(checker="C13", message=message)


def read_only_while_full(evidence: Evidence) -> Iterator[Violation]:
    """A service without room on its disk is read-only, is read, and is back when there is room."""
    for full in evidence.histories.full:
        for fact, missing in (
            (full.became, "did not become read-only"),
            (full.read, "was not read while it was read-only"),
            (full.back, "was read-only for good"),
        ):
            if not fact:
                yield Violation(checker="C13", message=f"life {full.life} {missing} ({full.what})")
