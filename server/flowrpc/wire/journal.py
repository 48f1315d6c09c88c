"""What the store keeps ⇄ bytes.

Everything here raises ValueError for bytes that are not what they should be: the store tells that as damage.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from google.protobuf.message import DecodeError

from flowrpc.errors import InvalidChangeError, InvalidValueError
from flowrpc.protocol.answers import CommandOutcome, UpdateOutcome
from flowrpc.protocol.stored_answer import StoredAnswer
from flowrpc.state.records import AppStatus, ComponentRecord, Revision, RunRecord
from flowrpc.v1 import journal_pb2, state_pb2
from flowrpc.wire.outcomes import (
    decode_command_outcome,
    decode_update_outcome,
    encode_update_outcome,
    fill_command_outcome,
)
from flowrpc.wire.records import decode_component, decode_revision, encode_revision, fill_component
from flowrpc.wire.runs import decode_app_status, decode_run_record, encode_run_record, fill_app_status


def revision_bytes(revision: Revision) -> bytes:
    """Serialises a revision as clients see it; its runs' records are kept by `run_record_bytes`."""
    return encode_revision(revision).SerializeToString()


def revision_from_bytes(data: bytes) -> Revision:
    """Reads a revision; its run records have ordinal 0.

    Raises:
        ValueError: The bytes are no revision.
    """
    with _damage_told("a revision"):
        return decode_revision(state_pb2.Revision.FromString(data), "revision")


def run_record_bytes(record: RunRecord) -> bytes:
    """Serialises a run as the store keeps it."""
    return encode_run_record(record).SerializeToString()


def run_record_from_bytes(data: bytes) -> RunRecord:
    """Reads a run as the store keeps it.

    Raises:
        ValueError: The bytes are no run record.
    """
    with _damage_told("a run record"):
        return decode_run_record(journal_pb2.RunRecord.FromString(data), "run record")


def snapshot_bytes(components: Iterable[ComponentRecord], app: AppStatus | None) -> bytes:
    """Serialises the whole state at one revision."""
    message = journal_pb2.StoredSnapshot()
    for component in components:
        fill_component(message.components.add(), component)
    if app is not None:
        fill_app_status(message.app, app)
    return message.SerializeToString()


def snapshot_from_bytes(data: bytes) -> tuple[tuple[ComponentRecord, ...], AppStatus | None]:
    """Reads the whole state at one revision: the components, parents first, and the app's status.

    Raises:
        ValueError: The bytes are no snapshot.
    """
    with _damage_told("a snapshot"):
        message = journal_pb2.StoredSnapshot.FromString(data)
        components = tuple([decode_component(component, "snapshot") for component in message.components])
        app = decode_app_status(message.app, "snapshot") if message.HasField("app") else None
        return components, app


def answer_bytes(stored: StoredAnswer) -> bytes:
    """Serialises a stored answer; its request id is the store's key and not among the bytes."""
    message = journal_pb2.StoredReply(digest=stored.digest)
    if isinstance(stored.answer, CommandOutcome):
        fill_command_outcome(message.command, stored.answer)
    else:
        message.update.CopyFrom(encode_update_outcome(stored.answer))
    return message.SerializeToString()


def answer_from_bytes(request_id: str, data: bytes) -> StoredAnswer:
    """Reads the answer that is stored under a request id.

    Raises:
        ValueError: The bytes are no answer.
    """
    with _damage_told(f"the answer to {request_id}"):
        message = journal_pb2.StoredReply.FromString(data)
        return StoredAnswer(request_id=request_id, digest=message.digest, answer=_answer(message))


def _answer(message: journal_pb2.StoredReply) -> CommandOutcome | UpdateOutcome:
    kind = message.WhichOneof("answer")
    if kind == "command":
        return decode_command_outcome(message.command)
    if kind == "update":
        return decode_update_outcome(message.update)
    raise InvalidValueError("answer", "has no kind that this version knows")


@contextmanager
def _damage_told(what: str) -> Iterator[None]:
    """Turns what can go wrong in reading into a ValueError."""
    try:
        yield
    except (DecodeError, InvalidValueError, InvalidChangeError) as error:
        raise ValueError(f"the bytes are not {what}: {error}") from error
