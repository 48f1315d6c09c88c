"""The bytes of messages that clients read state from, put together of the bytes of their parts.

A message field is its tag, its length and its bytes (https://protobuf.dev/programming-guides/encoding), so what did not
change need not be encoded again. `wire.watch` reads what comes out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from flowrpc.protocol.answers import Bookmark, StateSnapshot
from flowrpc.state.changes import Change, Set
from flowrpc.state.records import ComponentRecord, Delta, Revision, Run
from flowrpc.state.values import Value
from flowrpc.v1 import flow_service_pb2 as pb
from flowrpc.v1 import state_pb2, value_pb2
from flowrpc.wire.records import encode_delta, encode_revision, fill_component, fill_recipe
from flowrpc.wire.runs import encode_run
from flowrpc.wire.values import fill_value
from flowrpc.wire.watch import encode_state, encode_watch_update


def _tag(message: Any, field: str) -> bytes:
    """Returns the tag of a field of bytes; fields below 16 take one byte."""
    return bytes([message.DESCRIPTOR.fields_by_name[field].number << 3 | 2])


_REVISION = _tag(pb.WatchStateResponse, "revision")
_SNAPSHOT = _tag(pb.WatchStateResponse, "snapshot")
_VARS = _tag(state_pb2.Component, "vars")
_STATE_COMPONENTS = _tag(pb.GetStateResponse, "components")
_STATE_RUNS = _tag(pb.GetStateResponse, "runs")
_SNAPSHOT_COMPONENTS = _tag(pb.Snapshot, "components")
_SNAPSHOT_RUNS = _tag(pb.Snapshot, "runs")
_MORE: bytes = pb.WatchStateResponse(more=True).SerializeToString()


def field_bytes(tag: bytes, content: bytes) -> bytes:
    """Makes a message field of its content."""
    length = len(content)
    if length <= 0x7F:
        return tag + bytes([length]) + content
    prefix = bytearray(tag)
    while length > 0x7F:
        prefix.append(length & 0x7F | 0x80)
        length >>= 7
    prefix.append(length)
    return bytes(prefix) + content


def head_bytes(record: ComponentRecord) -> bytes:
    """Encodes a component without its vars."""
    message = state_pb2.Component()
    fill_component(message, replace(record, vars={}, recipe=None))
    if record.recipe is not None:
        fill_recipe(message.recipe, record.recipe)
    return message.SerializeToString()


def name_bytes(record: ComponentRecord) -> bytes:
    """Encodes what another entry of the same component needs: all but its vars and its recipe."""
    return head_bytes(replace(record, recipe=None))


def var_bytes(name: str, value: Value) -> bytes:
    """Encodes a var as a field of its component."""
    entry = value_pb2.MapEntry(key=name)
    fill_value(entry.value, value)
    return field_bytes(_VARS, entry.SerializeToString())


def run_bytes(run: Run) -> bytes:
    """Encodes a run."""
    return encode_run(run).SerializeToString()


def state_bytes(snapshot: StateSnapshot, components: Iterable[bytes], runs: Iterable[bytes]) -> bytes:
    """Makes the answer to `GetState` of encoded components and runs; the snapshot has none."""
    parts = [encode_state(snapshot).SerializeToString()]
    parts += [field_bytes(_STATE_COMPONENTS, component) for component in components]
    parts += [field_bytes(_STATE_RUNS, run) for run in runs]
    return b"".join(parts)


def snapshot_bytes(snapshot: StateSnapshot, components: Iterable[bytes], runs: Iterable[bytes]) -> bytes:
    """Makes a part of a watch's snapshot of encoded components and runs; the snapshot has none."""
    parts = [encode_watch_update(snapshot).snapshot.SerializeToString()]
    parts += [field_bytes(_SNAPSHOT_COMPONENTS, component) for component in components]
    parts += [field_bytes(_SNAPSHOT_RUNS, run) for run in runs]
    return field_bytes(_SNAPSHOT, b"".join(parts))


def bookmark_bytes(bookmark: Bookmark) -> bytes:
    """Makes the message of a bookmark."""
    return encode_watch_update(bookmark).SerializeToString()


def watch_revision_bytes(revision: bytes) -> bytes:
    """Makes the message of a revision that is encoded, without parsing it."""
    return field_bytes(_REVISION, revision)


def revision_bytes(revision: Revision) -> bytes:
    """Encodes a revision."""
    return encode_revision(revision).SerializeToString()


def revision_messages(revision: Revision, part_bytes: int) -> list[bytes]:
    """Makes the messages of a large revision, whose parts hold about so many bytes.

    A component that was attached is split, too: into itself without vars, and changes that set them.
    """
    parts = list(_parts(revision, part_bytes))
    messages = [watch_revision_bytes(revision_bytes(part)) for part in parts]
    return [message + _MORE for message in messages[:-1]] + messages[-1:]


def _parts(revision: Revision, part_bytes: int) -> Iterator[Revision]:
    empty = replace(revision, deltas=(), runs=(), forgotten_runs=(), app=None)
    for deltas in _grouped(
        (piece for delta in revision.deltas for piece in _pieces(delta, part_bytes)), _delta_size, part_bytes
    ):
        yield replace(empty, deltas=deltas)
    for runs in _grouped(iter(revision.runs), _run_size, part_bytes):
        yield replace(empty, runs=runs)
    yield replace(empty, forgotten_runs=revision.forgotten_runs, app=revision.app)


def _pieces(delta: Delta, part_bytes: int) -> Iterator[Delta]:
    if _delta_size(delta) <= part_bytes:
        yield delta
        return
    changes: list[Change] = []
    if delta.attached is not None:
        yield Delta(component=delta.component, attached=replace(delta.attached, vars={}))
        changes += [Set((name,), value) for name, value in delta.attached.vars.items()]
    changes += delta.changes
    singles = (Delta(component=delta.component, changes=(change,)) for change in changes)
    for group in _grouped(singles, _delta_size, part_bytes):
        yield Delta(component=delta.component, changes=tuple([single.changes[0] for single in group]))
    if delta.detached:
        yield Delta(component=delta.component, detached=True)


def _grouped(items: Iterator[Any], size_of: Any, part_bytes: int) -> Iterator[tuple[Any, ...]]:
    """Groups items, so that a group is larger than asked for only if one item is."""
    group: list[Any] = []
    size = 0
    for item in items:
        own = size_of(item)
        if group and size + own > part_bytes:
            yield tuple(group)
            group, size = [], 0
        group.append(item)
        size += own
    if group:
        yield tuple(group)


def _delta_size(delta: Delta) -> int:
    return encode_delta(delta).ByteSize() + 6


def _run_size(run: Run) -> int:
    return encode_run(run).ByteSize() + 6
