"""What becomes of Python's types, and what is said of those that nothing can become of."""

from __future__ import annotations

import collections
import dataclasses
import enum
from collections.abc import Callable
from typing import Annotated, Any, Literal

import pytest
from flowrpc import LightningFlow, LightningWork
from flowrpc.contract.annotations import RenamedFrom
from flowrpc.contract.building import build
from flowrpc.contract.lock import written_type
from flowrpc.contract.lowering import lowered
from flowrpc.errors import ComponentError, ContractError
from flowrpc.flow_service.catalogue import Catalogue

from tests.contract.offering import Shop, contract_of, offering


def fields(root: LightningFlow, message: str) -> dict[str, str]:
    """The fields of a message and their types, as a .proto file writes them."""
    made = lowered(contract_of(root))[message]
    return {one.name: written_type(one) for one in made.fields}


def test_parameters_become_the_fields_of_a_request() -> None:
    assert fields(Shop(), "OrderItemsRequest") == {
        "items": "repeated Item",
        "by": "map<string, ListOfInt>",
        "chosen": "ListOfInt",
        "tags": "ListOfText",
        "target": "IntOrTextOrItem",
        "pair": "OrderItemsPair",
        "anything": "flowrpc.v1.Value",
        "wait": "google.protobuf.Duration",
        "grid": "repeated ListOfInt",
        "data": "optional bytes",
        "mode": "optional OrderItemsMode",
        "at": "Point",
        "options": "Options",
        "rest": "map<string, double>",
        "request_id": "optional string",
    }


def test_a_result_comes_with_its_revision() -> None:
    assert fields(Shop(), "AddResponse") == {"result": "optional int64", "revision": "optional int64"}
    assert fields(Shop(), "OrderItemsResponse")["result"] == "ListOfItem"


def test_vars_are_typed_by_annotation_else_by_what_they_hold() -> None:
    assert fields(Shop(), "ShopState") == {
        "count": "optional int64",
        "names": "repeated flowrpc.v1.Value",
        "labels": "map<string, flowrpc.v1.Value>",
        "when": "google.protobuf.Timestamp",
        "job": "JobState",
        "team": "TeamState",
        "jobs": "flowrpc.v1.Value",
    }
    assert fields(Shop(), "JobState") == {
        "progress": "optional double",
        "best": "flowrpc.v1.Value",
        "run": "JobLatestRun",
    }


def test_every_flow_with_commands_is_a_service() -> None:
    services = contract_of(Shop()).services
    assert {name: [method.name for method in one.methods] for name, one in services.items()} == {
        "RootService": ["Add", "OrderItems", "GetState", "WatchState"],
        "TeamService": ["Grow", "GetState", "WatchState"],
    }
    assert services["TeamService"].methods[0].request == "TeamServiceGrowRequest"
    assert [method.streams for method in services["RootService"].methods] == [False, False, False, True]


def test_docstrings_become_help() -> None:
    contract = contract_of(Shop())
    assert contract.services["RootService"].help == "Sells things."
    assert contract.services["RootService"].methods[0].help == "Adds a name."
    by_name = {one.name: one for one in contract.messages["AddRequest"].fields}
    assert (by_name["name"].help, by_name["times"].help) == ("Who it is, at length.", "How often.")
    assert (by_name["name"].required, by_name["times"].default) == (True, "1")
    assert contract.messages["Item"].help == "One thing to buy."


def test_two_components_of_one_class_that_differ_hold_anything() -> None:
    class Part(LightningFlow):
        def __init__(self, start: Any) -> None:
            self.start = start

    class Root(LightningFlow):
        def __init__(self) -> None:
            self.one, self.two = Part(1), Part("x")

    assert fields(Root(), "PartState") == {"start": "flowrpc.v1.Value"}


def test_a_name_in_camel_case_becomes_lower_snake_case() -> None:
    def call(myHTTPPort: int, item2: str) -> None:  # noqa: N803
        raise NotImplementedError

    names = contract_of(offering({"call": call})).messages["CallRequest"].fields
    assert [(one.name, one.python_name) for one in names[:-1]] == [
        ("my_http_port", "myHTTPPort"),
        ("item2", "item2"),
    ]


def test_a_rename_is_noted() -> None:
    def call(total: Annotated[int, RenamedFrom("sum")]) -> None:
        raise NotImplementedError

    assert contract_of(offering({"call": call})).messages["CallRequest"].fields[0].renamed_from == "sum"


class Size(enum.Enum):
    BIG = 1


@dataclasses.dataclass
class Nested:
    deep: set[int]


def of_set(things: set[int]) -> None: ...
def of_function(back: Callable[[], None]) -> None: ...
def of_nested(order: list[Nested]) -> None: ...
def of_clash(my_field: int, myField: int) -> None: ...  # noqa: N803
def of_underscore(self_: int, self__: int) -> None: ...
def of_request_id(request_id: str) -> None: ...
def of_foreign(größe: int) -> None: ...  # noqa: PLC2401
def of_literal(mode: Literal["aB", "a_b"]) -> None: ...
def of_work(work: LightningWork) -> None: ...


@pytest.mark.parametrize(
    ("method", "problem"),
    [
        (of_set, r"'things' with set\[int\].*write list"),
        (of_function, r"'back'.*functions do not travel"),
        (of_nested, r"in Nested.deep\).*write list"),
        (of_clash, r"'my_field' and 'myField' would both be the field 'myField'; rename one"),
        (of_underscore, r"'self_' and 'self__' would both be the field 'self'"),
        (of_request_id, r"'request_id' has the name of a field that every request has; rename it"),
        (of_foreign, r"'größe' cannot be a name in the contract; use ASCII"),
        (of_literal, r"would both be the value 'A_B'"),
        (of_work, r"components do not travel"),
    ],
)
def test_what_cannot_be_mapped_is_refused_by_name(method: Callable[..., Any], problem: str) -> None:
    with pytest.raises(Exception, match=problem) as caught:
        contract_of(offering({"call": method}))
    assert "'call'" in str(caught.value)


