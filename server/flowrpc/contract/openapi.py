"""The OpenAPI 3.1 document of a contract: its commands and state as HTTP has them (docs/reference/api.md)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from flowrpc.contract.http_messages import COMPONENT, ERROR, FAILURE, RECIPE, REVISION, RUN, an_object
from flowrpc.contract.json_schema import NULL, Schema, Schemas, any_of, described, schema_document
from flowrpc.contract.runs import RUN_FIELD, run_parameters
from flowrpc.contract.shape import Contract, FieldShape, MessageShape, MethodShape, Ref, ServiceShape, Shape

SCHEMAS = "#/components/schemas/"
STATE = "flowrpc.State"

_SECONDS = {
    "name": "timeout_seconds",
    "in": "query",
    "description": "How long the caller waits at most.",
    "schema": {"type": "number", "exclusiveMinimum": 0, "maximum": 600, "default": 30},
}
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "A UUIDv7 that makes the command happen once, however often the request is sent.",
    "schema": {"type": "string"},
}


def schema_of(contract: Contract) -> Schema:
    """Makes the JSON Schema document of a contract."""
    document = _Document(contract, "#/$defs/")
    document.paths()
    return schema_document(contract, document.schemas.made)


def openapi_of(contract: Contract) -> dict[str, Any]:
    """Makes the OpenAPI document of a contract."""
    document = _Document(contract, SCHEMAS)
    paths = document.paths()
    name, _, version = contract.package.rpartition(".")
    return {
        "openapi": "3.1.0",
        "info": {
            "title": name,
            "version": version,
            "description": "The commands and the state of the app over HTTP.",
        },
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token of the data directory; commands need the role `call`.",
                }
            },
            "schemas": dict(sorted(document.schemas.made.items())),
        },
    }


class _Document:
    """What both documents are made of."""

    def __init__(self, contract: Contract, place: str) -> None:
        self._contract = contract
        self.schemas = Schemas(contract, place)

    def paths(self) -> dict[str, Any]:
        made = {
            f"/api/v1/commands/{quote(method.command, safe='')}": {
                "post": self._command(service.flow, method)
            }
            for service in self._contract.services.values()
            for method in service.methods
            if method.command
        }
        return made | {"/api/v1/state": {"get": self._state()}}

    # Commands

    def _command(self, flow: str, method: MethodShape) -> dict[str, Any]:
        made: dict[str, Any] = {
            "operationId": method.request.removesuffix("Request"),
            "tags": [flow],
            "summary": (method.help or f"Calls {method.command}.").splitlines()[0],
            "parameters": [_SECONDS] if method.streams else [_SECONDS, _KEY],
            "requestBody": self._body(method),
            "responses": self._stream(method) if method.streams else self._outcome(method),
        }
        return made | ({"description": method.help} if method.help else {})

    def _body(self, method: MethodShape) -> dict[str, Any]:
        fields = [one for one in self._contract.messages[method.request].fields if one.name != "request_id"]
        named = [one for one in fields if not one.is_rest]
        rest = next((one for one in fields if one.is_rest), None)

        def make() -> Schema:
            others = False if rest is None else self._rest(rest)
            made = self.schemas.fields(named, taken=True) | {"additionalProperties": others}
            return described(made, f"The arguments of {method.command}.")

        content = _content("application/json", self.schemas.define(method.request, make))
        return {"required": any(one.required for one in named), "content": content}

    def _rest(self, rest: FieldShape) -> Schema:
        return described(dict(self.schemas.value(rest.shape, taken=True)["additionalProperties"]), rest.help)

    def _outcome(self, method: MethodShape) -> dict[str, Any]:
        done = an_object(
            f"How {method.command} ended.",
            result=self._sent(method, "result"),
            failure=NULL,
            revision=REVISION,
            replayed={"type": "boolean", "description": "Whether this is the answer to an earlier request."},
        )
        failed = an_object(
            "How a command ended that raised.",
            result=NULL,
            failure=self.schemas.ref(FAILURE),
            revision=REVISION,
            replayed={"type": "boolean"},
        )
        raised = any_of(
            [self.schemas.define("flowrpc.Raised", lambda: failed), self.schemas.ref(ERROR)],
        )
        return {
            "200": _answer("It is done.", self.schemas.define(method.response, lambda: done)),
            "500": _answer("It raised, or the app met an error.", raised),
            "default": _answer("It was refused.", self.schemas.ref(ERROR)),
        }

    def _stream(self, method: MethodShape) -> dict[str, Any]:
        item = an_object("An item.", item=self._sent(method, "item"), revision=REVISION)
        raised = an_object(
            "The last line of a stream that raised.", failure=self.schemas.ref(FAILURE), revision=REVISION
        )
        line = any_of(
            [
                self.schemas.define(method.response, lambda: item),
                self.schemas.define("flowrpc.RaisedInStream", lambda: raised),
                self.schemas.ref(ERROR),
            ]
        )
        told = "A line of JSON for each item; the last one may say why there are no more."
        return {
            "200": _answer(told, line, "application/x-ndjson"),
            "default": _answer("It was refused.", self.schemas.ref(ERROR)),
        }

    def _sent(self, method: MethodShape, name: str) -> Schema:
        message = self._contract.messages[method.response]
        field = next(one for one in message.fields if one.name == name)
        return described(self.schemas.value(field.shape), field.help)

    # State

    def _state(self) -> dict[str, Any]:
        return {
            "operationId": "flowrpc.GetState",
            "tags": ["state"],
            "summary": "Reads a component and, unless told, what is below it.",
            "parameters": [
                {"name": "component", "in": "query", "schema": {"type": "string", "default": "root"}},
                {"name": "exclude_children", "in": "query", "schema": {"type": "boolean", "default": False}},
                {"name": "with_state_hash", "in": "query", "schema": {"type": "boolean", "default": False}},
            ],
            "responses": {
                "200": _answer("The state.", self.schemas.define(STATE, self._whole_state)),
                "default": _answer("It was refused.", self.schemas.ref(ERROR)),
            },
        }

    def _whole_state(self) -> Schema:
        components: dict[str, Schema] = {}
        root = next(one for one in self._contract.services.values() if "." not in one.flow)
        look = next(one for one in root.methods if not one.command)
        state = next(one for one in self._contract.messages[look.response].fields if one.name == "state")
        self._add_components(root.flow, state.shape, components)
        other = {
            "allOf": [self.schemas.ref(COMPONENT), {"properties": {"name": {"not": {"enum": [*components]}}}}]
        }
        return an_object(
            "The state of the app at a revision.",
            journal_id={"type": "string"},
            revision=REVISION,
            components={"type": "array", "items": {"anyOf": [*components.values(), other]}},
            runs={"type": "array", "items": {"anyOf": self._runs(root)}},
            state_hash={"type": "string", "description": "Empty unless it was asked for."},
        )

    def _runs(self, root: ServiceShape) -> list[Schema]:
        parameters = run_parameters(self._contract, root)
        made: list[Schema] = [
            {
                "allOf": [
                    self.schemas.ref(RUN),
                    {"properties": {"work": {"const": work}} | self._arguments(fields)},
                ]
            }
            for work, fields in parameters.items()
        ]
        other = {"properties": {"work": {"not": {"enum": [*parameters]}}}}
        return [*made, {"allOf": [self.schemas.ref(RUN), other]}]

    def _arguments(self, fields: Iterable[FieldShape]) -> dict[str, Schema]:
        """Makes the schemas of what a flow called `run` with, by position and by name."""
        rest: dict[str, Any] = {"array": False, "object": False}
        named: list[FieldShape] = []
        for one in fields:
            if one.is_rest:
                schema = self.schemas.value(one.shape)
                rest[schema["type"]] = schema.get("items", schema.get("additionalProperties", True))
            else:
                named.append(one)
        typed = self.schemas.fields(named, taken=False)["properties"]
        items = {"prefixItems": [*typed.values()]} if typed else {}
        return {
            "args": {"type": "array", **items, "items": rest["array"]},
            "kwargs": {"type": "object", "properties": typed, "additionalProperties": rest["object"]},
        }

    def _add_components(self, name: str, shape: Shape, found: dict[str, Schema]) -> None:
        if not isinstance(shape, Ref):
            return  # what comes and goes
        message = self._contract.messages[shape.name]
        found[name] = an_object(
            message.help,
            name={"const": name},
            kind={"enum": ["flow", "work"]},
            type={"type": "string"},
            vars=self.schemas.define(shape.name, lambda: self._vars(message)),
            recipe=any_of([self.schemas.ref(RECIPE), NULL]),
        )
        for one in message.fields:
            if not one.is_var and one.python_name != RUN_FIELD:
                self._add_components(f"{name}.{one.python_name}", one.shape, found)

    def _vars(self, message: MessageShape) -> Schema:
        fields = [one for one in message.fields if one.is_var]
        return described(self.schemas.fields(fields, taken=False), message.help)


def _answer(description: str, schema: Schema, media_type: str = "application/json") -> dict[str, Any]:
    return {"description": description, "content": _content(media_type, schema)}


def _content(media_type: str, schema: Schema) -> dict[str, Any]:
    return {media_type: {"schema": schema}}
