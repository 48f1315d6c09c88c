"""The hash of a state: its exact bytes, what it tells apart, and that it may be made step by step."""

from __future__ import annotations

import struct
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest
from flowrpc.state import Remove, Set, Value
from flowrpc.state import state_hash as hashing
from flowrpc.state.canonical import canonical_bytes
from flowrpc.state.records import ComponentKind, ComponentRecord, Delta, Recipe, Revision
from flowrpc.state.replica import Replica
from flowrpc.state.state_hash import StateHash, state_hash

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def record(name: str = "root", **own: Value) -> ComponentRecord:
    return ComponentRecord(name=name, kind=ComponentKind.FLOW, type="app:Root", vars=dict(own))


def test_the_bytes_are_those_that_the_contract_tells() -> None:
    """Written by hand from `protos/README.md`, as a client in another language would."""
    one = record(n=-255, r=0.5, t="é", no=None, l=[True, False], d={"b": 1, "a": 2**70})
    two = replace(record("root.a"), recipe=Recipe(type="app:A", args=(1,), kwargs={"k": "v"}))
    own = [
        b"s1:n" + b"i-ff;",
        b"s1:r" + b"r" + struct.pack(">d", 0.5),
        b"s1:t" + b"s2:\xc3\xa9",
        b"s2:no" + b"n",
        b"s1:l" + b"l2:tf",
        b"s1:d" + b"d2:s1:bi1;s1:ai400000000000000000;",
    ]
    root = b"l4:s4:roots4:flows8:app:Rootn" + b"".join(sha256(content).digest() for content in own)
    child = b"l4:s6:root.as4:flows8:app:Rootl3:s5:app:Al1:i1;d1:s1:ks1:v"

    expected = sha256(sha256(root).digest() + sha256(child).digest()).hexdigest()

    assert state_hash([one, two]) == state_hash([two, one]) == expected


BASE = record(a=1, b={"x": 1, "y": 2})


@pytest.mark.parametrize(
    "other",
    [
        record(a=1.0, b={"x": 1, "y": 2}),
        record(a=True, b={"x": 1, "y": 2}),
        record(b={"x": 1, "y": 2}, a=1),
        record(a=1, b={"y": 2, "x": 1}),
        record(a=1, b={"x": 1, "y": 2}, c=None),
        record("root.a", a=1, b={"x": 1, "y": 2}),
        replace(BASE, kind=ComponentKind.WORK),
        replace(BASE, type="app:Other"),
        replace(BASE, recipe=Recipe(type="app:Root")),
    ],
)
def test_a_difference_is_found(other: ComponentRecord) -> None:
    assert state_hash([other]) != state_hash([BASE])
    assert state_hash([BASE, record("root.z")]) != state_hash([BASE])


def test_only_what_changed_is_hashed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    replica, hashes = Replica(), StateHash()
    hashed: list[Any] = []
    plain = canonical_bytes

    def counted(value: Value, *, ordered: bool = False) -> bytes:
        hashed.append(value)
        return plain(value, ordered=ordered)

    def step(*deltas: Delta) -> list[Any]:
        revision = Revision(number=replica.revision + 1, time=NOW, deltas=deltas)
        replica.fold(revision)
        hashes.note(revision)
        hashed.clear()
        monkeypatch.setattr(hashing, "canonical_bytes", counted)
        own = hashes.of(replica.components.values())
        counts = list(hashed)
        monkeypatch.undo()
        assert own == state_hash(replica.components.values())
        return counts

    many = {f"v{number}": number for number in range(1000)}
    trees = (record("root", **many), record("root.a", x=1), record("root.a.b", x=1))
    assert len(step(*(Delta(component=tree.name, attached=tree) for tree in trees))) > 2000
    assert step() == []
    assert len(step(Delta(component="root", changes=(Set(("v7",), "new"),)))) == 3
    assert len(step(Delta(component="root", changes=(Remove(("v7",)), Set(("v7",), "new"))))) == 3
    assert step(Delta(component="root.a", detached=True)) == []
    fresh = Delta(component="root.a", attached=record("root.a", x=2))
    assert len(step(fresh)) == 3
