"""Operations of clients: none lost (C1), none doubled (C2), every reply right (C6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tests.crash.checkers.evidence import Evidence, Violation
from tests.crash.history import Operation
from tests.crash.story import Entry


def none_lost(evidence: Evidence) -> Iterator[Violation]:
    """Every operation that a client was told of is in the journal."""
    happened = {entry.op for entry in evidence.story.entries}
    noted = _noted(evidence)
    for operation in evidence.histories.operations.values():
        if not operation.acknowledged:
            continue
        if operation.what != "update" and operation.op not in happened:
            yield Violation(checker="C1", message=f"{_told(operation)} was acknowledged and is lost")
        elif operation.what == "update":
            yield from _update_lost(operation, noted)


def none_doubled(evidence: Evidence) -> Iterator[Violation]:
    """No operation happened twice, and none that nobody asked for."""
    counted = Counter(entry.op for entry in evidence.story.entries)
    for op, count in counted.items():
        if count > 1:
            revisions = [entry.revision for entry in evidence.story.entries if entry.op == op]
            yield Violation(checker="C2", message=f"{op} happened {count} times, in revisions {revisions}")
        if op not in evidence.histories.operations:
            yield Violation(checker="C2", message=f"{op} happened and nobody asked for it")
    for note, count in Counter(note for _, note in evidence.story.notes).items():
        if count > 1:
            yield Violation(checker="C2", message=f"{note} is on the board {count} times")


def replies_right(evidence: Evidence) -> Iterator[Violation]:
    """A reply is what the model says; a repeated request gets the first answer; what failed did not happen."""
    entries = {entry.op: entry for entry in evidence.story.entries}
    for operation in evidence.histories.operations.values():
        entry = entries.get(operation.op)
        yield from _wrong_reply(operation, entry)
        told = {(str(a.result), a.failure, a.revision) for a in operation.answers if not a.failure}
        if operation.request_id and len(told) > 1:
            yield Violation(checker="C6", message=f"{_told(operation)} got different answers: {sorted(told)}")
        never = operation.answers and not operation.acknowledged
        never = never or "REVISION_CONFLICT" in operation.refusals
        if never and not operation.acknowledged and entry is not None:
            yield Violation(checker="C6", message=f"{_told(operation)} failed and happened all the same")
        if "REQUEST_ID_REUSED" in operation.refusals:
            yield Violation(checker="C6", message=f"{_told(operation)} was taken for another request")


def broken_transitions(evidence: Evidence) -> Iterator[Violation]:
    """Every revision holds a state that whole operations make, the constant sum of the accounts included."""
    for problem in evidence.story.broken[:20]:
        yield Violation(checker="C6", message=problem)


def _wrong_reply(operation: Operation, entry: Entry | None) -> Iterator[Violation]:
    if entry is None or not operation.acknowledged:
        return
    for answer in operation.answers:
        if answer.failure:
            continue
        if answer.result != entry.expected:
            message = f"{_told(operation)} answered {answer.result!r} and not {entry.expected!r}"
            yield Violation(checker="C6", message=message)
        if answer.revision != entry.revision:
            message = f"{_told(operation)} named revision {answer.revision}, and is in {entry.revision}"
            yield Violation(checker="C6", message=message)


def _noted(evidence: Evidence) -> dict[int, str]:
    return dict(evidence.story.notes)


def _update_lost(operation: Operation, noted: dict[int, str]) -> Iterator[Violation]:
    """All updates name the revision that they read, so no two of them can be in one revision."""
    for answer in operation.answers:
        if noted.get(answer.revision) != operation.op:
            found = noted.get(answer.revision)
            message = f"{_told(operation)} named revision {answer.revision}, whose note is {found!r}"
            yield Violation(checker="C1", message=message)


def _told(operation: Operation) -> str:
    return f"{operation.what} {operation.op} ({operation.request_id or 'without an id'})"
