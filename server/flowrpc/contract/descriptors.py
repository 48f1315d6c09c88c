"""From a numbered contract to protobuf's descriptors."""

from __future__ import annotations

from flowrpc.contract import names
from flowrpc.contract.lock import Lock, LockedMessage
from flowrpc.contract.lowering import Label, ProtoField, ProtoMessage
from flowrpc.contract.shape import Contract, EnumShape, Known, MethodShape, Ref, Scalar
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    MethodDescriptorProto,
    MethodOptions,
)

FILE_NAME = "{package}/app.proto"
"""Where the contract of a package is, dots being slashes."""

_IMPORTS = {
    Known.TIMESTAMP: "google/protobuf/timestamp.proto",
    Known.DURATION: "google/protobuf/duration.proto",
    Known.VALUE: "flowrpc/v1/value.proto",
    Known.FIELD_MASK: "google/protobuf/field_mask.proto",
}
_SCALARS = {
    Scalar.BOOL: FieldDescriptorProto.TYPE_BOOL,
    Scalar.INT64: FieldDescriptorProto.TYPE_INT64,
    Scalar.DOUBLE: FieldDescriptorProto.TYPE_DOUBLE,
    Scalar.STRING: FieldDescriptorProto.TYPE_STRING,
    Scalar.BYTES: FieldDescriptorProto.TYPE_BYTES,
}


def file_name(package: str) -> str:
    """Names the .proto file of a package: `shop.v1` is in shop/v1/app.proto."""
    return FILE_NAME.format(package=package.replace(".", "/"))


def imports(messages: dict[str, ProtoMessage]) -> list[str]:
    """Names the files that a contract imports, sorted."""
    used = {one.type for message in messages.values() for one in message.fields}
    return sorted(path for known, path in _IMPORTS.items() if known in used)


def file_descriptor(contract: Contract, messages: dict[str, ProtoMessage], lock: Lock) -> FileDescriptorProto:
    """Makes the descriptor of a contract's file.

    Args:
        contract: The contract.
        messages: Its messages, lowered.
        lock: The numbers of all that it has.
    """
    file = FileDescriptorProto(
        name=file_name(contract.package),
        package=contract.package,
        syntax="proto3",
        dependency=imports(messages),
    )
    # A class of each message, as Java's programmers expect it, and not one that has them all inside.
    file.options.java_multiple_files, file.options.java_package = True, contract.package
    for message in messages.values():
        _Message(contract.package, message, lock.messages[message.name]).into(file.message_type.add())
    for enum in contract.enums.values():
        _fill_enum(file.enum_type.add(), enum, lock)
    for service in contract.services.values():
        made = file.service.add(name=service.name)
        for method in service.methods:
            _fill_method(made.method.add(), method, contract.package)
    return file


def _fill_method(made: MethodDescriptorProto, method: MethodShape, package: str) -> None:
    made.name = method.name
    made.input_type, made.output_type = f".{package}.{method.request}", f".{package}.{method.response}"
    if method.streams:
        made.server_streaming = True
    if not method.command:
        made.options.idempotency_level = MethodOptions.NO_SIDE_EFFECTS


class _Message:
    """Makes one message."""

    def __init__(self, package: str, message: ProtoMessage, locked: LockedMessage) -> None:
        self._package = package
        self._message = message
        self._locked = locked

    def into(self, made: DescriptorProto) -> None:
        made.name = self._message.name
        oneofs: dict[str, int] = {}
        for one in self._message.fields:
            if one.oneof and one.oneof not in oneofs:
                oneofs[one.oneof] = len(made.oneof_decl)
                made.oneof_decl.add(name=one.oneof)
        for one in self._message.fields:
            self._fill(made.field.add(), one, made, oneofs)
        # Oneofs that only tell absence come after all others.
        for one, field in zip(self._message.fields, made.field, strict=True):
            if one.label is Label.OPTIONAL:
                field.proto3_optional = True
                field.oneof_index = len(made.oneof_decl)
                made.oneof_decl.add(name=f"_{one.name}")
        for number, name in sorted(self._locked.reserved.items()):
            made.reserved_range.add(start=number, end=number + 1)
            if name not in self._locked.fields and name not in made.reserved_name:
                made.reserved_name.append(name)

    def _fill(
        self, field: FieldDescriptorProto, one: ProtoField, made: DescriptorProto, oneofs: dict[str, int]
    ) -> None:
        field.name = one.name
        locked = self._locked.fields[one.name]
        field.json_name, field.number = locked.json or names.json_name(one.name), locked.number
        field.label = FieldDescriptorProto.LABEL_OPTIONAL
        if one.label is Label.MAP:
            self._fill_map(field, one, made)
            return
        if one.label is Label.REPEATED:
            field.label = FieldDescriptorProto.LABEL_REPEATED
        self._fill_type(field, one.type)
        if one.oneof:
            field.oneof_index = oneofs[one.oneof]

    def _fill_map(self, field: FieldDescriptorProto, one: ProtoField, made: DescriptorProto) -> None:
        entry = made.nested_type.add(name=names.camel(one.name, one.name) + "Entry")
        entry.options.map_entry = True
        key = entry.field.add(
            name="key", json_name="key", number=1, label=FieldDescriptorProto.LABEL_OPTIONAL
        )
        key.type = FieldDescriptorProto.TYPE_STRING
        value = entry.field.add(name="value", json_name="value", number=2)
        value.label = FieldDescriptorProto.LABEL_OPTIONAL
        self._fill_type(value, one.type)
        field.label = FieldDescriptorProto.LABEL_REPEATED
        field.type = FieldDescriptorProto.TYPE_MESSAGE
        field.type_name = f".{self._package}.{made.name}.{entry.name}"

    def _fill_type(self, field: FieldDescriptorProto, kind: Scalar | Known | Ref) -> None:
        match kind:
            case Scalar():
                field.type = _SCALARS[kind]
            case Known():
                field.type, field.type_name = FieldDescriptorProto.TYPE_MESSAGE, f".{kind.value}"
            case Ref(name=name, is_enum=is_enum):
                field.type = FieldDescriptorProto.TYPE_ENUM if is_enum else FieldDescriptorProto.TYPE_MESSAGE
                field.type_name = f".{self._package}.{name}"


def _fill_enum(made: EnumDescriptorProto, enum: EnumShape, lock: Lock) -> None:
    made.name, prefix, locked = enum.name, names.enum_prefix(enum.name), lock.enums[enum.name]
    made.value.add(name=prefix + "UNSPECIFIED", number=0)
    for name, _ in enum.values:
        made.value.add(name=prefix + name, number=locked.values[name])
    for number, name in sorted(locked.reserved.items()):
        made.reserved_range.add(start=number, end=number)
        if name not in locked.values:
            made.reserved_name.append(prefix + name)
