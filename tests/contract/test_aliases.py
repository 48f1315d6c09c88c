"""Aliases of pydantic's fields: one name for what is taken and sent, in every form of the contract."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from flowrpc import LightningFlow
from flowrpc.clients.python import python_package
from flowrpc.component.conversion.parameters import Parameters
from flowrpc.component.conversion.results import plain
from flowrpc.contract.building import Built, build
from flowrpc.contract.codec import Codec
from flowrpc.contract.json_schema import document_text
from flowrpc.contract.masks import mask_of
from flowrpc.contract.openapi import openapi_of, schema_of
from flowrpc.errors import ContractError
from flowrpc.flow_service.catalogue import Catalogue
from google.protobuf.json_format import MessageToDict
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import AliasChoices, AliasPath, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from tests.contract.offering import contract_of, offering


class Line(BaseModel):
    item_id: int = Field(alias="itemId")


class Order(BaseModel):
    model_config = ConfigDict(extra="forbid")

    lines: list[Line] = Field(alias="orderLines")
    kind: str = Field(default="a", alias="class")
    note: str = Field(default="b", alias="order-note")
    taken: str = Field(default="c", validation_alias="takenAs")
    sent: str = Field(default="d", serialization_alias="sentAs")
    either: str = Field(default="e", validation_alias=AliasChoices(AliasPath("x", 0), "oneName", "other"))


class Generated(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    unit_price: float


class ByName(BaseModel):
    model_config = ConfigDict(validate_by_alias=False, validate_by_name=True)

    unit_price: float = Field(alias="unitPrice")


class Swapped(BaseModel):
    one: int = Field(default=0, alias="two")
    two: int = Field(default=0, alias="one")


def call(order: Order, generated: Generated | None = None, by_name: ByName | None = None) -> Order:
    return order


class Root(LightningFlow):
    def __init__(self) -> None:
        self.last: Order | None = None

    def configure_commands(self) -> dict[str, Any]:
        return {"call": call}


TAKEN = {
    "orderLines": [{"itemId": 1}],
    "class": "A",
    "order-note": "B",
    "takenAs": "C",
    "sent": "D",
    "oneName": "E",
}
SENT = {
    "orderLines": [{"itemId": 1}],
    "class": "A",
    "order-note": "B",
    "taken": "C",
    "sentAs": "D",
    "either": "E",
}


def made() -> Built:
    root = Root()
    return build(root, Catalogue(root).commands(), "shop.v1", None)


def names(message: str) -> list[str]:
    return [one.name for one in made().messages[message].fields]


def test_fields_have_the_names_that_they_are_taken_by() -> None:
    # No field of protobuf is called order-note.
    assert names("Order") == ["order_lines", "class", "note", "taken_as", "sent", "one_name"]
    assert (names("Line"), names("Generated"), names("ByName")) == (
        ["item_id"],
        ["unit_price"],
        ["unit_price"],
    )


def request(**fields: Any) -> dict[str, Any]:
    """What the server makes of a request that a client sends."""
    codec, pool = Codec(made()), made().pool()
    message = pool.message_class("CallRequest")(**fields)
    return codec.reader("CallRequest")(message.SerializeToString())


def test_a_request_is_taken_as_the_model_takes_it() -> None:
    order = {"order_lines": [{"item_id": 1}], "class": "A", "note": "B", "taken_as": "C", "sent": "D"}
    read = request(
        order=order | {"one_name": "E"}, generated={"unit_price": 1.5}, by_name={"unit_price": 2.5}
    )
    assert read["order"] == TAKEN
    given = Parameters.of(call).convert(read)
    assert given["order"] == Order.model_validate(TAKEN)
    assert (given["generated"].unit_price, given["by_name"].unit_price) == (1.5, 2.5)


@pytest.mark.parametrize(
    "value", [SENT, TAKEN, Order.model_validate(TAKEN).model_dump()], ids=["sent", "taken", "by attribute"]
)
def test_what_is_sent_has_all_fields_by_whatever_name_it_has_them(value: dict[str, Any]) -> None:
    codec, pool = Codec(made()), made().pool()
    data = codec.writer("CallResponse")({"result": value, "revision": 1})
    found = MessageToDict(
        pool.message_class("CallResponse").FromString(data), preserving_proto_field_name=True
    )
    assert found["result"] == {
        "order_lines": [{"item_id": "1"}],
        "class": "A",
        "note": "B",
        "taken_as": "C",
        "sent": "D",
        "one_name": "E",
    }


def test_a_mask_finds_a_field_by_whatever_name_it_has() -> None:
    mask = mask_of(["last.order_lines", "last.taken_as"], "RootState", made().contract)
    for value in (SENT, Order.model_validate(TAKEN).model_dump()):
        lines = value.get("orderLines", value.get("lines"))
        assert list(mask.of({"last": value})["last"].values()) == [lines, "C"]


def test_results_go_by_alias() -> None:
    assert plain(Order.model_validate(TAKEN)) == SENT
    assert plain([Generated(unit_price=1)]) == [{"unitPrice": 1.0}]


def test_a_swap_of_two_names_is_not_mixed_up() -> None:
    def swap() -> Swapped:
        raise NotImplementedError

    root = offering({"swap": swap})
    codec = Codec(build(root, Catalogue(root).commands(), "shop.v1", None))
    write = codec.writer("SwapResponse")
    both = Swapped.model_validate({"one": 1, "two": 2})
    data = write({"result": plain(both), "revision": 1})
    assert data == write({"result": {"one": 1, "two": 2}, "revision": 1})
    assert write({"result": {"one": 2}, "revision": 1}) != write({"result": {"two": 2}, "revision": 1})


def fits(name: str, value: Any) -> bool:
    whole = schema_of(contract_of(Root())) | {"$ref": f"#/$defs/{name}"}
    return bool(Draft202012Validator(whole).is_valid(json.loads(json.dumps(value))))


def test_the_documents_tell_both_names() -> None:
    document = openapi_of(contract_of(Root()))
    OpenAPIV31SpecValidator(document).validate()
    assert '"order-note"' in document_text(document)
    assert (fits("Order-Input", TAKEN), fits("Order-Input", SENT)) == (True, False)
    (schema, taken) = (schema_of(contract_of(Root()))["$defs"][name] for name in ("Order", "Order-Input"))
    assert (schema["properties"].keys(), taken["properties"].keys()) == (SENT.keys(), TAKEN.keys())
    assert (schema["required"], fits("Order", SENT)) == (["orderLines"], True)


def test_a_typed_client_has_names_that_python_takes() -> None:
    code = python_package(made()).code
    for path, content in code.items():
        if path.endswith(".py"):
            compile(content, path, "exec")
    (module,) = (content.decode() for content in code.values() if b"class Order(" in content)
    assert re.findall(r"^    (\w+): ", module[module.index("class Order(") :], re.MULTILINE)[:3] == [
        "orderLines",
        "kind",
        "note",
    ]
    assert "'kind': 'class'" in module


def test_a_field_that_only_a_path_leads_to_is_refused() -> None:
    class Deep(BaseModel):
        value: int = Field(validation_alias=AliasPath("outer", 0))

    def go(deep: Deep) -> None: ...

    go.__annotations__ = {"deep": Deep, "return": None}
    with pytest.raises(ContractError, match=r"in Deep.value\).*AliasChoices\('value', AliasPath\(\.\.\.\)\)"):
        contract_of(offering({"go": go}))


def test_two_aliases_that_become_one_are_refused() -> None:
    class Twice(BaseModel):
        one: int = Field(alias="itemId")
        two: int = Field(alias="item_id")

    def go(twice): ...  # type: ignore[no-untyped-def]

    go.__annotations__ = {"twice": Twice}
    with pytest.raises(ContractError, match=r"'itemId' and 'item_id' would both be the field 'itemId'"):
        contract_of(offering({"go": go}))
