"""The typed client for Python: dataclasses, enums, and a class for each service, on `flowrpc_client`.

No protoc makes it. What protoc writes for Python imports by absolute names, so that it is a package only after its
imports were rewritten; it registers its messages for the whole process, where two versions of one contract clash; and
it refuses any protobuf that is older than the protoc. So the contract's descriptor is written down, and
`flowrpc.wire.typed_messages` makes the messages of it.
"""

from __future__ import annotations

import base64
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import version

from flowrpc.clients.annotation import USED_NAMES, annotation, or_none
from flowrpc.clients.package import Package, words
from flowrpc.contract.building import Built
from flowrpc.contract.docstrings import summary
from flowrpc.contract.shape import EnumShape, FieldShape, Maybe, MessageShape, MethodShape, ServiceShape
from flowrpc.errors import ContractError

_HEAD = '''\
"""{what} of {package}, made by `flowctl client generate` from the types of an app; edit those, not this."""

from __future__ import annotations

'''
_IMPORTS = {
    "_builtins.": "import builtins as _builtins",
    "_datetime.": "import datetime as _datetime",
    "_enum.": "import enum as _enum",
    "_Iterable[": "from collections.abc import Iterable as _Iterable",
    "_Any": "from typing import Any as _Any",
}
_OWN_IMPORT = "from ._descriptor import FILE as _FILE\n"


def python_package(built: Built) -> Package:
    """Makes the client.

    Raises:
        ContractError: A name of the contract is none that Python can have there.
    """
    name = words(built)
    files = {
        f"{name}/__init__.py": _reexports(built),
        f"{name}/app.py": _module(built),
        f"{name}/_descriptor.py": _descriptor(built),
        f"{name}/py.typed": "",
    }
    first = next(iter(built.contract.services))
    return Package(
        code={path: text.encode() for path, text in files.items()},
        seeds={"pyproject.toml": _project(name).encode()},
        next_step=f"from {name} import {first}; {first}(FlowClient()) has the commands as methods",
    )


def _reexports(built: Built) -> str:
    names = sorted([*_own_messages(built), *built.contract.enums, *built.contract.services])
    text = _HEAD.format(what="The typed client", package=built.contract.package)
    text += "".join(f"from .app import {name} as {name}\n" for name in names)
    return text + "\n__all__ = [\n" + "".join(f'    "{name}",\n' for name in names) + "]\n"


def _descriptor(built: Built) -> str:
    data = built.pool().file.SerializeToString(deterministic=True)
    lines = textwrap.wrap(base64.b64encode(data).decode(), 100)
    text = _HEAD.format(what="The descriptor", package=built.contract.package)
    text += "import base64\n\nFILE = base64.b64decode(\n"
    return text + "".join(f'    "{line}"\n' for line in lines) + ")\n"


def _module(built: Built) -> str:
    contract, own = built.contract, _own_messages(built)
    blocks = [
        *("\n".join(_enum(one)) for one in contract.enums.values()),
        *("\n".join(_message(one)) for one in own.values()),
        _registry([*contract.enums, *own]),
        *("\n".join(_service(one, built)) for one in contract.services.values()),
    ]
    body = "\n\n".join(block.rstrip("\n") + "\n" for block in blocks)
    imports = "".join(f"{line}\n" for word, line in _IMPORTS.items() if word in body)
    head = _HEAD.format(what="The types and services", package=contract.package)
    text = f"{head}{imports}\nfrom flowrpc_client import typed as _typed\n\n{_OWN_IMPORT}\n\n{body}"
    try:
        compile(text, f"{words(built)}/app.py", "exec", dont_inherit=True)
    except SyntaxError as error:
        line = (error.text or "").strip()
        raise ContractError(
            contract.package, f"has a name that Python cannot have: {line!r}; rename it"
        ) from None
    return text


def _own_messages(built: Built) -> dict[str, MessageShape]:
    """Returns the messages that are types of their own, without those that methods take and give."""
    methods = [method for service in built.contract.services.values() for method in service.methods]
    carried = {name for method in methods for name in (method.request, method.response)}
    return {name: one for name, one in built.contract.messages.items() if name not in carried}


def _registry(names: Iterable[str]) -> str:
    listed = "".join(f"{name}, " for name in names)
    return f"_CONTRACT = _typed.Contract(_FILE, lambda: ({listed.rstrip()}))\n"


def _enum(enum: EnumShape) -> Iterator[str]:
    yield f"class {enum.name}(_enum.Enum):"
    yield from _docstring(enum.help or f"Made of {enum.source}.", "    ")
    yield ""
    for name, value in enum.values:
        yield f"    {name} = {value!r}"


def _message(message: MessageShape) -> Iterator[str]:
    yield f"class {message.name}(_typed.Message):"
    yield from _docstring(message.help or f"Made of {message.source}.", "    ")
    prefix = _prefix(one.identifier for one in message.fields)
    renamed = {one.identifier: one.name for one in message.fields if one.identifier != one.name}
    if renamed:
        yield ""
        yield f"    __flowrpc_names__ = {renamed!r}"
    for one in message.fields:
        written = annotation(one.shape, prefix=prefix)
        default = (
            ""
            if one.required
            else " = None"
            if isinstance(one.shape, Maybe) and written != "_Any"
            else " = _typed.ABSENT"
        )
        yield ""
        yield f"    {one.identifier}: {written}{default}"
        if one.help:
            yield from _docstring(one.help, "    ")


