"""The .proto file of a contract, for people and for `buf generate`."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from flowrpc.contract import names
from flowrpc.contract.descriptors import imports
from flowrpc.contract.lock import Lock, LockedMessage, written_type
from flowrpc.contract.lowering import ProtoField, ProtoMessage
from flowrpc.contract.shape import Contract, EnumShape, ServiceShape

_WIDTH = 110


def proto_text(contract: Contract, messages: dict[str, ProtoMessage], lock: Lock) -> str:
    """Writes the file: services first, then messages and enums, as `buf format` would."""
    blocks = [
        [
            f"// The contract of an app, made by flowctl contract build from its Python types; {_SOURCE}",
            'syntax = "proto3";',
        ],
        [f"package {contract.package};"],
        [f'import "{path}";' for path in imports(messages)],
        ["option java_multiple_files = true;", f'option java_package = "{contract.package}";'],
        *(list(_service(one)) for one in contract.services.values()),
        *(list(_message(one, lock.messages[one.name])) for one in messages.values()),
        *(list(_enum(one, lock)) for one in contract.enums.values()),
    ]
    head, *rest = blocks
    text = f"{head[0]}\n\n{head[1]}\n"
    return text + "".join("\n" + "\n".join(block) + "\n" for block in rest if block)


_SOURCE = "edit those, not this."


def _service(service: ServiceShape) -> Iterator[str]:
    yield from _comment(service.help or f"The commands and the state of {service.flow}.", "")
    yield f"service {service.name} {{"
    for method in service.methods:
        default = f"Calls the command `{method.command}`." if method.command else "Looks at the state."
        yield from _comment(method.help or default, "  ")
        stream = "stream " if method.streams else ""
        yield f"  rpc {method.name}({method.request}) returns ({stream}{method.response}){_options(method.command)}"
    yield "}"


def _options(command: str) -> str:
    return ";" if command else " {\n    option idempotency_level = NO_SIDE_EFFECTS;\n  }"


def _message(message: ProtoMessage, locked: LockedMessage) -> Iterator[str]:
    yield from _comment(message.help or _made_of(message.source), "")
    if not message.fields and not locked.reserved:
        yield f"message {message.name} {{}}"
        return
    yield f"message {message.name} {{"
    yield from _reserved(locked.reserved, set(locked.fields), "")
    open_oneof = ""
    for one in message.fields:
        if one.oneof and one.oneof != open_oneof:
            yield "  // Exactly one is set."
            yield f"  oneof {one.oneof} {{"
            open_oneof = one.oneof
        yield from _field(one, locked, "    " if one.oneof else "  ")
    if open_oneof:
        yield "  }"
    yield "}"


def _field(one: ProtoField, locked: LockedMessage, indent: str) -> Iterator[str]:
    text = one.help or f"`{one.python_name}`."
    yield from _comment(f"{text} Required." if one.required else text, indent)
    number, json = locked.fields[one.name].number, locked.fields[one.name].json
    option = f' [json_name = "{json}"]' if json else ""
    yield f"{indent}{written_type(one)} {one.name} = {number}{option};"


def _enum(enum: EnumShape, lock: Lock) -> Iterator[str]:
    prefix, locked = names.enum_prefix(enum.name), lock.enums[enum.name]
    yield from _comment(enum.help or _made_of(enum.source), "")
    yield f"enum {enum.name} {{"
    yield from _reserved(locked.reserved, set(locked.values), prefix)
    yield "  // Not set; refused where a value is needed."
    yield f"  {prefix}UNSPECIFIED = 0;"
    for name, value in enum.values:
        yield f"  // {_one_line(repr(value))} in Python."
        yield f"  {prefix}{name} = {locked.values[name]};"
    yield "}"


def _reserved(reserved: dict[int, str], used: set[str], prefix: str) -> Iterator[str]:
    if reserved:
        yield f"  reserved {', '.join(str(number) for number in sorted(reserved))};"
    gone = [name for _, name in sorted(reserved.items()) if name not in used]
    if gone:
        yield "  reserved " + ", ".join(f'"{prefix}{name}"' for name in dict.fromkeys(gone)) + ";"


def _made_of(source: str) -> str:
    return f"Made of {source}." if source else "Made by flowrpc."


def _one_line(text: str) -> str:
    return text.replace("\n", " ")


def _comment(text: str, indent: str) -> Iterable[str]:
    """Writes a comment, wrapped; `*/` and the like mean nothing after `//`."""
    for paragraph in text.splitlines():
        lines = textwrap.wrap(paragraph, _WIDTH - len(indent) - 3, break_long_words=False) or [""]
        for line in lines:
            yield f"{indent}// {line}".rstrip()
