"""Watchers: every revision once, in order, without a gap; their replica is the fold (C7)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence

from tests.crash.checkers.evidence import Evidence, Violation
from tests.crash.history import Watched

_DOUBLED_SECONDS = 30.0
"""How long after it was told to a proxy may double bytes: when the next ones come."""


def watchers_right(evidence: Evidence) -> Iterator[Violation]:
    """Follows each watcher through all of its watches."""
    by_actor: dict[str, list[Watched]] = {}
    for seen in evidence.histories.watched:
        by_actor.setdefault(seen.actor, []).append(seen)
    for actor, sequence in by_actor.items():
        component = sequence[0].component
        touched = evidence.story.touched.get(component, []) if component != "root" else None
        yield from _in_order(actor, sequence, touched)
        yield from _repeated(evidence, sequence)
        yield from _replica_is_fold(evidence, sequence)


def _in_order(actor: str, sequence: Sequence[Watched], touched: Sequence[int] | None) -> Iterator[Violation]:
    """A watcher of a part is sent the revisions that change it, one of the whole all of them."""
    position = 0
    for seen in sequence:
        if seen.what == "snapshot":
            if seen.revision < position:
                message = f"{actor} was at {position} and was sent a snapshot of {seen.revision}"
                yield Violation(checker="C7", message=message)
            position = seen.revision
        elif seen.what == "revision":
            if seen.revision <= position:
                message = f"{actor} was at {position} and was sent revision {seen.revision}"
                yield Violation(checker="C7", message=message)
            elif position and (missed := _between(position, seen.revision, touched)):
                message = f"{actor} was at {position} and was sent {seen.revision}: {missed} are missing"
                yield Violation(checker="C7", message=message)
            position = max(position, seen.revision)


def _repeated(evidence: Evidence, sequence: Sequence[Watched]) -> Iterator[Violation]:
    """Bytes that the network doubles may be a whole message: the client refuses it. Nothing else doubles any."""
    for seen in sequence:
        if seen.what != "repeated":
            continue
        times = evidence.histories.duplicated if "proxied" in seen.actor else []
        if not any(at <= seen.at <= at + _DOUBLED_SECONDS for at in times):
            message = f"{seen.actor} was sent revision {seen.revision} again"
            yield Violation(checker="C7", message=message)


def _between(position: int, number: int, touched: Sequence[int] | None) -> int:
    """Counts the revisions between two that the watcher should have been sent."""
    if touched is None:
        return number - position - 1
    return bisect_left(touched, number) - bisect_right(touched, position)


def _replica_is_fold(evidence: Evidence, sequence: Sequence[Watched]) -> Iterator[Violation]:
    for seen in sequence:
        if seen.what in ("snapshot", "fold"):
            known = evidence.story.digests.get((seen.component, seen.revision))
            if known is not None and known != seen.digest:
                message = f"{seen.actor}: its {seen.what} of revision {seen.revision} is not the fold of the journal"
                yield Violation(checker="C7", message=message)
