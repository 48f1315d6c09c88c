"""Order: revisions fit real time (C5), and nobody saw what is not durable (C8)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tests.crash.checkers.evidence import Evidence, Violation


class _Moment(NamedTuple):
    at: float
    begins: bool
    revision: int
    what: str


def real_time(evidence: Evidence) -> Iterator[Violation]:
    """What began after something else was answered is not before it; a read sees what was answered before it."""
    newest, whose = 0, ""
    for moment in sorted(_moments(evidence), key=lambda moment: (moment.at, moment.begins)):
        if not moment.begins and moment.revision > newest:
            newest, whose = moment.revision, moment.what
        elif moment.begins and moment.revision < newest:
            message = (
                f"{moment.what} began after {whose} was answered in revision {newest}, "
                f"and is of revision {moment.revision}"
            )
            yield Violation(checker="C5", message=message)


def nothing_undurable_seen(evidence: Evidence) -> Iterator[Violation]:
    """All that anybody was shown before an end of the service was durable then, and was what is durable."""
    seen = sorted(_seen(evidence))
    place = 0
    for life in evidence.histories.lives:
        if life.code is None:
            continue
        while place < len(seen) and seen[place][0] <= life.ended:
            _, revision, who = seen[place]
            place += 1
            if revision > life.recovered:
                after = f"after the end of life {life.number} the last is {life.recovered}"
                message = f"{who} saw revision {revision}; {after}"
                yield Violation(checker="C8", message=message)
    yield from _other_than_durable(evidence)


def _other_than_durable(evidence: Evidence) -> Iterator[Violation]:
    story = evidence.story
    for sight in evidence.histories.sights:
        known = story.digests.get((sight.component, sight.revision))
        if known != sight.digest:
            message = (
                f"{sight.actor} read {sight.component} at revision {sight.revision}, which is another state"
            )
            yield Violation(checker="C8", message=message)
    for seen in evidence.histories.watched:
        whole = seen.component == "root" and seen.what == "revision"
        if whole and story.records.get(seen.revision) != seen.digest:
            message = f"{seen.actor} was sent revision {seen.revision}, which is another one"
            yield Violation(checker="C8", message=message)


def _moments(evidence: Evidence) -> Iterator[_Moment]:
    for operation in evidence.histories.operations.values():
        first = next((a for a in operation.answers if not a.failure), None)
        if first is not None:
            yield _Moment(operation.invoked, True, first.revision, operation.op)
            yield _Moment(first.at, False, first.revision, operation.op)
    for sight in evidence.histories.sights:
        who = f"a read by {sight.actor}"
        yield _Moment(sight.invoked, True, sight.revision, who)
        yield _Moment(sight.at, False, sight.revision, who)


def _seen(evidence: Evidence) -> Iterator[tuple[float, int, str]]:
    for operation in evidence.histories.operations.values():
        for answer in operation.answers:
            yield answer.at, answer.revision, operation.op
    for sight in evidence.histories.sights:
        yield sight.at, sight.revision, sight.actor
    for seen in evidence.histories.watched:
        if seen.what in ("snapshot", "revision"):
            yield seen.at, seen.revision, seen.actor
