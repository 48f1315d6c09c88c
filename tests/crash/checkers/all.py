"""All checkers."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.crash.checkers import journal, lives, operations, order, watching, works
from tests.crash.checkers.evidence import Evidence, Violation

CHECKERS: tuple[Callable[[Evidence], Iterator[Violation]], ...] = (
    operations.none_lost,
    operations.none_doubled,
    operations.replies_right,
    operations.broken_transitions,
    journal.gap_free,
    journal.replay_is_state,
    journal.nothing_changed_afterwards,
    order.real_time,
    order.nothing_undurable_seen,
    watching.watchers_right,
    works.no_delta_lost,
    works.items_right,
    works.one_end,
    works.sent_is_applied_or_refused,
    lives.nothing_left,
    lives.ends_legal,
    lives.read_only_while_full,
)


def check(evidence: Evidence) -> list[Violation]:
    """Returns every violation."""
    return [violation for checker in CHECKERS for violation in checker(evidence)]
