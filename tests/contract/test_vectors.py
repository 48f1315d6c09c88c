"""The vectors, read as any client reads them: what Python's client and the service's own code make of each."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flowrpc.errors import FlowrpcError, InvalidChangeError, InvalidValueError
from flowrpc.protocol.answers import WatchUpdate
from flowrpc.state.canonical import canonical_bytes
from flowrpc.state.exact_json import from_json, to_json
from flowrpc.state.fold import apply
from flowrpc.state.values import Value, same
from flowrpc.v1 import flow_service_pb2, state_pb2, value_pb2
from flowrpc.wire.changes import decode_change, encode_changes
from flowrpc.wire.values import decode_value, encode_value
from flowrpc.wire.watch import WatchReader
from flowrpc_client import StateReplica
from flowrpc_client.errors import NotReachableError
from flowrpc_client.replica import Position
from google.protobuf.message import DecodeError

from tests.contract.cases.notation import written_component, written_run
from tests.contract.make_vectors import VECTORS, texts

_WAIT = 30.0


_READ: set[tuple[str, str]] = set()
"""The groups of cases that tests here read."""


def _read(file: str, group: str) -> list[Any]:
    _READ.add((file, group))
    cases = json.loads((VECTORS / file).read_text(encoding="utf-8"))[group]
    return [pytest.param(case, id=case["name"]) for case in cases]


def _value(message: str) -> Value:
    return decode_value(value_pb2.Value.FromString(base64.b64decode(message)), "value")


def _vars(written: dict[str, Any]) -> dict[str, Value]:
    value = _value(written["message"])
    assert isinstance(value, dict)
    return value


def test_vectors_are_what_the_script_writes() -> None:
    assert {path.name: path.read_text(encoding="utf-8") for path in VECTORS.glob("*.json")} == texts()


def test_every_group_of_every_file_is_read() -> None:
    files = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in VECTORS.glob("*.json")}
    assert {(name, group) for name, groups in files.items() for group in groups} == _READ
    assert all(cases for groups in files.values() for cases in groups.values())


@pytest.mark.parametrize("case", _read("values.json", "cases"))
def test_value_means_what_the_vector_says(case: dict[str, Any]) -> None:
    value = _value(case["message"])
    assert same(value, from_json(case["json"], "value"))
    assert canonical_bytes(value, ordered=True) == base64.b64decode(case["hashed"])
    assert encode_value(value).SerializeToString() == base64.b64decode(case["message"])


@pytest.mark.parametrize("case", _read("values.json", "refused"))
def test_what_is_no_value_is_refused(case: dict[str, Any]) -> None:
    with pytest.raises((InvalidValueError, DecodeError)):
        _value(case["message"])


@pytest.mark.parametrize("case", _read("changes.json", "cases"))
def test_change_does_what_the_vector_says(case: dict[str, Any]) -> None:
    vars, after = _vars(case["before"]), _vars(case["after"])
    assert same(after, from_json(case["after"]["json"], "after"))
    message = state_pb2.Change.FromString(base64.b64decode(case["message"]))
    change = decode_change(message, "root")
    apply(vars, change)
    assert same(vars, after)
    assert decode_change(encode_changes([change])[0], "root") == change


@pytest.mark.parametrize("case", _read("changes.json", "refused"))
def test_impossible_change_is_refused_and_changes_nothing(case: dict[str, Any]) -> None:
    vars = _vars(case["before"])
    message = state_pb2.Change.FromString(base64.b64decode(case["message"]))
    with pytest.raises((InvalidChangeError, InvalidValueError)):
        apply(vars, decode_change(message, "root"))
    assert same(vars, _vars(case["before"]))


class _Stage:
    """Plays the steps of a vector to a replica, and checks it before each further message, in the replica's thread."""

    def __init__(self, steps: list[dict[str, Any]]) -> None:
        self._steps = iter(steps)
        self._told: dict[str, Any] = {"after": None}
        self._known = threading.Event()
        self.replica: StateReplica | None = None
        self.problem: BaseException | None = None
        self.over = threading.Event()

    def begin(self, replica: StateReplica) -> None:
        self.replica = replica
        self._known.set()

    def watch(self, position: Position | None) -> Any:
        after = self._told["after"]
        wanted = after and (after["resume"]["after_revision"], after["resume"]["journal_id"])
        self._note(lambda: _equal(position, wanted))
        return _Watch(self._updates(), self.over)

    def check(self) -> None:
        self._note(lambda: _equal(_seen(self.replica), self._told["after"]))

    def _updates(self) -> Iterator[WatchUpdate]:
        self._known.wait(_WAIT)
        reader = WatchReader()
        for step in self._steps:
            self.check()
            self._told = step
            if "break" in step:
                raise NotReachableError("the stream broke")
            message = flow_service_pb2.WatchStateResponse.FromString(base64.b64decode(step["message"]))
            update = reader.read(message)
            if update is not None:
                yield update
        self.check()
        self.over.set()

    def _note(self, check: Callable[[], None]) -> None:
        try:
            check()
        except AssertionError as error:
            self.problem = self.problem or error


