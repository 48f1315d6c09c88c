"""Numbers: what has one keeps it, whatever becomes of the code around it."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from flowrpc.contract.annotations import RenamedFrom
from flowrpc.contract.compatibility import breaks
from flowrpc.contract.lock import Lock, free_numbers
from flowrpc.contract.lock_file import lock_text, parse_lock, read_lock
from flowrpc.errors import ContractError

from tests.contract.offering import Shop, contract_of, numbered, offering


def lock_of(annotations: dict[str, Any], defaults: tuple[Any, ...] = (), before: Lock | None = None) -> Lock:
    """Makes the lock of an app with one command."""
    names = list(annotations)
    given = dict(zip(reversed(names), reversed(defaults), strict=False))
    source = ", ".join(f"{name}=given[{name!r}]" if name in given else name for name in names)
    space: dict[str, Any] = {"given": given}
    exec(f"def call({source}): pass", space)
    space["call"].__annotations__ = annotations
    return numbered(contract_of(offering({"call": space["call"]})), before)[2]


def numbers(lock: Lock) -> dict[str, int]:
    return {name: one.number for name, one in lock.messages["CallRequest"].fields.items()}


def test_order_means_nothing() -> None:
    before = lock_of({"a": int, "b": str})
    after = lock_of({"b": str, "c": float, "a": int}, (1,), before)
    assert numbers(before) == {"a": 1, "b": 2, "request_id": 15}
    assert numbers(after) == {"a": 1, "b": 2, "c": 3, "request_id": 15}


def test_a_number_is_never_given_twice() -> None:
    before = lock_of({"a": int, "b": str})
    without = lock_of({"a": int}, before=before)
    again = lock_of({"a": int, "c": str, "b": str}, before=without)
    assert without.messages["CallRequest"].reserved == {2: "b"}
    assert numbers(again) == {"a": 1, "c": 3, "b": 4, "request_id": 15}


def test_a_rename_keeps_the_number() -> None:
    before = lock_of({"a": int})
    after = lock_of({"total": Annotated[int, RenamedFrom("a")]}, before=before)
    assert numbers(after)["total"] == 1
    assert after.messages["CallRequest"].reserved == {}


def test_another_type_gets_another_number() -> None:
    after = lock_of({"a": str}, before=lock_of({"a": int}))
    assert numbers(after)["a"] == 2
    assert after.messages["CallRequest"].reserved == {1: "a"}


def test_a_command_that_is_gone_leaves_its_numbers_reserved() -> None:
    before = lock_of({"a": int})
    gone = numbered(contract_of(offering({})), before)[2]
    assert gone.messages["CallRequest"].reserved == {1: "a", 15: "request_id"}
    assert numbers(lock_of({"b": int}, before=gone))["b"] == 2


def test_more_than_fourteen_parameters_go_around_the_request_id() -> None:
    lock = lock_of({f"p{number}": int for number in range(20)})
    assert sorted(numbers(lock).values()) == list(range(1, 22))
    assert numbers(lock)["request_id"] == 15


def test_the_work_of_numbering_grows_with_the_fields_and_no_faster() -> None:
    class Counted(set[int]):
        asked = 0

        def __contains__(self, number: object) -> bool:
            self.asked += 1
            return super().__contains__(number)

    taken = Counted({3})
    free = free_numbers(taken)
    for _ in range(1_000):
        taken.add(next(free))
    assert sorted(taken) == list(range(1, 1_002))
    assert taken.asked == 1_001


def test_a_lock_is_read_as_it_was_written(tmp_path: Path) -> None:
    lock = numbered(contract_of(Shop()))[2]
    path = tmp_path / "contract.lock.json"
    assert read_lock(path) is None
    path.write_text(lock_text(lock))
    assert read_lock(path) == lock


def edited(**changes: Any) -> str:
    data = json.loads(lock_text(lock_of({"a": int, "b": int})))
    return json.dumps(data | changes)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "is no lock"),
        ("[]", "is no lock"),
        ("<<<<<<< ours", "run flowctl contract merge"),
        (edited(format=2), "has format 2"),
        (edited(messages={"A": {"fields": {"a": {"type": "int64"}}, "reserved": {}}}), "is no lock"),
        (
            edited(
                messages={
                    "A": {
                        "fields": {"a": {"number": 1, "type": "x"}, "b": {"number": 1, "type": "x"}},
                        "reserved": {},
                    }
                }
            ),
            "a and b have the number 1; if two branches took it",
        ),
        (
            edited(messages={"A": {"fields": {"a": {"number": 19_000, "type": "x"}}, "reserved": {}}}),
            "protobuf does not allow",
        ),
    ],
)
def test_a_lock_that_cannot_be_used_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ContractError, match=problem):
        parse_lock(text, "contract.lock.json")


def test_a_lock_of_another_app_is_refused() -> None:
    with pytest.raises(ContractError, match=r"is of the package 'shop.v1', the app's is 'other.v1'"):
        numbered(contract_of(Shop(), "other.v1"), numbered(contract_of(Shop()))[2])


def broken(before: Lock, after: Lock) -> list[str]:
    return [str(one) for one in breaks(before, after)]


def test_what_only_adds_breaks_nobody() -> None:
    before = lock_of({"a": int, "b": str}, ("x",))
    assert broken(before, lock_of({"c": float, "b": str, "a": int}, (1.0, "y", 2), before)) == []
    assert broken(before, before) == []


@pytest.mark.parametrize(
    ("annotations", "defaults", "problem"),
    [
        ({"a": int}, (), "CallRequest.b is gone: clients that send it would be ignored"),
        ({"a": int, "b": int}, (1,), "CallRequest.b was optional string and is optional int64"),
        ({"a": int, "b": str}, (), "CallRequest.b is required now"),
        ({"a": int, "c": int, "b": str}, ("x",), "CallRequest.c is new and required"),
    ],
)
def test_what_breaks_says_whom(annotations: dict[str, Any], defaults: tuple[Any, ...], problem: str) -> None:
    before = lock_of({"a": int, "b": str}, ("x",))
    (only,) = broken(before, lock_of(annotations, defaults, before))
    assert problem in only


def test_a_command_that_is_gone_breaks_who_calls_it() -> None:
    before = lock_of({"a": int})
    after = numbered(contract_of(offering({})), before)[2]
    assert "RootService.Call is gone: clients that call it break; keep the command, or its name" in broken(
        before, after
    )


def test_a_type_without_a_name_survives_the_rename_of_its_field() -> None:
    before = lock_of({"a": tuple[int, str]})
    after = lock_of({"b": Annotated[tuple[int, str], RenamedFrom("a")]}, before=before)
    assert broken(before, after) == []
    assert after.messages["CallRequest"].fields["b"].json == "a"


@pytest.mark.parametrize(
    ("annotations", "problem"),
    [
        ({"c": Annotated[int, RenamedFrom("a")], "a": int, "b": int}, "there is still a 'a'"),
        ({"a": Annotated[int, RenamedFrom("b")], "b": int}, "the lock knows 'a' already"),
        ({"c": Annotated[int, RenamedFrom("a")], "d": Annotated[int, RenamedFrom("a")]}, "only one can be"),
    ],
)
def test_a_note_that_may_mean_two_things_is_refused(annotations: dict[str, Any], problem: str) -> None:
    before = lock_of({"a": int, "b": int})
    with pytest.raises(ContractError, match=problem):
        lock_of(annotations, before=before)


def test_another_text_is_another_type() -> None:
    before = lock_of({"a": str})
    after = lock_of({"a": uuid.UUID}, before=before)
    assert numbers(after)["a"] == 2
    assert "CallRequest.a was optional string and is optional string (uuid)" in broken(before, after)[0]


def test_a_choice_that_is_gone_breaks_who_sends_it() -> None:
    before = lock_of({"a": Literal[1, 2]})
    assert broken(before, lock_of({"a": Literal[2, 1, 3]}, before=before)) == []
    (only,) = broken(before, lock_of({"a": Literal[1]}, before=before))
    assert only.startswith("CallRequest.a cannot be 2 any more")
