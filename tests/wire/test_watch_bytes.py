"""Large revisions in parts, and messages made of bytes, against the plain encoding."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from flowrpc.errors import InvalidChangeError
from flowrpc.state.records import Revision
from flowrpc.v1 import flow_service_pb2 as pb
from flowrpc.wire.watch import WatchReader, decode_watch_update, encode_watch_update
from flowrpc.wire.watch_bytes import field_bytes, revision_bytes, revision_messages, watch_revision_bytes
from hypothesis import given
from hypothesis import strategies as st

from tests.wire import strategies as some
from tests.wire.test_round_trips import quick


def read(reader: WatchReader, messages: list[bytes]) -> list[Any]:
    return [reader.read(pb.WatchStateResponse.FromString(message)) for message in messages]


@quick
@given(some.revisions)
def test_a_revision_is_passed_on_as_it_is_stored(revision: Revision) -> None:
    message = watch_revision_bytes(revision_bytes(revision))
    assert decode_watch_update(pb.WatchStateResponse.FromString(message)) == revision


@quick
@given(some.revisions, st.integers(1, 300))
def test_the_parts_of_a_revision_add_up(revision: Revision, part_bytes: int) -> None:
    *before, whole = read(WatchReader(), revision_messages(revision, part_bytes))
    assert not any(before), "nothing is told before the last part"
    assert (whole.number, whole.time, whole.app) == (revision.number, revision.time, revision.app)
    assert (whole.runs, whole.forgotten_runs) == (revision.runs, revision.forgotten_runs)
    assert _flat(whole) == _flat(revision)


def _flat(revision: Revision) -> list[Any]:
    """Tells what happens in a revision, one thing after the other."""
    facts: list[Any] = []
    for delta in revision.deltas:
        if delta.attached is not None:
            facts.append((delta.component, replace(delta.attached, vars={})))
            facts += [(delta.component, (name,), value) for name, value in delta.attached.vars.items()]
        facts += [(delta.component, *change) for change in delta.changes]
        facts += [(delta.component, "detached")] if delta.detached else []
    return facts


@pytest.mark.parametrize("length", [0, 1, 127, 128, 16_383, 16_384, 3_000_000])
def test_a_field_of_any_length_is_read_back(length: int) -> None:
    assert pb.WatchEnd.FromString(field_bytes(b"\x12", b"x" * length)).message == "x" * length


@quick
@given(some.revisions, some.snapshots)
def test_a_revision_that_breaks_off_is_dropped(revision: Revision, snapshot: Any) -> None:
    first = pb.WatchStateResponse.FromString(watch_revision_bytes(revision_bytes(revision)))
    first.more = True
    reader = WatchReader()
    assert reader.read(first) is None
    other = watch_revision_bytes(revision_bytes(replace(revision, number=revision.number % 1000 + 1001)))
    with pytest.raises(InvalidChangeError, match="comes before the end"):
        read(reader, [other])
    assert reader.read(encode_watch_update(snapshot)) == snapshot, "a snapshot takes its place"
    assert read(reader, [other])[0].number == revision.number % 1000 + 1001