class Nothing(enum.Enum):
    pass


@pytest.mark.parametrize(
    ("annotation", "problem"),
    [
        (dict[int, str], r"dict\[int, str\].*keys travel as text: write dict\[str, str\]"),
        (list[dict[int, str]], r"keys travel as text"),
        (Nothing, "Nothing.*it has no members to choose from"),
        (collections.deque[int], r"deque\[int\].*write list"),
        (collections.defaultdict[str, int], r"defaultdict\[str, int\].*write dict\[str, \.\.\.\]"),
        (bytearray, "bytearray.*write bytes"),
    ],
)
def test_what_cannot_be_mapped_is_refused_of_parameters_results_and_vars(
    annotation: Any, problem: str
) -> None:
    def take(thing): ...  # type: ignore[no-untyped-def]
    def give(): ...  # type: ignore[no-untyped-def]

    class Root(LightningFlow):
        def __init__(self) -> None:
            self.thing = None

    take.__annotations__, give.__annotations__ = {"thing": annotation}, {"return": annotation}
    Root.__annotations__ = {"thing": annotation}
    for root, place in (
        (offering({"take": take}), "'take'.*'thing'"),
        (offering({"give": give}), "the result of the command 'give'"),
        (Root(), "Root.thing"),
    ):
        with pytest.raises((ContractError, ComponentError), match=f"{place}.*{problem}"):
            contract_of(root)


def test_two_types_of_one_name_are_refused() -> None:
    def first() -> type:
        @dataclasses.dataclass
        class Thing:
            a: int

        return Thing

    one, two = first(), first()

    def call(a, b):  # type: ignore[no-untyped-def]
        raise NotImplementedError

    call.__annotations__ = {"a": one, "b": two}
    with pytest.raises(ContractError, match=r"are both Thing in the contract; rename one"):
        contract_of(offering({"call": call}))


def test_two_commands_that_become_one_method_are_refused() -> None:
    def call() -> None:
        raise NotImplementedError

    with pytest.raises(ContractError, match=r"'my_call' and 'myCall' would both be the method 'MyCall'"):
        contract_of(offering({"my_call": call, "myCall": call}))
    with pytest.raises(ContractError, match=r"would both be the method 'GetState'"):
        contract_of(offering({"get_state": call}))


def test_a_type_with_the_name_of_a_wrapper_is_refused() -> None:
    @dataclasses.dataclass
    class ListOfInt:
        a: int

    def call(a, b):  # type: ignore[no-untyped-def]
        raise NotImplementedError

    call.__annotations__ = {"a": ListOfInt, "b": list[list[int]]}
    with pytest.raises(ContractError, match=r"has the name of a message that the contract needs for a list"):
        lowered(contract_of(offering({"call": call})))


def test_a_field_that_is_none_or_empty_is_told_from_an_absent_one() -> None:
    @dataclasses.dataclass
    class Part:
        some: int | None = 5
        none: int | None = None
        full: list[int] = dataclasses.field(default_factory=lambda: [1])
        empty: list[int] = dataclasses.field(default_factory=list)

    def call(part, chosen=3):  # type: ignore[no-untyped-def]
        raise NotImplementedError

    call.__annotations__ = {"part": Part, "chosen": int | None}
    root = offering({"call": call})
    assert fields(root, "CallRequest")["chosen"] == "MaybeInt"
    assert fields(root, "Part") == {
        "some": "MaybeInt",
        "none": "optional int64",
        "full": "ListOfInt",
        "empty": "repeated int64",
    }


def test_two_wrappers_of_one_name_are_refused() -> None:
    def call(a: list[list[int | str]], b: dict[str, list[int] | str]) -> None:
        raise NotImplementedError

    with pytest.raises(ContractError, match=r"ListOfIntOrText.*would be the name of two messages"):
        lowered(contract_of(offering({"call": call})))


def refused(root: LightningFlow, problem: str) -> None:
    with pytest.raises(ContractError, match=problem):
        build(root, Catalogue(root).commands(), "shop.v1", None)


def test_names_that_share_a_namespace_are_refused() -> None:
    class Color(enum.Enum):
        RED_X = 1

    class ColorRed(enum.Enum):
        X = 1

    service = dataclasses.make_dataclass("RootService", [("a", int)])

    def call(a, b):  # type: ignore[no-untyped-def]
        raise NotImplementedError

    call.__annotations__ = {"a": Color, "b": ColorRed}
    refused(offering({"call": call}), "would both be COLOR_RED_X")
    call.__annotations__ = {"a": enum.Enum("Color", {"UNSPECIFIED": 1})}
    refused(offering({"call": call}), "would both be COLOR_UNSPECIFIED")
    call.__annotations__ = {"a": service}
    refused(offering({"call": call}), "would both be RootService")


def test_a_literal_with_the_name_of_an_enum_is_refused() -> None:
    def call(mode, other):  # type: ignore[no-untyped-def]
        raise NotImplementedError

    call.__annotations__ = {"mode": Literal["x"], "other": enum.Enum("CallMode", {"Y": 1})}
    refused(offering({"call": call}), "are both CallMode")
