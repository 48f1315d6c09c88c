"""The state that clients read and follow ⇄ messages; `wire.watch_bytes` makes their bytes without messages."""

from __future__ import annotations

from typing import Any

from flowrpc.errors import InvalidChangeError
from flowrpc.protocol.answers import Bookmark, StateSnapshot, WatchEnd, WatchUpdate
from flowrpc.state.records import ComponentRecord, Revision, Run
from flowrpc.v1 import flow_service_pb2 as pb
from flowrpc.wire.enums import SNAPSHOT_REASONS, WATCH_END_REASONS, members
from flowrpc.wire.records import decode_component, decode_revision, fill_component, fill_revision
from flowrpc.wire.runs import decode_app_status, decode_run, fill_app_status, fill_run

_SNAPSHOT_REASONS = members(SNAPSHOT_REASONS)
_END_REASONS = members(WATCH_END_REASONS)


def encode_state(snapshot: StateSnapshot) -> pb.GetStateResponse:
    """Makes the answer to `GetState`."""
    message = pb.GetStateResponse(
        journal_id=snapshot.journal_id, revision=snapshot.revision, state_hash=snapshot.state_hash
    )
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
        state_hash=message.state_hash,
    )


def encode_watch_update(update: WatchUpdate) -> pb.WatchStateResponse:
    """Makes a message of what a watch sends."""
    message = pb.WatchStateResponse()
    if isinstance(update, Revision):
        fill_revision(message.revision, update)
    elif isinstance(update, StateSnapshot):
        _fill_snapshot(message.snapshot, update)
    elif isinstance(update, Bookmark):
        message.bookmark.SetInParent()
        message.bookmark.journal_id = update.journal_id
        message.bookmark.revision = update.revision
        message.bookmark.state_hash = update.state_hash
    else:
        _fill_end(message.end, update)
    return message


def decode_watch_update(message: pb.WatchStateResponse) -> WatchUpdate | None:
    """Reads what a watch sends; None if this version does not know it.

    A part of a revision is read as if it were a whole one; `WatchReader` puts parts together.

    Raises:
        InvalidValueError: It breaks the contract.
        InvalidChangeError: A change in it cannot be a change.
    """
    kind = message.WhichOneof("update")
    if kind == "revision":
        return decode_revision(message.revision, "revision")
    if kind == "snapshot":
        return _decode_snapshot(message.snapshot)
    if kind == "bookmark":
        return _decode_bookmark(message.bookmark)
    return _decode_end(message.end) if kind == "end" else None


class WatchReader:
    """Reads the messages of one watch, and puts the parts of large revisions together."""

    def __init__(self) -> None:
        """Begins with nothing."""
        self._parts: list[Revision] = []

    def read(self, message: pb.WatchStateResponse) -> WatchUpdate | None:
        """Reads a message; returns None if more belongs to it, or if this version does not know it.

        Raises:
            InvalidValueError: It breaks the contract.
            InvalidChangeError: A change in it cannot be a change, or it is no part of the revision before it.
        """
        update = decode_watch_update(message)
        if not isinstance(update, Revision):
            self._parts.clear()  # of a revision that is not gone on with, because a snapshot takes its place
            return update
        if self._parts and update.number != self._parts[0].number:
            raise InvalidChangeError(
                f"revision {update.number}", f"comes before the end of {self._parts[0].number}; watch again"
            )
        if not message.more and not self._parts:
            return update
        self._parts.append(update)
        return None if message.more else self._whole()

    def _whole(self) -> Revision:
        parts, self._parts = self._parts, []
        return Revision(
            number=parts[0].number,
            time=parts[0].time,
            deltas=tuple([delta for part in parts for delta in part.deltas]),
            runs=tuple([run for part in parts for run in part.runs]),
            forgotten_runs=tuple([run_id for part in parts for run_id in part.forgotten_runs]),
            app=next((part.app for part in parts if part.app is not None), None),
        )


def _fill_snapshot(message: pb.Snapshot, snapshot: StateSnapshot) -> None:
    message.journal_id = snapshot.journal_id
    message.revision = snapshot.revision
    message.first = snapshot.first
    message.last = snapshot.last
    message.state_hash = snapshot.state_hash
    if snapshot.reason is not None:
        message.reason = SNAPSHOT_REASONS[snapshot.reason]
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
        reason=_SNAPSHOT_REASONS.get(message.reason),
        state_hash=message.state_hash,
    )


def _decode_bookmark(message: pb.Bookmark) -> Bookmark:
    return Bookmark(journal_id=message.journal_id, revision=message.revision, state_hash=message.state_hash)


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
    if end.reason is not None:
        message.reason = WATCH_END_REASONS[end.reason]
    if end.app is not None:
        fill_app_status(message.app, end.app)


def _decode_end(message: pb.WatchEnd) -> WatchEnd:
    return WatchEnd(
        revision=message.revision,
        message=message.message,
        app=decode_app_status(message.app, "end") if message.HasField("app") else None,
        reason=_END_REASONS.get(message.reason),
    )
