"""The journal: gap-free (C3), and its replay is the state that is served and stored (C4)."""

from __future__ import annotations

from collections.abc import Iterator

from tests.crash.checkers.evidence import Evidence, Violation


def gap_free(evidence: Evidence) -> Iterator[Violation]:
    """Revisions are numbered from 1 on, without gaps."""
    numbers = evidence.story.numbers
    expected = range(1, len(numbers) + 1)
    for found, number in zip(numbers, expected, strict=True):
        if found != number:
            yield Violation(checker="C3", message=f"revision {number} is missing, {found} comes next")
            return


def replay_is_state(evidence: Evidence) -> Iterator[Violation]:
    """Folding every revision gives the state that was served last, and the one that the data directory holds."""
    story = evidence.story
    for what in ("served", "stored"):
        facts = evidence.final.get(what)
        if facts is None:
            yield Violation(checker="C4", message=f"no state was {what} at the end")
        elif what == "stored" and (facts["revision"], facts["digest"]) != (story.last, story.final_digest):
            message = f"the {what} state of revision {facts['revision']} is not the replay's of {story.last}"
            yield Violation(checker="C4", message=message)
        elif what == "served" and story.digests.get(("root", facts["revision"])) != facts["digest"]:
            message = f"the {what} state of revision {facts['revision']} is not the replay's"
            yield Violation(checker="C4", message=message)


def nothing_changed_afterwards(evidence: Evidence) -> Iterator[Violation]:
    """What was durable once stays as it was."""
    for problem in evidence.archive.problems[:5]:
        yield Violation(checker="C4", message=problem)
