"""Attempts: runs that an agent executes, and what their works change."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from flowrpc.component.building import builder_of
from flowrpc.component.needs import requirements_of
from flowrpc.component.work import LightningWork
from flowrpc.errors import FlowrpcError
from flowrpc.flow_service.effects import Send
from flowrpc.flow_service.instant import Instant
from flowrpc.flow_service.sessions import LOCAL_AGENT
from flowrpc.protocol.messages import CancelAttempt, Nack, NackReason, StartRun, WorkDelta
from flowrpc.state import Change, Set, Splice, Value, apply_tracked, untrack
from flowrpc.state.records import Recipe, RunRecord
from flowrpc.state.sizes import change_size, rough_size

logger = logging.getLogger(__name__)

FOREVER = float("inf")
"""A time that never comes."""

WHOLE_AFTER_BYTES = 256 * 1024
"""About how much is told of places inside a var, or as much as it has, before it is told whole again."""


@dataclass(slots=True)
class ToldInside:
    """How much was told of places inside a var since it was told whole."""

    bytes: int = 0
    limit: int = WHOLE_AFTER_BYTES


@dataclass(slots=True, kw_only=True)
class Attempt:
    """One try of a run, as the flow follows it."""

    run_id: str
    number: int
    work: LightningWork
    agent_id: str
    boot_id: str
    session: int | None
    """The stream it is heard over; None while its agent is away."""
    applied_seq: int = 0
    begin_vars: dict[str, Value] = field(default_factory=dict)
    """Vars that it changed, as they were before: another attempt begins with them."""
    flow_changes: dict[str, int] = field(default_factory=dict)
    """Vars that the flow changed meanwhile, with the number of the newest change."""
    told_inside: dict[str, ToldInside] = field(default_factory=dict)
    """By var, what its runner was told of places inside it."""
    base: int = 0
    """The newest number up to which the work is known to have applied the flow's changes."""
    cancel_grace: timedelta | None = None
    """How long user code may take to end, once somebody cancelled the run."""
    times_out_at: float = FOREVER
    """Monotonic time at which it has taken too long."""
    timed_out: bool = False
    """Whether it was cancelled because it took too long."""
    ack_due: bool = False
    """Whether deltas were applied that were not acknowledged yet."""
    start: Send | None = None
    """What asks its agent to begin it."""
    asked_above: int | None = None
    """The sequence number above which its agent was asked to send again, on this stream."""
    suspect_since: float | None = None
    """Monotonic time since when its agent is away."""
    extended: bool = False
    """Whether that was put off."""

    @property
    def key(self) -> tuple[str, int]:
        """Run id and number."""
        return self.run_id, self.number

    @property
    def grace(self) -> timedelta:
        """How long it may go on while its agent is away."""
        return self.work._orphan_grace


def apply_delta(attempt: Attempt, delta: WorkDelta) -> list[Nack]:
    """Applies what a work changed to the flow's copy of it; returns what was refused.

    Sets win by order of arrival. A change inside a var that the flow changed meanwhile is refused, and the work sends
    the var whole.
    """
    nacks: list[Nack] = []
    refused: set[str] = set()
    vars_ = attempt.work.__dict__
    for change in _last_sets(delta.changes):
        name = _var_of(change)
        nested = len(change.path) > 1 or type(change) is not Set
        if nested and (name in refused or attempt.flow_changes.get(name, 0) > delta.base):
            refused.add(name)
            continue
        if name not in attempt.begin_vars and name in attempt.work._var_names:
            attempt.begin_vars[name] = untrack(vars_[name])
        problem = _apply(attempt.work, change)
        if problem and nested:
            nacks.append(_nack(attempt, delta, NackReason.INVALID, name, problem))
        elif problem:
            logger.error("run %s: a change was refused for good: %s", attempt.run_id, problem)
    nacks.extend(
        _nack(attempt, delta, NackReason.CONFLICT, name, "the flow changed it meanwhile")
        for name in sorted(refused)
    )
    return nacks


def _last_sets(changes: tuple[Change, ...]) -> Iterable[Change]:
    """Leaves out sets of a var that a later one in the same delta outdoes: nobody can see them, as with passes."""
    if any(type(change) is not Set or len(change.path) > 1 for change in changes):
        return changes
    last: dict[object, Change] = {}
    for change in changes:
        last[change.path] = change
    return last.values()


def _apply(work: LightningWork, change: Change) -> str:
    try:
        apply_tracked(work, change)
    except FlowrpcError as error:
        return str(error)
    return ""


