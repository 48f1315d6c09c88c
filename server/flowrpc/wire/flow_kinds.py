"""What flows say to agents, and agents pass on to runners ⇄ messages, one pair of functions per kind.

The tables at the end say which field of an envelope a kind travels in. Unknown numbers of enums are read as
the contract's comments say.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flowrpc.protocol import messages as plain
from flowrpc.v1 import runner_pb2
from flowrpc.v1 import work_service_pb2 as pb
from flowrpc.wire.changes import decode_changes, fill_changes
from flowrpc.wire.enums import NACK_REASONS, VERDICTS, decode_member, members
from flowrpc.wire.records import decode_recipe, fill_recipe
from flowrpc.wire.times import decode_span, fill_span
from flowrpc.wire.values import decode_entries, decode_items, fill_entries, fill_items

_VERDICTS = members(VERDICTS)
_NACK_REASONS = members(NACK_REASONS)
_ORPHAN_GRACE = timedelta(minutes=10)


def _fill_welcome(message: pb.Welcome, welcome: plain.Welcome) -> None:
    fill_span(message.lease, welcome.lease)
    fill_span(message.beat_interval, welcome.beat_interval)
    message.epoch = welcome.epoch
    message.journal_id = welcome.journal_id
    message.storage_url = welcome.storage_url
    for held in welcome.verdicts:
        message.verdicts.add(
            run_id=held.run_id,
            attempt=held.attempt,
            verdict=VERDICTS[held.verdict],
            applied_seq=held.applied_seq,
        )


def _decode_welcome(message: pb.Welcome) -> plain.Welcome:
    return plain.Welcome(
        lease=decode_span(message.lease, "Welcome.lease"),
        beat_interval=decode_span(message.beat_interval, "Welcome.beat_interval"),
        epoch=message.epoch,
        verdicts=tuple([_decode_verdict(verdict) for verdict in message.verdicts]),
        journal_id=message.journal_id,
        storage_url=message.storage_url,
    )


def _decode_verdict(message: pb.HeldVerdict) -> plain.HeldVerdict:
    return plain.HeldVerdict(
        run_id=message.run_id,
        attempt=message.attempt,
        verdict=_VERDICTS.get(message.verdict, plain.Verdict.FENCED),
        applied_seq=message.applied_seq,
    )


def _fill_start_run(message: pb.StartRun, start: plain.StartRun) -> None:
    message.run_id = start.run_id
    message.attempt = start.attempt
    message.work = start.work
    if start.recipe is not None:
        fill_recipe(message.recipe, start.recipe)
    fill_entries(message.vars, start.vars)
    message.vars_number = start.vars_number
    fill_items(message.args, start.args)
    fill_entries(message.kwargs, start.kwargs)
    fill_span(message.orphan_grace, start.orphan_grace)
    message.requirements.extend(start.requirements)
    message.prepare = start.prepare
    message.recipe_component = start.recipe_component


def _decode_start_run(message: pb.StartRun) -> plain.StartRun:
    patient = message.HasField("orphan_grace")
    return plain.StartRun(
        run_id=message.run_id,
        attempt=message.attempt,
        work=message.work,
        recipe=decode_recipe(message.recipe, message.work) if message.HasField("recipe") else None,
        vars=decode_entries(message.vars, message.work, grown=True),
        vars_number=message.vars_number,
        args=tuple(decode_items(message.args, f"{message.work}.run: args")),
        kwargs=decode_entries(message.kwargs, f"{message.work}.run: kwargs"),
        orphan_grace=decode_span(message.orphan_grace, "StartRun.orphan_grace") if patient else _ORPHAN_GRACE,
        requirements=tuple(message.requirements),
        prepare=message.prepare,
        recipe_component=message.recipe_component,
    )


def _fill_fence(message: pb.Fence, fence: plain.Fence) -> None:
    message.run_id = fence.run_id
    message.attempt = fence.attempt


def _decode_fence(message: pb.Fence) -> plain.Fence:
    return plain.Fence(run_id=message.run_id, attempt=message.attempt)


def _fill_ack(message: pb.Ack, ack: plain.Ack) -> None:
    message.run_id = ack.run_id
    message.attempt = ack.attempt
    message.seq = ack.seq


def _decode_ack(message: pb.Ack) -> plain.Ack:
    return plain.Ack(run_id=message.run_id, attempt=message.attempt, seq=message.seq)


def _fill_nack(message: pb.Nack, nack: plain.Nack) -> None:
    message.run_id = nack.run_id
    message.attempt = nack.attempt
    message.seq = nack.seq
    message.reason = NACK_REASONS[nack.reason]
    message.var = nack.var
    message.message = nack.message


def _decode_nack(message: pb.Nack) -> plain.Nack:
    return plain.Nack(
        run_id=message.run_id,
        attempt=message.attempt,
        seq=message.seq,
        reason=decode_member(_NACK_REASONS, message.reason, "Nack.reason"),
        var=message.var,
        message=message.message,
    )


def _fill_cancel_attempt(message: pb.CancelAttempt, cancel: plain.CancelAttempt) -> None:
    message.run_id = cancel.run_id
    message.attempt = cancel.attempt
    fill_span(message.grace, cancel.grace)


def _decode_cancel_attempt(message: pb.CancelAttempt) -> plain.CancelAttempt:
    grace = decode_span(message.grace, "CancelAttempt.grace")
    return plain.CancelAttempt(run_id=message.run_id, attempt=message.attempt, grace=grace)


def _fill_vars_changed(message: pb.VarsChanged, changed: plain.VarsChanged) -> None:
    message.work = changed.work
    message.number = changed.number
    fill_changes(message.changes, changed.changes)


def _decode_vars_changed(message: pb.VarsChanged) -> plain.VarsChanged:
    changes = decode_changes(message.changes, message.work)
    return plain.VarsChanged(work=message.work, number=message.number, changes=changes)


def _fill_stop_runner(message: pb.StopRunner, stop: plain.StopRunner) -> None:
    message.work = stop.work
    fill_span(message.grace, stop.grace)


def _decode_stop_runner(message: pb.StopRunner) -> plain.StopRunner:
    return plain.StopRunner(work=message.work, grace=decode_span(message.grace, "StopRunner.grace"))


def _fill_drain(message: pb.Drain, drain: plain.Drain) -> None:
    message.SetInParent()
    if drain.grace is not None:
        fill_span(message.grace, drain.grace)


def _decode_drain(message: pb.Drain) -> plain.Drain:
    return plain.Drain(grace=decode_span(message.grace, "Drain.grace") if message.HasField("grace") else None)


def _fill_end_runner(message: runner_pb2.EndRunner, end: plain.EndRunner) -> None:
    message.SetInParent()


def _decode_end_runner(message: runner_pb2.EndRunner) -> plain.EndRunner:
    return plain.EndRunner()


ENCODERS: dict[type, tuple[str, Callable[[Any, Any], None]]] = {
    plain.Welcome: ("welcome", _fill_welcome),
    plain.StartRun: ("start_run", _fill_start_run),
    plain.EndRunner: ("end_runner", _fill_end_runner),
    plain.Ack: ("ack", _fill_ack),
    plain.Nack: ("nack", _fill_nack),
    plain.CancelAttempt: ("cancel_attempt", _fill_cancel_attempt),
    plain.Fence: ("fence", _fill_fence),
    plain.VarsChanged: ("vars_changed", _fill_vars_changed),
    plain.StopRunner: ("stop_runner", _fill_stop_runner),
    plain.Drain: ("drain", _fill_drain),
}
"""Of each type its field in every envelope that has it, and how to write it there."""

DECODERS: dict[str, Callable[[Any], object]] = {
    "welcome": _decode_welcome,
    "start_run": _decode_start_run,
    "end_runner": _decode_end_runner,
    "ack": _decode_ack,
    "nack": _decode_nack,
    "cancel_attempt": _decode_cancel_attempt,
    "fence": _decode_fence,
    "vars_changed": _decode_vars_changed,
    "stop_runner": _decode_stop_runner,
    "drain": _decode_drain,
}
"""Of each field how to read it."""
