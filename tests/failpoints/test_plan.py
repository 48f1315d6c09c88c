"""What the environment variable may say, and what it is told when it says something else."""

from __future__ import annotations

import pytest
from flowrpc.errors import StartError
from flowrpc.failpoints.plan import Action, Plan, Trigger
from flowrpc.failpoints.points import POINTS


def only(text: str) -> Trigger:
    (trigger,) = Plan.read(text).triggers
    return trigger


def test_a_name_and_an_action_are_enough() -> None:
    assert only("store.commit.before=kill") == Trigger(name="store.commit.before", action=Action.KILL)


def test_an_action_may_have_an_argument_a_count_and_a_plus() -> None:
    assert only(" flow.reply.before = sleep(250)@3+ ") == Trigger(
        name="flow.reply.before", action=Action.SLEEP, argument="250", at=3, onwards=True
    )


def test_several_are_separated_by_semicolons() -> None:
    plan = Plan.read("store.commit.before=kill@3;runner.run.before=exit(4); ")
    assert [trigger.name for trigger in plan.triggers] == ["store.commit.before", "runner.run.before"]


def test_a_star_stands_for_every_failpoint() -> None:
    assert [point for point, _ in Plan.read("*=note").of(POINTS)] == list(POINTS)


@pytest.mark.parametrize(
    ("trigger", "counts"),
    [("store.commit.before=kill@2", [2]), ("store.commit.before=kill@2+", [2, 3, 4])],
)
def test_it_acts_at_its_count(trigger: str, counts: list[int]) -> None:
    assert [count for count in range(1, 5) if only(trigger).acts_at(count)] == counts


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("store.commit.before", "is not NAME=ACTION"),
        ("store.comit.before=kill", "did you mean 'store.commit.before'?"),
        ("store.commit.before=kil", "no action 'kil'"),
        ("store.commit.before=kill@0", "counts from 1"),
        ("store.commit.before=sleep", "for how many milliseconds"),
        ("store.commit.before=exit(x)", "exit code"),
        ("store.commit.before=exit(256)", "exit code"),
        ("store.commit.before=raise(ENOSPACE)", "must name an error, as in raise(ENOSPC)"),
        ("store.commit.before=raise(SQLITE_FUL)", "must name an error, as in raise(ENOSPC)"),
        ("store.commit.before=kill@3;;what", "'what' is not"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(text: str, problem: str) -> None:
    with pytest.raises(StartError, match=r"FLOWRPC_FAILPOINTS") as caught:
        Plan.read(text)
    assert problem in str(caught.value)
