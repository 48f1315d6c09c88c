"""Types that only pydantic knows, as fields of its models: as its JSON has them, in every form of the contract."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Any

import pytest
from flowrpc import LightningFlow
from flowrpc.component.conversion.parameters import Parameters
from flowrpc.component.conversion.results import plain
from flowrpc.contract.annotations import Definitions
from flowrpc.contract.building import Built, build
from flowrpc.contract.codec import Codec
from flowrpc.errors import ContractError
from flowrpc.flow_service.catalogue import Catalogue
from google.protobuf.json_format import MessageToDict
from pydantic import AnyUrl, BaseModel, HttpUrl, PositiveInt

from tests.contract.offering import contract_of, offering


class Host(BaseModel):
    address: IPv4Address


class Site(BaseModel):
    url: HttpUrl
    mirrors: list[AnyUrl] = []
    fallback: HttpUrl | None = None
    hosts: dict[str, Host] = {}
    weight: PositiveInt = 1


def call(site: Site) -> Site:
    return site


class Root(LightningFlow):
    def configure_commands(self) -> dict[str, Any]:
        return {"call": call}


SITE = {
    "url": "https://example.org/a",
    "mirrors": ["ftp://example.org/b"],
    "fallback": "https://example.org/c",
    "hosts": {"one": {"address": "127.0.0.1"}},
    "weight": 2,
}


def made() -> Built:
    root = Root()
    return build(root, Catalogue(root).commands(), "shop.v1", None)


def test_their_fields_are_text_and_come_back_as_they_were_sent() -> None:
    codec, pool = Codec(made()), made().pool()
    request = pool.message_class("CallRequest")(site=SITE).SerializeToString()
    given = Parameters.of(call).convert(codec.reader("CallRequest")(request))
    assert given["site"] == Site.model_validate(SITE)
    answer = codec.writer("CallResponse")({"result": plain(call(**given)), "revision": 1})
    found = MessageToDict(pool.message_class("CallResponse").FromString(answer))
    assert found["result"] == SITE | {"weight": "2"}


def test_outside_of_a_model_they_are_refused() -> None:
    with pytest.raises(ContractError, match=r"Holder.page: is annotated with HttpUrl"):
        Definitions().shape(HttpUrl, "Holder.page", "Page")


def test_what_has_no_one_type_in_json_is_refused() -> None:
    class Odd(BaseModel, arbitrary_types_allowed=True):
        thing: Thing

    def go(odd): ...  # type: ignore[no-untyped-def]

    go.__annotations__ = {"odd": Odd}
    with pytest.raises(ContractError, match=r"thing: is annotated with Thing"):
        contract_of(offering({"go": go}))


class Thing:
    """Nothing that pydantic knows."""
