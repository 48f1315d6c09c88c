"""What is written beside the .proto file: OpenAPI and JSON Schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from flowrpc.contract.building import build
from flowrpc.contract.json_schema import document_text
from flowrpc.contract.openapi import openapi_of, schema_of
from flowrpc.flow_service.catalogue import Catalogue
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.contract.offering import Shop, contract_of

DOCUMENT = openapi_of(contract_of(Shop()))
SCHEMAS = DOCUMENT["components"]["schemas"]


def fits(name: str, value: Any) -> bool:
    """Tells whether a value fits a schema of the JSON Schema document."""
    whole = schema_of(contract_of(Shop())) | {"$ref": f"#/$defs/{name}"}
    return bool(Draft202012Validator(whole).is_valid(json.loads(json.dumps(value))))


def test_the_documents_are_valid() -> None:
    OpenAPIV31SpecValidator(DOCUMENT).validate()
    Draft202012Validator.check_schema(schema_of(contract_of(Shop())))


def test_a_document_that_is_wrong_is_found_to_be() -> None:
    broken: Any = json.loads(document_text(DOCUMENT))
    broken["paths"]["/api/v1/commands/add"]["post"]["requestBody"] = {"content": 3}
    assert list(OpenAPIV31SpecValidator(broken).iter_errors()) != []


def test_each_reference_leads_somewhere() -> None:
    for document, place in (
        (DOCUMENT, SCHEMAS),
        (schema_of(contract_of(Shop())), schema_of(contract_of(Shop()))["$defs"]),
    ):
        found = set(_references(document))
        assert {name.rpartition("/")[2] for name in found} <= place.keys()
        assert len(found) > 10


def _references(document: Any) -> Any:
    for one in document.values() if isinstance(document, dict) else document:
        if isinstance(one, dict | list):
            yield from _references(one)
    if isinstance(document, dict) and isinstance(document.get("$ref"), str):
        yield document["$ref"]


def test_commands_have_their_paths_and_state_has_its_own() -> None:
    assert list(DOCUMENT["paths"]) == [
        "/api/v1/commands/add",
        "/api/v1/commands/order_items",
        "/api/v1/commands/team.grow",
        "/api/v1/state",
    ]


def test_docstrings_are_descriptions() -> None:
    post = DOCUMENT["paths"]["/api/v1/commands/add"]["post"]
    assert post["summary"] == "Adds a name."
    assert SCHEMAS["AddRequest"]["properties"]["name"]["description"] == "Who it is, at length."
    assert SCHEMAS["Item"]["description"] == "One thing to buy."


def test_what_the_app_takes_is_closed_and_what_it_sends_is_open() -> None:
    assert SCHEMAS["Item-Input"]["additionalProperties"] is False
    assert "additionalProperties" not in SCHEMAS["Item"]


@pytest.mark.parametrize(
    ("arguments", "is_right"),
    [
        ({"items": [], "by": {}}, True),
        ({"items": []}, False),
        ({"items": [{"sku": "a", "tags": ["t"], "parent": {"sku": "b"}}], "by": {"x": [1]}}, True),
        ({"items": [{"sku": "a", "pirce": 1}], "by": {}}, False),
        ({"items": [{"sku": "a", "parent": {"sku": 1}}], "by": {}}, False),
        ({"items": [], "by": {"$flowrpc": [1]}}, False),
        ({"items": [], "by": {"$$flowrpc": [1]}}, True),
        ({"items": [], "by": {"x": [2**53]}}, False),
        ({"items": [], "by": {"x": [{"$flowrpc": "int", "value": str(2**60)}]}}, True),
        ({"items": [], "by": {"x": [True]}}, False),
        ({"items": [], "by": {}, "chosen": None, "target": "x", "mode": "slow"}, True),
        ({"items": [], "by": {}, "tags": None}, False),
        ({"items": [], "by": {}, "target": 1.5}, False),
        ({"items": [], "by": {}, "mode": "middling"}, False),
        ({"items": [], "by": {}, "pair": [1, "a"], "at": [3], "grid": [[1], []]}, True),
        ({"items": [], "by": {}, "pair": [1]}, False),
        ({"items": [], "by": {}, "pair": [1, "a", 2]}, False),
        ({"items": [], "by": {}, "data": "AAE=", "wait": 1.5, "options": {"depth": 1}}, True),
        ({"items": [], "by": {}, "data": "not base64"}, False),
        ({"items": [], "by": {}, "anything": {"deep": [None, {"$flowrpc": "path", "value": "x"}]}}, True),
        ({"items": [], "by": {}, "anything": {"$flowrpc": 1}}, False),
        ({"items": [], "by": {}, "more": 1.5}, True),
        ({"items": [], "by": {}, "more": "x"}, False),
        ({"items": [], "by": {}, "request_id": "x"}, False),
    ],
)
def test_arguments_fit_or_not(arguments: dict[str, Any], is_right: bool) -> None:
    assert fits("OrderItemsRequest", arguments) is is_right


def test_state_is_told_component_by_component() -> None:
    state: dict[str, Any] = {"journal_id": "j", "revision": 1, "runs": [], "state_hash": ""}
    root: dict[str, Any] = {"name": "root", "kind": "flow", "type": "app:Shop", "vars": {"count": 1, "_x": 1}}
    root |= {"recipe": None}
    dynamic: dict[str, Any] = {
        "name": "root.jobs.0",
        "kind": "work",
        "type": "app:Job",
        "vars": {"progress": "odd"},
    }
    dynamic |= {"recipe": {"type": "app:Job", "args": [1], "kwargs": {}}}
    assert fits("flowrpc.State", state | {"components": [root, dynamic]})
    assert not fits("flowrpc.State", state | {"components": [root | {"vars": {"count": "1"}}]})
    assert not fits("flowrpc.State", state | {"components": [dynamic | {"name": "root.job"}]})
    assert not fits("flowrpc.State", state | {"components": [dynamic | {"recipe": {}}]})


@pytest.mark.parametrize(
    ("args", "kwargs", "is_right"),
    [
        ([0.5, 3], {}, True),
        ([0.5], {"steps": 3}, True),
        ([0.5, 3, 4], {}, False),
        (["fast"], {}, False),
        ([], {"stops": 3}, False),
    ],
)
def test_runs_have_their_arguments(args: list[Any], kwargs: dict[str, Any], is_right: bool) -> None:
    run: dict[str, Any] = dict.fromkeys(("run_id", "call_key", "agent_id", "pending_reason"), "")
    run |= dict.fromkeys(("failure", "requested_at", "started_at", "ended_at"))
    run |= {"status": "running", "attempt": 1, "args": args, "kwargs": kwargs}
    state: dict[str, Any] = {"journal_id": "j", "revision": 1, "components": [], "state_hash": ""}
    assert fits("flowrpc.State", state | {"runs": [run | {"work": "root.job"}]}) is is_right
    assert fits("flowrpc.State", state | {"runs": [run | {"work": "root.jobs.0"}]})


def test_the_files_are_the_same_each_time(tmp_path: Path) -> None:
    written = []
    for folder in (tmp_path / "one", tmp_path / "two"):
        root = Shop()
        files = build(root, Catalogue(root).commands(), "shop.v1", None).write(folder)
        written.append({path.name: path.read_bytes() for path in files})
    assert written[0] == written[1]
    assert {"openapi.json", "schema.json"} <= written[0].keys()
