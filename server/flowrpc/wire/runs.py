"""Runs, failures and the app's status ⇄ messages."""

from __future__ import annotations

from datetime import datetime, timedelta

from google.protobuf.timestamp_pb2 import Timestamp

from flowrpc.errors import InvalidValueError
from flowrpc.state.records import NO_RUNS, AppStatus, Failure, FailureReason, Run, RunRecord, Tally
from flowrpc.v1 import app_pb2, journal_pb2, run_pb2
from flowrpc.wire.enums import APP_STAGES, FAILURE_REASONS, RUN_STATUSES, decode_member, members
from flowrpc.wire.times import decode_span, decode_time, fill_span, fill_time
from flowrpc.wire.values import decode_entries, decode_items, fill_entries, fill_items

_REASONS = members(FAILURE_REASONS)
_STATUSES = members(RUN_STATUSES)
_STAGES = members(APP_STAGES)


def encode_failure(failure: Failure) -> run_pb2.Failure:
    """Makes a message of a failure."""
    return run_pb2.Failure(
        reason=FAILURE_REASONS[failure.reason],
        type=failure.type,
        message=failure.message,
        traceback=failure.traceback,
        exit_code=failure.exit_code,
        signal=failure.signal,
    )


def decode_failure(message: run_pb2.Failure) -> Failure:
    """Makes a failure; a reason that is not known is taken for an exception, and a text is always there."""
    return Failure(
        reason=_REASONS.get(message.reason, FailureReason.EXCEPTION),
        type=message.type,
        message=message.message or message.type or "failed without a message",
        traceback=message.traceback,
        exit_code=message.exit_code,
        signal=message.signal,
    )


def encode_app_status(status: AppStatus) -> app_pb2.AppStatus:
    """Makes a message of an app's status."""
    message = app_pb2.AppStatus()
    fill_app_status(message, status)
    return message


def fill_app_status(message: app_pb2.AppStatus, status: AppStatus) -> None:
    """Writes an app's status."""
    message.stage = APP_STAGES[status.stage]
    message.message = status.message
    if status.failure is not None:
        message.failure.CopyFrom(encode_failure(status.failure))


def decode_app_status(message: app_pb2.AppStatus, place: str) -> AppStatus:
    """Makes an app's status.

    Raises:
        InvalidValueError: Its stage is not known.
    """
    return AppStatus(
        stage=decode_member(_STAGES, message.stage, f"{place}: the app's stage"),
        message=message.message,
        failure=decode_failure(message.failure) if message.HasField("failure") else None,
    )


def encode_run(run: Run) -> run_pb2.Run:
    """Makes a message of a run."""
    message = run_pb2.Run()
    fill_run(message, run)
    return message


def fill_run(message: run_pb2.Run, run: Run) -> None:
    """Writes a run."""
    message.run_id = run.run_id
    message.work = run.work
    message.call_key = run.call_key
    fill_items(message.args, run.args)
    fill_entries(message.kwargs, run.kwargs)
    message.status = RUN_STATUSES[run.status]
    message.attempt = run.attempt
    message.agent_id = run.agent_id
    message.pending_reason = run.pending_reason
    if run.failure is not None:
        message.failure.CopyFrom(encode_failure(run.failure))
    _fill_run_times(message, run)


def _fill_run_times(message: run_pb2.Run, run: Run) -> None:
    if run.requested_at is not None:
        fill_time(message.requested_at, run.requested_at)
    if run.started_at is not None:
        fill_time(message.started_at, run.started_at)
    if run.ended_at is not None:
        fill_time(message.ended_at, run.ended_at)


def decode_run(message: run_pb2.Run, place: str) -> Run:
    """Makes a run.

    Raises:
        InvalidValueError: It has no id, its status is not known, or it holds something that is no value.
    """
    if not message.run_id:
        raise InvalidValueError(place, "a run has no id; set `Run.run_id`")
    here = f"run {message.run_id}"
    return Run(
        run_id=message.run_id,
        work=message.work,
        call_key=message.call_key,
        args=tuple(decode_items(message.args, f"{here}: args")),
        kwargs=decode_entries(message.kwargs, f"{here}: kwargs"),
        status=decode_member(_STATUSES, message.status, f"{here}: status"),
        attempt=message.attempt,
        failure=decode_failure(message.failure) if message.HasField("failure") else None,
        requested_at=_time(message, "requested_at", message.requested_at),
        started_at=_time(message, "started_at", message.started_at),
        ended_at=_time(message, "ended_at", message.ended_at),
        agent_id=message.agent_id,
        pending_reason=message.pending_reason,
    )


def _time(message: run_pb2.Run, field: str, time: Timestamp) -> datetime | None:
    present = message.HasField(field)  # type: ignore[arg-type]  # one of the three fields above
    return decode_time(time, f"run {message.run_id}: {field}") if present else None


def encode_run_record(record: RunRecord) -> journal_pb2.RunRecord:
    """Makes a message of a run as the store keeps it."""
    message = journal_pb2.RunRecord(
        ordinal=record.ordinal,
        applied_seq=record.applied_seq,
        consumed=record.consumed,
        failure_met=record.failure_met,
        boot_id=record.boot_id,
        timeouts=record.timeouts,
    )
    if record.forgotten != NO_RUNS:
        message.forgotten.succeeded = record.forgotten.succeeded
        message.forgotten.failed = record.forgotten.failed
        message.forgotten.timeouts = record.forgotten.timeouts
    fill_run(message.run, record.run)
    fill_entries(message.begin_vars, record.begin_vars)
    message.flow_changes.update(record.flow_changes)
    if record.cancel_grace is not None:
        fill_span(message.cancel_grace, record.cancel_grace)
    return message


def decode_run_record(message: journal_pb2.RunRecord, place: str) -> RunRecord:
    """Makes a run as the store keeps it.

    Raises:
        InvalidValueError: The run is not usable, or a var is no value.
    """
    return RunRecord(
        run=decode_run(message.run, place),
        ordinal=message.ordinal,
        begin_vars=decode_entries(message.begin_vars, f"run {message.run.run_id}: begin_vars", grown=True),
        applied_seq=message.applied_seq,
        consumed=message.consumed,
        failure_met=message.failure_met,
        boot_id=message.boot_id,
        timeouts=message.timeouts,
        forgotten=Tally(message.forgotten.succeeded, message.forgotten.failed, message.forgotten.timeouts),
        flow_changes=dict(message.flow_changes),
        cancel_grace=_span(message, place) if message.HasField("cancel_grace") else None,
    )


def _span(message: journal_pb2.RunRecord, place: str) -> timedelta:
    return decode_span(message.cancel_grace, f"{place}: cancel_grace")
