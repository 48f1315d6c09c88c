"""Works: deltas lost (C1) or doubled (C2), one end of each run (C9), fenced attempts (C10), sums (C12)."""

from __future__ import annotations

from collections.abc import Iterator

from tests.crash.checkers.evidence import Evidence, Violation
from tests.crash.history import Acknowledged, Life


def no_delta_lost(evidence: Evidence) -> Iterator[Violation]:
    """What an agent was told is durable is found applied after every end, unless its attempt is over."""
    acknowledged = sorted(evidence.histories.acknowledged, key=lambda ack: ack.at)
    place = 0
    newest: dict[str, Acknowledged] = {}
    for life in evidence.histories.lives:
        while place < len(acknowledged) and acknowledged[place].at <= life.ended:
            ack = acknowledged[place]
            known = newest.get(ack.run_id)
            if known is None or (ack.attempt, ack.seq) > (known.attempt, known.seq):
                newest[ack.run_id] = ack
            place += 1
        yield from _lost_in(life, newest)


def _lost_in(life: Life, newest: dict[str, Acknowledged]) -> Iterator[Violation]:
    for run_id, (attempt, seq) in life.applied.items():
        ack = newest.get(run_id)
        if ack is not None and (attempt, seq) < (ack.attempt, ack.seq):
            message = (
                f"run {run_id}: its agent was told that {ack.seq} of attempt {ack.attempt} is durable; "
                f"after life {life.number} {seq} of attempt {attempt} is applied"
            )
            yield Violation(checker="C1", message=message)


def items_right(evidence: Evidence) -> Iterator[Violation]:
    """The items of a work are those of one attempt, each once and in order: no delta was doubled, lost or fenced."""
    for problem in evidence.story.work_problems[:20]:
        checker = "C10" if "of attempt" in problem else "C2"
        yield Violation(checker=checker, message=problem)


def one_end(evidence: Evidence) -> Iterator[Violation]:
    """Every run has ended, in one status, and nothing is told of it afterwards but the same."""
    for run_id, told in evidence.story.runs.items():
        ends = [(number, run.status.value) for number, run in told if run.status.terminal]
        if len({status for _, status in ends}) > 1:
            yield Violation(checker="C9", message=f"run {run_id} ended more than once: {ends}")
        elif ends and told[-1][1].status.value != ends[0][1]:
            yield Violation(checker="C9", message=f"run {run_id} ended in {ends[0]} and went on")
        elif not ends:
            yield Violation(checker="C9", message=f"run {run_id} never ended: {told[-1][1].status.value}")


def sent_is_applied_or_refused(evidence: Evidence) -> Iterator[Violation]:
    """Of an attempt that succeeded all that was sent is applied; of none more than was sent was acknowledged."""
    sent = evidence.histories.sent
    for ack in evidence.histories.acknowledged:
        kept = sent.get((ack.run_id, ack.attempt))
        if kept is not None and ack.seq > kept:
            message = f"run {ack.run_id}, attempt {ack.attempt}: {ack.seq} was acknowledged, {kept} was sent"
            yield Violation(checker="C12", message=message)
    applied = evidence.histories.lives[-1].applied if evidence.histories.lives else {}
    for run_id, told in evidence.story.runs.items():
        run = told[-1][1]
        kept = sent.get((run_id, run.attempt))
        if run.status.value == "succeeded" and kept is not None and run_id in applied:
            found = applied[run_id]
            if found != (run.attempt, kept):
                message = f"run {run_id}, attempt {run.attempt}: {kept} was sent, {found} is applied"
                yield Violation(checker="C12", message=message)