class _Watch:
    """One stream of a stage: when the steps are over, it stays open until it is closed."""

    def __init__(self, updates: Iterator[WatchUpdate], over: threading.Event) -> None:
        self._updates = updates
        self._over = over
        self._closed = threading.Event()

    def __iter__(self) -> Iterator[WatchUpdate]:
        yield from self._updates
        if self._over.is_set():
            self._closed.wait(_WAIT)

    def close(self) -> None:
        self._closed.set()

    def __enter__(self) -> _Watch:
        return self

    def __exit__(self, *error: object) -> None:
        """Leaves closing to the replica."""


def _equal(found: object, wanted: object) -> None:
    assert found == wanted


def _seen(replica: StateReplica | None) -> dict[str, Any] | None:
    if replica is None or not replica._ready:
        return None
    state = replica._state
    return {
        "resume": {"after_revision": replica.revision, "journal_id": replica.journal_id},
        "components": [written_component(record) for record in state.components.values()],
        "runs": [written_run(run) for run in sorted(state.runs.values(), key=lambda run: run.run_id)],
        "state_hash": replica.state_hash(),
    }


@pytest.mark.parametrize("case", _read("watches.json", "cases"))
def test_replica_has_after_each_message_what_the_vector_says(case: dict[str, Any]) -> None:
    steps = case["steps"]
    stage = _Stage(steps)
    with StateReplica(stage.watch, "root") as replica:
        stage.begin(replica)
        if steps[-1].get("refused"):
            with pytest.raises(FlowrpcError) as refused:
                replica.wait_for(lambda _: False, timeout=_WAIT)
            assert isinstance(refused.value, InvalidChangeError | InvalidValueError)
        elif replica_ends(steps):
            with pytest.raises(NotReachableError, match="the watch ended: done"):
                replica.wait_for(lambda _: False, timeout=_WAIT)
            stage.check()
        else:
            assert stage.over.wait(_WAIT)
        assert replica.mismatches == sum("mismatch" in step for step in steps)
    if stage.problem is not None:
        raise stage.problem


def replica_ends(steps: list[dict[str, Any]]) -> bool:
    last = flow_service_pb2.WatchStateResponse.FromString(base64.b64decode(steps[-1].get("message", "")))
    return last.end.reason == flow_service_pb2.WATCH_END_REASON_APP_ENDED


def test_vectors_tell_values_apart_that_are_equal_in_python() -> None:
    """1, 1.0 and True, 0.0 and -0.0: what a reader that is less exact would confuse."""
    hashed = [case.values[0]["hashed"] for case in _read("values.json", "cases")]
    assert len(set(hashed)) == len(hashed)
    assert to_json(2**53, safe_ints=True) == {"$flowrpc": "int", "value": "9007199254740992"}
