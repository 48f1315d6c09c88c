"""A client that was generated from a contract: it knows descriptors and what was meant, and no converter of ours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

from flowrpc.contract.building import Built
from flowrpc.contract.names import shout, snake
from flowrpc.wire.values import fill_value, raw_value
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

from tests.contract.evolving_app import Attr, Command, Member, Spec, Thing, Type

ABSENT = object()
"""What is read of a field that is not set."""
_TEXTS: dict[str, Any] = {"uuid": UUID, "date": date.fromisoformat, "decimal": Decimal}


@dataclass(frozen=True)
class Unknown:
    """What is read of a member of an enum that this client does not know."""

    known: frozenset[Any]
    """The keys, or choices, that it does."""


class OldClient:
    """Writes requests and reads answers of one version of an app."""

    def __init__(self, spec: Spec, built: Built) -> None:
        self.spec = spec
        self.package = built.contract.package
        pool = DescriptorPool()
        # What clients are generated from is a file: nothing is shared with the service but its bytes.
        for file in FileDescriptorSet.FromString(built.pool().descriptor_set().SerializeToString()).file:
            pool.Add(file)
        self._pool = pool

    def message(self, name: str) -> Any:
        return GetMessageClass(self._pool.FindMessageTypeByName(f"{self.package}.{name}"))()

    def method(self, command: Command) -> str:
        return "".join(word.capitalize() for word in snake(command.name.replace(" ", "_"), "").split("_"))

    def request(self, command: Command, values: dict[int, Any]) -> bytes:
        """Writes a request; what is not in `values` is left out."""
        message = self.message(self.method(command) + "Request")
        self._fill_attrs(message, command.attrs, values)
        return bytes(message.SerializeToString())

    def result(self, command: Command, data: list[bytes]) -> Any:
        """Reads what a command returned, or all that it yielded."""
        found = []
        for one in data:
            message = self.message(self.method(command) + "Response")
            message.ParseFromString(one)
            found.append(self._get(message, "item" if command.streams else "result", command.result))
        return found if command.streams else found[0]

    def state(self, data: bytes) -> dict[int, Any]:
        message = self.message("GetStateResponse")
        message.ParseFromString(data)
        return self._attrs(message.state, self.spec.attrs)

    def run(self, data: bytes) -> dict[int, Any]:
        """Reads what the work was called with."""
        message = self.message("GetStateResponse")
        message.ParseFromString(data)
        assert message.state.job.run.status in ("pending", "running")
        return self._attrs(message.state.job.run.arguments, self.spec.run)

    # Writing

    def _fill_attrs(self, message: Any, attrs: tuple[Attr, ...], values: dict[int, Any]) -> None:
        for one in attrs:
            if one.key in values:
                self._put(message, snake(one.name, ""), one.type, values[one.key])

    def _put(self, message: Any, name: str, kind: Type, value: Any) -> None:
        field = message.DESCRIPTOR.fields_by_name[name]
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            entries, item = getattr(message, name), field.message_type.fields_by_name["value"]
            for key, one in value.items():
                if item.message_type is None:
                    entries[key] = self._scalar(item, one)
                else:
                    self._fill(entries[key], _bare(kind)[1], one)
        elif field.is_repeated:
            for one in value:
                if field.message_type is None:
                    getattr(message, name).append(self._scalar(field, one))
                else:
                    self._fill(getattr(message, name).add(), _bare(kind)[1], one)
        elif field.message_type is None:
            if value is not None:
                setattr(message, name, self._scalar(field, value))
        elif value is not None or kind[0] == "any" or _wraps(field.message_type) == "item":
            getattr(message, name).SetInParent()
            self._fill(getattr(message, name), kind, value)

    def _fill(self, message: Any, kind: Type, value: Any) -> None:
        inner = _wraps(message.DESCRIPTOR)
        if inner and kind[0] in ("list", "dict", "maybe"):
            if inner == "items" or value is not None:
                self._put(message, inner, _bare(kind), value)
            return
        match _bare(kind):
            case ("kind", key):
                self._fill_attrs(message, self.spec.kind(key).attrs, value.values)
            case ("pair", *kinds):
                for number, (one, part) in enumerate(zip(kinds, value, strict=True), 1):
                    self._put(message, f"item_{number}", one, part)
            case ("union",):
                setattr(message, "int" if isinstance(value, int) else "text", value)
            case ("datetime",):
                message.FromDatetime(value)
            case _:
                fill_value(message, value)

    def _scalar(self, field: Any, value: Any) -> Any:
        if field.enum_type is None:
            return str(value) if isinstance(value, UUID | date | Decimal) else value
        name = value
        if isinstance(value, Member):
            name = next(one.name for one in self.spec.kind(value.kind).attrs if one.key == value.key)
        whole = f"{shout(field.enum_type.name, '')}_{shout(name, '')}"
        return field.enum_type.values_by_name[whole].number

    # Reading

    def _attrs(self, message: Any, attrs: tuple[Attr, ...]) -> dict[int, Any]:
        return {one.key: self._get(message, snake(one.name, ""), one.type) for one in attrs}

    def _get(self, message: Any, name: str, kind: Type) -> Any:
        field = message.DESCRIPTOR.fields_by_name[name]
        value = getattr(message, name)
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            item = field.message_type.fields_by_name["value"]
            return {key: self._read(item, _bare(kind)[1], one) for key, one in value.items()}
        if field.is_repeated:
            return [self._read(field, _bare(kind)[1], one) for one in value]
        return self._read(field, kind, value) if message.HasField(name) else ABSENT

    def _read(self, field: Any, kind: Type, value: Any) -> Any:  # noqa: PLR0911  # one for each kind
        """Reads one value of a field."""
        if field.enum_type is not None:
            return self._member(field.enum_type, _bare(kind), value)
        if field.message_type is None:
            return _TEXTS.get(_bare(kind)[0], lambda one: one)(value)
        inner = _wraps(field.message_type)
        if inner and kind[0] in ("list", "dict", "maybe"):
            found = self._get(value, inner, _bare(kind))
            return None if found is ABSENT else found
        match _bare(kind):
            case ("kind", key):
                return Thing(key, self._attrs(value, self.spec.kind(key).attrs))
            case ("pair", *kinds):
                return tuple(self._get(value, f"item_{number}", one) for number, one in enumerate(kinds, 1))
            case ("union",):
                return getattr(value, value.WhichOneof("choice"))
            case ("datetime",):
                return value.ToDatetime(UTC)
        return raw_value(value)

    def _member(self, enum: Any, kind: Type, number: int) -> Any:
        found = enum.values_by_number.get(number)
        if found is None:
            known = kind[1:] if kind[0] == "choice" else (one.key for one in self.spec.kind(kind[1]).attrs)
            return Unknown(frozenset(known))
        name = found.name.removeprefix(shout(enum.name, "") + "_")
        if kind[0] == "choice":
            return next(one for one in kind[1:] if shout(one, "") == name)
        attrs = self.spec.kind(kind[1]).attrs
        return Member(kind[1], next(one.key for one in attrs if shout(one.name, "") == name))


def _bare(kind: Type) -> Type:
    return _bare(kind[1]) if kind[0] == "maybe" else kind


def _wraps(message: Any) -> str:
    """Returns the field of a message that wraps; empty if it is none."""
    names = list(message.fields_by_name)
    return names[0] if names in (["items"], ["item"]) else ""


def same(client: Any, app: Any, *, accepted: bool = True) -> bool:  # noqa: PLR0911  # one for each kind
    """Tells whether what a client means is what the app means, as far as that client knows of it.

    Args:
        client: What it means.
        app: What the app means.
        accepted: Whether the app's contract is one that this client was promised to understand; of another one, what
            is empty may be taken for what is absent, as protobuf sends nothing of either.
    """
    if not accepted and client in (None, [], {}):
        return True
    if isinstance(client, Unknown):
        return (app.key if isinstance(app, Member) else app) not in client.known
    if client is ABSENT:
        return app is None
    match = partial(same, accepted=accepted)
    if isinstance(client, Thing):
        return isinstance(app, Thing) and all(
            match(value, app.values.get(key, ABSENT)) for key, value in client.values.items()
        )
    if isinstance(client, list | tuple):
        return isinstance(app, type(client)) and len(client) == len(app) and all(map(match, client, app))
    if isinstance(client, dict):
        return (
            isinstance(app, dict)
            and client.keys() == app.keys()
            and all(match(value, app[key]) for key, value in client.items())
        )
    return type(client) is type(app) and bool(client == app)