def _nack(attempt: Attempt, delta: WorkDelta, reason: NackReason, var: str, message: str) -> Nack:
    return Nack(
        run_id=attempt.run_id, attempt=attempt.number, seq=delta.seq, reason=reason, var=var, message=message
    )


def take_back(attempt: Attempt) -> None:
    """Gives a work the vars again that a lost attempt changed; what the flow changed since stays."""
    if attempt.work._resume:
        return  # it goes on from what it has
    for name, value in attempt.begin_vars.items():
        if name in attempt.work._var_names:
            attempt.work._replace_var(name, value)


def note_flow_change(attempt: Attempt, name: str, number: int) -> None:
    """Notes that the flow changed a var of the work while the attempt runs."""
    attempt.flow_changes[name] = number
    attempt.begin_vars.pop(name, None)


def bounded(attempt: Attempt, changes: tuple[Change, ...]) -> tuple[Change, ...]:
    """Sets vars whole of which much was told in parts.

    What a runner is told waits there until user code touches its work, which may be days: of a var that is set whole
    nothing older is kept. Over time it costs at most as much again as the parts.
    """
    whole = {name for name in map(_var_of, changes) if name in attempt.work._var_names}
    for change in changes:
        name = _var_of(change)
        if len(change.path) == 1 and type(change) is not Splice:
            attempt.told_inside.pop(name, None)
            whole.discard(name)
        elif name in whole:
            told = attempt.told_inside.setdefault(name, ToldInside())
            told.bytes += change_size(change)
    whole = {name for name in whole if _is_too_much(attempt, name)}
    if not whole:
        return changes
    kept = [change for change in changes if _var_of(change) not in whole]
    for name in sorted(whole):
        del attempt.told_inside[name]
    return (*kept, *(_whole(attempt.work, name) for name in sorted(whole)))


def _is_too_much(attempt: Attempt, name: str) -> bool:
    told = attempt.told_inside[name]
    if told.bytes > told.limit:  # only then, since it looks at all of the var
        told.limit = max(told.limit, rough_size(attempt.work.__dict__[name]))
    return told.bytes > told.limit


def _var_of(change: Change) -> str:
    return str(change.path[0])


def _whole(work: LightningWork, name: str) -> Set:
    return Set((name,), untrack(work.__dict__[name]))


def attempt_of(record: RunRecord, work: LightningWork, now: Instant) -> Attempt:
    """Takes up an attempt of an earlier life; the time that its agent may be away counts afresh."""
    return Attempt(
        run_id=record.run.run_id,
        number=record.run.attempt,
        work=work,
        agent_id=record.run.agent_id,
        boot_id=record.boot_id,
        session=None,
        applied_seq=record.applied_seq,
        begin_vars=dict(record.begin_vars),
        flow_changes=dict(record.flow_changes),
        cancel_grace=record.cancel_grace,
        suspect_since=now.monotonic,
        times_out_at=times_out_at(work, record.run.started_at, now),
    )


def times_out_at(work: LightningWork, started_at: datetime | None, now: Instant) -> float:
    """Returns the monotonic time at which an attempt has taken too long."""
    if work._timeout is None or started_at is None:
        return FOREVER
    return now.monotonic + (work._timeout - (now.wall - started_at)).total_seconds()


def missed_changes(attempt: Attempt) -> tuple[Change, ...]:
    """Sets whole what the flow changed while the attempt runs, unless its work is known to have that."""
    work = attempt.work
    return tuple(
        _whole(work, name)
        for name, number in attempt.flow_changes.items()
        if number > attempt.base and name in work._var_names
    )


def start_message(record: RunRecord, attempt: Attempt, vars_number: int) -> StartRun:
    """Makes what asks an agent for an attempt; the vars hold every change of the flow up to a number."""
    work = attempt.work
    vars_: dict[str, Value] = work._plain_vars(private=True)
    builder = builder_of(work)
    return StartRun(
        run_id=record.run.run_id,
        attempt=attempt.number,
        work=work.name,
        recipe=builder._recipe if builder is not None and isinstance(builder._recipe, Recipe) else None,
        recipe_component=builder.name if builder is not None and builder is not work else "",
        vars=vars_,
        vars_number=vars_number,
        args=record.run.args,
        kwargs=record.run.kwargs,
        orphan_grace=attempt.grace,
        requirements=requirements_of(work, local=attempt.agent_id == LOCAL_AGENT),
        prepare=record.run.prepares,
    )


def cancellation(attempt: Attempt, grace: timedelta) -> CancelAttempt:
    """Makes what asks an agent to end an attempt."""
    return CancelAttempt(run_id=attempt.run_id, attempt=attempt.number, grace=grace)
