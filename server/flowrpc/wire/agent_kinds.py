"""What agents and runners say ⇄ messages, one pair of functions per kind; `Beat` goes both ways.

The tables at the end say which field of an envelope a kind travels in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flowrpc.protocol import messages as plain
from flowrpc.protocol.resources import NOTHING
from flowrpc.v1 import work_service_pb2 as pb
from flowrpc.wire.changes import decode_changes, fill_changes
from flowrpc.wire.logs import decode_log_record, fill_log_record
from flowrpc.wire.resources import decode_resources, fill_resources
from flowrpc.wire.runs import decode_failure, encode_failure


def _fill_hello(message: pb.Hello, hello: plain.Hello) -> None:
    message.agent_id = hello.agent_id
    message.boot_id = hello.boot_id
    message.works.extend(hello.works)
    message.host = hello.host
    message.pid = hello.pid
    message.version = hello.version
    message.capacity = hello.capacity
    message.labels.update(hello.labels)
    if hello.resources != NOTHING:
        fill_resources(message.resources, hello.resources)
    message.draining = hello.draining
    message.idle_works.extend(hello.idle_works)
    message.internal_ip = hello.internal_ip
    message.public_ip = hello.public_ip
    for held in hello.held:
        message.held.add(run_id=held.run_id, attempt=held.attempt, last_seq=held.last_seq)


def _decode_hello(message: pb.Hello) -> plain.Hello:
    return plain.Hello(
        agent_id=message.agent_id,
        boot_id=message.boot_id,
        works=tuple(message.works),
        host=message.host,
        pid=message.pid,
        held=tuple([_decode_held(held) for held in message.held]),
        version=message.version,
        capacity=message.capacity,
        resources=decode_resources(message.resources),
        labels=dict(message.labels),
        draining=message.draining,
        idle_works=tuple(message.idle_works),
        internal_ip=message.internal_ip,
        public_ip=message.public_ip,
    )


def _decode_held(message: pb.HeldAttempt) -> plain.HeldAttempt:
    return plain.HeldAttempt(run_id=message.run_id, attempt=message.attempt, last_seq=message.last_seq)


def _fill_beat(message: pb.Beat, beat: plain.Beat) -> None:
    message.number = beat.number


def _decode_beat(message: pb.Beat) -> plain.Beat:
    return plain.Beat(number=message.number)


def _fill_accepted(message: pb.Accepted, accepted: plain.Accepted) -> None:
    message.run_id = accepted.run_id
    message.attempt = accepted.attempt


def _decode_accepted(message: pb.Accepted) -> plain.Accepted:
    return plain.Accepted(run_id=message.run_id, attempt=message.attempt)


def _fill_rejected(message: pb.Rejected, rejected: plain.Rejected) -> None:
    message.run_id = rejected.run_id
    message.attempt = rejected.attempt
    message.failure.CopyFrom(encode_failure(rejected.failure))


def _decode_rejected(message: pb.Rejected) -> plain.Rejected:
    failure = decode_failure(message.failure)
    return plain.Rejected(run_id=message.run_id, attempt=message.attempt, failure=failure)


def _fill_delta(message: pb.WorkDelta, delta: plain.WorkDelta) -> None:
    message.run_id = delta.run_id
    message.attempt = delta.attempt
    message.seq = delta.seq
    message.base = delta.base
    fill_changes(message.changes, delta.changes)


def _decode_delta(message: pb.WorkDelta) -> plain.WorkDelta:
    return plain.WorkDelta(
        run_id=message.run_id,
        attempt=message.attempt,
        seq=message.seq,
        changes=decode_changes(message.changes, f"run {message.run_id}"),
        base=message.base,
    )


def _fill_finished(message: pb.Finished, finished: plain.Finished) -> None:
    message.run_id = finished.run_id
    message.attempt = finished.attempt
    message.seq = finished.seq
    if finished.failure is not None:
        message.failure.CopyFrom(encode_failure(finished.failure))


def _decode_finished(message: pb.Finished) -> plain.Finished:
    return plain.Finished(
        run_id=message.run_id,
        attempt=message.attempt,
        seq=message.seq,
        failure=decode_failure(message.failure) if message.HasField("failure") else None,
    )


def _fill_logs(message: pb.LogBatch, batch: plain.LogBatch) -> None:
    message.dropped = batch.dropped
    for record in batch.records:
        fill_log_record(message.records.add(), record)


def _decode_logs(message: pb.LogBatch) -> plain.LogBatch:
    records = tuple([decode_log_record(record) for record in message.records])
    return plain.LogBatch(records=records, dropped=message.dropped)


def _fill_bye(message: pb.Bye, bye: plain.Bye) -> None:
    message.message = bye.message


def _decode_bye(message: pb.Bye) -> plain.Bye:
    return plain.Bye(message=message.message)


def _fill_serving(message: pb.Serving, serving: plain.Serving) -> None:
    message.work = serving.work
    message.port = serving.port
    message.url = serving.url


def _decode_serving(message: pb.Serving) -> plain.Serving:
    return plain.Serving(work=message.work, port=message.port, url=message.url)


def _fill_draining(message: pb.Draining, draining: plain.Draining) -> None:
    message.SetInParent()


def _decode_draining(message: pb.Draining) -> plain.Draining:
    return plain.Draining()


ENCODERS: dict[type, tuple[str, Callable[[Any, Any], None]]] = {
    plain.Hello: ("hello", _fill_hello),
    plain.Beat: ("beat", _fill_beat),
    plain.Accepted: ("accepted", _fill_accepted),
    plain.Rejected: ("rejected", _fill_rejected),
    plain.WorkDelta: ("delta", _fill_delta),
    plain.Finished: ("finished", _fill_finished),
    plain.LogBatch: ("logs", _fill_logs),
    plain.Bye: ("bye", _fill_bye),
    plain.Serving: ("serving", _fill_serving),
    plain.Draining: ("draining", _fill_draining),
}
"""Of each type its field in every envelope that has it, and how to write it there."""

DECODERS: dict[str, Callable[[Any], object]] = {
    "hello": _decode_hello,
    "beat": _decode_beat,
    "accepted": _decode_accepted,
    "rejected": _decode_rejected,
    "delta": _decode_delta,
    "finished": _decode_finished,
    "logs": _decode_logs,
    "bye": _decode_bye,
    "serving": _decode_serving,
    "draining": _decode_draining,
}
"""Of each field how to read it."""
