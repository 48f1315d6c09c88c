"""Amounts of what a machine has, and how they are written."""

from __future__ import annotations

import pytest
from flowrpc.protocol.resources import (
    MAX_BYTES,
    Demand,
    Resources,
    describe,
    format_bytes,
    parse_bytes,
    parse_label,
)
from hypothesis import given
from hypothesis import strategies as st

amounts = st.builds(
    Resources,
    cpu_millis=st.integers(0, 10_000),
    memory_bytes=st.integers(0, 2**40),
    gpus=st.integers(0, 8),
)


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("1B", 1),
        ("4GiB", 4 * 2**30),
        ("4 GiB", 4 * 2**30),
        (" 512MiB ", 512 * 2**20),
        ("16GB", 16 * 10**9),
        ("1.5kB", 1500),
        ("0.5TiB", 2**39),
        ("1.1GB", 1_100_000_000),  # exact, not what a float makes of it
    ],
)
def test_a_size_is_read_with_its_unit(text: str, amount: int) -> None:
    assert parse_bytes(text) == amount


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("4", "the unit is missing"),
        ("4G", "the unit 'G' is not known"),
        ("4gib", "the unit 'gib' is not known"),
        ("GiB", "no amount of memory"),
        ("-1GiB", "no amount of memory"),
        ("1e3MB", "no amount of memory"),
        ("", "no amount of memory"),
        ("٤GiB", "no amount of memory"),
        ("9999999TiB", "more memory than any machine"),
        ("9" * 5000 + "GiB", "more memory than any machine"),
    ],
)
def test_a_size_without_sense_is_refused_with_an_example(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem) as caught:
        parse_bytes(text)
    assert "4GiB" in str(caught.value)


@given(st.integers(0, MAX_BYTES))
def test_a_size_is_written_with_what_it_is_at_most_and_at_least(amount: int) -> None:
    """What is told to be enough must be so: a demand is rounded up, what there is is rounded down."""
    assert (
        parse_bytes(format_bytes(amount))
        <= amount
        <= parse_bytes(format_bytes(amount, up=True))
        <= amount * 1.1
    )


def test_a_label_is_a_key_and_a_value() -> None:
    assert parse_label("zone=eu/a-1") == ("zone", "eu/a-1")


@pytest.mark.parametrize(
    "text", ["zone", "=a", "zone=", "zo ne=a", "zone=a\n", "-a=b", "a=" + 64 * "b", "a=b=c"]
)
def test_what_is_no_label_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"label|KEY=VALUE"):
        parse_label(text)


@given(amounts, amounts)
def test_an_amount_covers_its_parts(one: Resources, other: Resources) -> None:
    both = one + other
    assert both.covers(one)
    assert both.covers(other)
    assert one.covers(both) is (one == both)


def test_amounts_are_written_as_the_command_line_takes_them() -> None:
    resources = Resources(cpu_millis=500, memory_bytes=4 * 2**30, gpus=2)
    assert describe(resources, {"zone": "a"}) == "cpus=0.5 memory=4GiB gpus=2 label zone=a"
    assert str(Demand()) == "nothing in particular"
