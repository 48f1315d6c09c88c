"""Two branches that added things: no number stands for two of them afterwards."""

from __future__ import annotations

from typing import Any

import pytest
from flowrpc.contract.building import package_of
from flowrpc.contract.lock import Lock
from flowrpc.contract.lock_file import lock_text, parse_lock
from flowrpc.contract.merge import merged
from flowrpc.errors import ContractError
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contract.test_lock import lock_of, numbers

BASE = lock_of({"a": int})


def branch(annotations: dict[str, Any], base: Lock = BASE) -> Lock:
    return lock_of(annotations, before=base)


def test_what_both_branches_added_gets_numbers_of_its_own() -> None:
    lock, moved = merged(BASE, branch({"a": int, "b": str}), branch({"a": int, "c": float}))
    assert numbers(lock) == {"a": 1, "b": 2, "c": 3, "request_id": 15}
    assert [str(one) for one in moved] == ["CallRequest.c is 3, not 2"]


def test_what_one_branch_removed_stays_reserved() -> None:
    lock, _ = merged(BASE, branch({}), branch({"a": int, "c": float}))
    assert numbers(lock) == {"c": 2, "request_id": 15}
    assert lock.messages["CallRequest"].reserved == {1: "a"}


def test_what_both_added_alike_is_one() -> None:
    lock, moved = merged(BASE, branch({"a": int, "b": str}), branch({"a": int, "b": str}))
    assert (numbers(lock), moved) == ({"a": 1, "b": 2, "request_id": 15}, [])


def test_branches_of_two_apps_are_refused() -> None:
    with pytest.raises(ContractError, match=r"different packages: other.v1, shop.v1"):
        merged(BASE, BASE, Lock(package="other.v1"))


fields = st.lists(st.sampled_from("abcdefgh"), unique=True)


@settings(deadline=None)
@given(fields, fields, fields)
def test_every_merge_is_a_lock(base: list[str], ours: list[str], theirs: list[str]) -> None:
    old = lock_of(dict.fromkeys(base, int))
    mine, other = (branch(dict.fromkeys(names, int), old) for names in (ours, theirs))
    lock, _ = merged(old, mine, other)
    assert parse_lock(lock_text(lock), "merged") == lock  # which refuses a number that is there twice
    mine_kept = {name: number for name, number in numbers(mine).items() if name in numbers(lock)}
    assert mine_kept.items() <= numbers(lock).items()
    assert {*ours, *theirs} - {*base} <= numbers(lock).keys()


@pytest.mark.parametrize(
    ("name", "package"), [("shop", "shop.v1"), ("My shop", "my_shop.v1"), ("3d", "app_3d.v1"), ("", "app.v1")]
)
def test_a_package_is_made_of_a_name(name: str, package: str) -> None:
    assert package_of(name) == package
