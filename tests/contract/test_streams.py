"""Commands that stream in a contract: a stream of items, without a request id, that cannot become a single result."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from flowrpc.contract.compatibility import breaks
from flowrpc.contract.lock import Lock
from flowrpc.contract.proto_text import proto_text
from flowrpc.contract.shape import ANY, Leaf, Ref, Scalar, Shape
from flowrpc.contract.survey import survey
from flowrpc.errors import ContractError

from tests.contract.offering import contract_of, numbered, offering


@dataclass
class Row:
    number: int


def rows(start: int = 0) -> Iterator[Row]:
    """Tells the rows."""
    yield Row(start)


def row(start: int = 0) -> Row:
    """Tells a row."""
    return Row(start)


def generated() -> Generator[int, None, None]:
    yield 1


def iterated() -> Iterable[str]:
    yield "a"


def bare() -> Iterator:  # type: ignore[type-arg]  # that is what is tested
    yield 1


def anything():  # type: ignore[no-untyped-def]  # as above
    yield 1


def lock_of(command: Callable[..., Any], before: Lock | None = None) -> Lock:
    return numbered(contract_of(offering({"rows": command})), before)[2]


def test_a_generator_is_a_method_that_streams() -> None:
    contract = contract_of(offering({"rows": rows}))
    method = contract.services["RootService"].methods[0]
    assert (method.name, method.streams, method.help) == ("Rows", True, "Tells the rows.")
    assert [field.name for field in contract.messages["RowsRequest"].fields] == ["start"]
    assert [(f.name, f.shape) for f in contract.messages["RowsResponse"].fields] == [
        ("item", Ref("Row")),
        ("revision", Leaf(Scalar.INT64)),
    ]
    text = proto_text(*numbered(contract))
    assert "  rpc Rows(RowsRequest) returns (stream RowsResponse);\n" in text


@pytest.mark.parametrize(
    ("method", "item"),
    [
        (generated, Leaf(Scalar.INT64)),
        (iterated, Leaf(Scalar.STRING)),
        (bare, ANY),
        (anything, ANY),
    ],
)
def test_the_annotation_tells_the_type_of_the_items(method: Callable[..., Any], item: Shape) -> None:
    contract = contract_of(offering({"go": method}))
    assert contract.messages["GoResponse"].fields[0].shape == item


@dataclass(frozen=True)
class Offer:
    """A command that no catalogue has checked."""

    method: Callable[..., Any]
    name: str = "go"
    flow: str = "root"


def test_a_generator_with_another_annotation_is_refused() -> None:
    def go() -> Iterator[complex]:
        yield 1j

    with pytest.raises(ContractError, match="an item of the command 'go'"):
        survey(offering({}), [Offer(go)], "shop.v1")


@pytest.mark.parametrize(("before", "after"), [(rows, row), (row, rows)])
def test_a_result_and_a_stream_cannot_take_each_others_place(
    before: Callable[..., Any], after: Callable[..., Any]
) -> None:
    first = lock_of(before)
    found = [str(one) for one in breaks(first, lock_of(after, first))]
    how = [one for one in found if one.startswith("RootService.Rows was")]
    assert len(how) == 1
    assert "stream RowsResponse" in how[0]
    assert "clients call it the other way; give the command that streams another name" in how[0]


def test_the_lock_keeps_that_a_method_streams() -> None:
    lock = lock_of(rows)
    assert lock.services["RootService"]["Rows"] == ["RowsRequest", "RowsResponse", "stream"]
    assert breaks(lock, lock_of(rows, dataclasses.replace(lock))) == []
