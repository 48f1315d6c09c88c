"""JSON Schemas of a contract (2020-12): what its types look like in the JSON of HTTP.

That is the JSON of `state.exact_json` with the names that Python has, not protobuf's. What the app sends may get more
fields one day, so its schemas are open; what it takes is refused if it has others, so those are closed, and are called
`Item-Input` where the app sends an `Item`, too. They say how a value is written; the app takes other notations of some.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from flowrpc.contract.http_messages import FIXED, INT, VALUE
from flowrpc.contract.shape import (
    Contract,
    EnumShape,
    FieldShape,
    Known,
    KnownMessage,
    Leaf,
    ListOf,
    MapOf,
    Maybe,
    MessageShape,
    OneOf,
    Ref,
    Scalar,
    Shape,
)
from flowrpc.state.exact_json import to_json
from flowrpc.state.extension import JSON_KEY

DIALECT = "https://json-schema.org/draft/2020-12/schema"
NULL = {"type": "null"}

Schema = dict[str, Any]


class Schemas:
    """Makes schemas of shapes, and collects those of the messages and enums that they need.

    Args:
        contract: The contract.
        place: Where the collected schemas are: `#/$defs/`, or another in an OpenAPI document.
    """

    def __init__(self, contract: Contract, place: str) -> None:
        self._contract = contract
        self._place = place
        self.made: dict[str, Schema] = {name: _placed(one, place) for name, one in FIXED.items()}

    def ref(self, name: str) -> Schema:
        """Refers to a collected schema."""
        return {"$ref": f"{self._place}{name}"}

    def define(self, name: str, make: Callable[[], Schema]) -> Schema:
        """Collects a schema unless it is there; returns what refers to it."""
        if name not in self.made:
            self.made[name] = {}  # a type that holds itself meets its own name
            self.made[name] = make()
        return self.ref(name)

    def value(self, shape: Shape, *, taken: bool = False) -> Schema:  # noqa: PLR0911  # one for each kind
        """Makes the schema of a value.

        Args:
            shape: What it is.
            taken: Whether the app takes it; else it sends it.
        """
        match shape:
            case Leaf():
                return self._leaf(shape)
            case KnownMessage():
                return self._known(shape)
            case Ref(name=name, is_enum=True):
                return self.define(name, lambda: _enum(self._contract.enums[name]))
            case Ref(name=name):
                key = f"{name}-Input" if taken else name
                return self.define(key, lambda: self._message(self._contract.messages[name], taken=taken))
            case ListOf(item=item):
                return {"type": "array", "items": self.value(item, taken=taken)}
            case MapOf(item=item):
                # A dict with this key as it is would be another value.
                unmarked: Schema = {"type": "object", "properties": {JSON_KEY: False}}
                return unmarked | {"additionalProperties": self.value(item, taken=taken)}
            case Maybe(item=item):
                return any_of([self.value(item, taken=taken), NULL])
            case OneOf(members=members):
                return any_of([self.value(member, taken=taken) for _, member in members])

    def fields(self, fields: Iterable[FieldShape], *, taken: bool) -> Schema:
        """Makes the schema of an object that has some fields."""
        named = [(one.python_name if taken else one.sent_name, one) for one in fields]
        made: Schema = {
            "type": "object",
            "properties": {name: self._field(one, taken=taken) for name, one in named},
        }
        required = [name for name, one in named if one.required]
        return made | ({"required": required} if required else {})

    def _field(self, one: FieldShape, *, taken: bool) -> Schema:
        absent = f"Absent: {one.default}." if one.default else ""
        return described(
            self.value(one.shape if one.value is None else one.value, taken=taken), one.help, absent
        )

    def _message(self, message: MessageShape, *, taken: bool) -> Schema:
        if message.is_tuple:
            made = self._tuple(message, taken=taken)
        else:
            made = self.fields(message.fields, taken=taken)
            if taken and not message.is_open:
                made["additionalProperties"] = False
        return described(made, message.help)

    def _tuple(self, message: MessageShape, *, taken: bool) -> Schema:
        least = sum(one.required for one in message.fields) if taken else len(message.fields)
        made: Schema = {"type": "array", "minItems": least}
        items = [self._field(one, taken=taken) for one in message.fields]
        return made | ({"prefixItems": items, "items": False} if items else {"items": False})

    def _leaf(self, leaf: Leaf) -> Schema:
        if leaf.format == "choice":
            return _choice(leaf.choices)
        made = dict(_LEAVES[leaf.scalar])
        if leaf.scalar is Scalar.INT64:
            made = self.ref(INT)
        return described(
            made | _FORMATS.get(leaf.format, {}), f"Is {leaf.notation}." if leaf.notation else ""
        )

    def _known(self, known: KnownMessage) -> Schema:
        if known.choices:
            return _choice(known.choices)
        if known.format == "None":
            return dict(NULL)
        return self.ref(VALUE) if known.message is Known.VALUE else dict(_KNOWN[known.message])


def schema_document(contract: Contract, collected: dict[str, Schema]) -> Schema:
    """Makes the document of all schemas."""
    return {
        "$schema": DIALECT,
        "title": contract.package,
        "description": "What the app takes and sends over HTTP, as JSON.",
        "$defs": dict(sorted(collected.items())),
    }


def described(schema: Schema, *texts: str) -> Schema:
    """Adds a description, if there is something to say."""
    text = " ".join(filter(None, (schema.get("description", ""), *texts)))
    return schema | ({"description": text} if text else {})


def any_of(schemas: Iterable[Schema]) -> Schema:
    """Makes the schema of what is one of several; alternatives in one of them are its own."""
    flat: list[Schema] = []
    for one in schemas:
        flat += [part for part in (one["anyOf"] if set(one) == {"anyOf"} else [one]) if part not in flat]
    return flat[0] if len(flat) == 1 else {"anyOf": flat}


def document_text(document: Schema) -> str:
    """Writes a document."""
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _enum(enum: EnumShape) -> Schema:
    """Makes the schema of an Enum, whose members travel as their values."""
    names = [f"{json.dumps(to_json(value), ensure_ascii=False)} is {name}" for name, value in enum.values]
    values = [to_json(value, safe_ints=True) for _, value in enum.values]
    return described({"enum": values}, enum.help, f"{', '.join(names)}." if names else "")


def _choice(choices: Iterable[str]) -> Schema:
    return {"enum": [to_json(json.loads(one), safe_ints=True) for one in choices]}


def _placed(schema: Any, place: str) -> Any:
    """Has references lead to where the schemas are."""
    if isinstance(schema, list):
        return [_placed(one, place) for one in schema]
    if not isinstance(schema, dict):
        return schema
    return {key: f"{place}{one}" if key == "$ref" else _placed(one, place) for key, one in schema.items()}


_LEAVES: dict[Scalar, Schema] = {
    Scalar.BOOL: {"type": "boolean"},
    Scalar.INT64: {},
    Scalar.DOUBLE: {"type": "number"},
    Scalar.STRING: {"type": "string"},
    Scalar.BYTES: {
        "type": "string",
        "contentEncoding": "base64",
        "pattern": "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$",
    },
}
_FORMATS: dict[str, Schema] = {
    "uuid": {"format": "uuid"},
    "date": {"format": "date"},
    "time": {"pattern": r"^\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})?$"},
    "decimal": {"pattern": r"^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$"},
}
_KNOWN: dict[Known, Schema] = {
    Known.TIMESTAMP: {"type": "string", "format": "date-time"},
    Known.DURATION: {"type": "number", "description": "Seconds."},
}