def _service(service: ServiceShape, built: Built) -> Iterator[str]:
    yield f"class {service.name}(_typed.Service):"
    yield from _docstring(service.help or f"The commands and the state of {service.flow}.", "    ")
    yield ""
    yield "    _contract = _CONTRACT"
    yield f'    _service = "{service.name}"'
    fields = [one for method in service.methods for one in built.contract.messages[method.request].fields]
    methods = [_method_name(method) for method in service.methods if method.command]
    prefix = _prefix([*methods, *(one.identifier for one in fields)])
    for method in service.methods:
        yield ""
        yield from _command(method, built, prefix) if method.command else _look(method, built, prefix)


def _prefix(names: Iterable[str]) -> str:
    """Returns what stands before the names of builtins, among names that may hide them."""
    return "" if USED_NAMES.isdisjoint(names) else "_builtins."


def _command(method: MethodShape, built: Built, prefix: str) -> Iterator[str]:
    fields = built.contract.messages[method.request].fields
    result = annotation(built.contract.messages[method.response].fields[0].shape, prefix=prefix)
    if method.streams:
        yield from _streaming(method, fields, result, prefix)
        return
    *parameters, _ = fields  # request_id is the last one
    taken = [*_taken(parameters, prefix), f"request_id: {prefix}str | None = None"]
    yield from _signature(method, taken, result)
    yield from _docstring(_told(method, parameters), "        ")
    yield f'        result: {result} = self._call("{method.name}", {_sent(parameters)}, request_id)'
    yield "        return result"


def _streaming(
    method: MethodShape, parameters: Sequence[FieldShape], item: str, prefix: str
) -> Iterator[str]:
    """Writes a command that yields; it has no request id, as what a stream sent is not kept."""
    kind = f"_typed.Stream[{item}]"
    yield from _signature(method, _taken(parameters, prefix), kind)
    yield from _docstring(_told(method, parameters), "        ")
    yield f'        result: {kind} = self._stream("{method.name}", {_sent(parameters)})'
    yield "        return result"


def _signature(method: MethodShape, taken: list[str], result: str) -> Iterator[str]:
    yield f"    def {_method_name(method)}("
    yield "        self,"
    if taken:
        yield "        *,"
    yield from (f"        {one}," for one in taken)
    yield f"    ) -> {result}:"


def _taken(parameters: Iterable[FieldShape], prefix: str) -> list[str]:
    return [f"{one.identifier}: {_parameter(one, prefix)}" for one in parameters]


def _sent(parameters: Iterable[FieldShape]) -> str:
    return "{" + ", ".join(f'"{one.name}": {one.identifier}' for one in parameters) + "}"


def _parameter(field: FieldShape, prefix: str) -> str:
    written = annotation(field.shape, prefix=prefix)
    if field.required:
        return written
    # None is a value like others where anything is.
    return f"{written} = _typed.ABSENT" if written == "_Any" else f"{or_none(written)} = None"


def _method_name(method: MethodShape) -> str:
    """Names the method of a command as it is called in the app."""
    return method.command.rpartition(".")[2]


def _told(method: MethodShape, parameters: Sequence[FieldShape]) -> str:
    told = [f"    {one.identifier}: {_argument_help(one)}" for one in parameters if one.help or one.default]
    text = summary(method.help) or f"Calls the command `{method.command}`."
    return "\n".join([text, *(["", "Args:", *told] if told else [])])


def _argument_help(field: FieldShape) -> str:
    default = f"By default {field.default}." if field.default else ""
    return " ".join(filter(None, [" ".join(field.help.split()), default]))


def _look(method: MethodShape, built: Built, prefix: str) -> Iterator[str]:
    state = annotation(built.contract.messages[method.response].fields[0].shape)
    kind, name = (f"_typed.StateWatch[{state}]", "watch_state") if method.streams else (state, "get_state")
    text = (
        "Yields the state as it is, and again whenever it has changed; close it."
        if method.streams
        else "Reads the state."
    )
    mask = "    fields: The ones that are wanted, as `count` or `train.progress`; by default all."
    yield f"    def {name}(self, fields: _Iterable[{prefix}str] = ()) -> {kind}:"
    yield from _docstring(f"{text}\n\nArgs:\n{mask}", "        ")
    yield f"        result: {kind} = self._{name}(fields)"
    yield "        return result"


def _docstring(text: str, indent: str) -> Iterator[str]:
    """Writes a docstring; what would end it, or mean something in it, is escaped."""
    safe = text.replace("\\", "\\\\").replace('"""', r"\"\"\"")
    if safe.endswith('"'):
        safe = safe[:-1] + r"\""
    lines = safe.splitlines() or [""]
    if len(lines) == 1:
        yield f'{indent}"""{lines[0]}"""'
        return
    yield f'{indent}"""{lines[0]}'
    yield from ((indent + line).rstrip() for line in lines[1:])
    yield f'{indent}"""'


def _project(name: str) -> str:
    return f"""\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "{name.replace("_", "-")}"
version = "0.1.0"
requires-python = ">=3.11"
dependencies = ["flowrpc>={version("flowrpc")}"]

[tool.hatch.build.targets.wheel]
packages = ["{name}"]
"""
