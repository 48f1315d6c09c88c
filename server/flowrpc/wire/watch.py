"""The state that clients read and follow ⇄ messages."""

from __future__ import annotations

from typing import Any

from flowrpc.protocol.answers import StateSnapshot, WatchEnd, WatchUpdate
from flowrpc.state.records import ComponentRecord, Revision, Run
from flowrpc.v1 import flow_service_pb2 as pb
from flowrpc.wire.records import decode_component, decode_revision, fill_component, fill_revision
from flowrpc.wire.runs import decode_app_status, decode_run, fill_app_status, fill_run


def encode_state(snapshot: StateSnapshot) -> pb.GetStateResponse:
    """Makes the answer to `GetState`."""
    message = pb.GetStateResponse(journal_id=snapshot.journal_id, revision=snapshot.revision)
    _fill_content(message, snapshot)
    return message


def decode_state(message: pb.GetStateResponse) -> StateSnapshot:
    """Reads the answer to `GetState`.

    Raises:
        InvalidValueError: It breaks the contract.
    """
    return StateSnapshot(
        journal_id=message.journal_id,
        revision=message.revision,
        components=_components(message),
        runs=_runs(message),
    )


def encode_watch_update(update: WatchUpdate) -> pb.WatchStateResponse:
    """Makes a message of what a watch sends."""
    message = pb.WatchStateResponse()
    if isinstance(update, Revision):
        fill_revision(message.revision, update)
    elif isinstance(update, StateSnapshot):
        _fill_snapshot(message.snapshot, update)
    else:
        _fill_end(message.end, update)
    return message


def decode_watch_update(message: pb.WatchStateResponse) -> WatchUpdate | None:
    """Reads what a watch sends; None if this version does not know it.

    Raises:
        InvalidValueError: It breaks the contract.
        InvalidChangeError: A change in it cannot be a change.
    """
    kind = message.WhichOneof("update")
    if kind == "revision":
        return decode_revision(message.revision, "revision")
    if kind == "snapshot":
        return _decode_snapshot(message.snapshot)
    return _decode_end(message.end) if kind == "end" else None


def _fill_snapshot(message: pb.Snapshot, snapshot: StateSnapshot) -> None:
    message.journal_id = snapshot.journal_id
    message.revision = snapshot.revision
    message.first = snapshot.first
    message.last = snapshot.last
    _fill_content(message, snapshot)
    if snapshot.app is not None:
        fill_app_status(message.app, snapshot.app)


def _decode_snapshot(message: pb.Snapshot) -> StateSnapshot:
    return StateSnapshot(
        journal_id=message.journal_id,
        revision=message.revision,
        components=_components(message),
        runs=_runs(message),
        app=decode_app_status(message.app, "snapshot") if message.HasField("app") else None,
        first=message.first,
        last=message.last,
    )


def _fill_content(message: Any, snapshot: StateSnapshot) -> None:
    for component in snapshot.components:
        fill_component(message.components.add(), component)
    for run in snapshot.runs:
        fill_run(message.runs.add(), run)


def _components(message: pb.Snapshot | pb.GetStateResponse) -> tuple[ComponentRecord, ...]:
    return tuple([decode_component(component, "snapshot") for component in message.components])


def _runs(message: pb.Snapshot | pb.GetStateResponse) -> tuple[Run, ...]:
    return tuple([decode_run(run, "snapshot") for run in message.runs])


def _fill_end(message: pb.WatchEnd, end: WatchEnd) -> None:
    message.revision = end.revision
    message.message = end.message
    if end.app is not None:
        fill_app_status(message.app, end.app)


def _decode_end(message: pb.WatchEnd) -> WatchEnd:
    return WatchEnd(
        revision=message.revision,
        message=message.message,
        app=decode_app_status(message.app, "end") if message.HasField("app") else None,
    )


_REVISION_TAG = pb.WatchStateResponse.DESCRIPTOR.fields_by_name["revision"].number << 3 | 2


def watch_revision_bytes(revision: bytes) -> bytes:
    """Makes the bytes of a watch update of a revision's bytes, without parsing them.

    A message field is its tag, its length and its bytes (https://protobuf.dev/programming-guides/encoding).
    """
    length, prefix = len(revision), bytearray([_REVISION_TAG])
    while length > 0x7F:
        prefix.append(length & 0x7F | 0x80)
        length >>= 7
    prefix.append(length)
    return bytes(prefix) + revision
