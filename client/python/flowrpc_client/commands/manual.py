"""The manual page of one command of an app, made of what the app tells of it."""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from flowrpc.errors import CallError

from flowrpc_client.commands.client_part import how_to_run
from flowrpc_client.commands.printing import json_text, one_line, shown, styled, write_line

if TYPE_CHECKING:
    from flowrpc.protocol.answers import ClientPartInfo, CommandInfo, ParameterInfo


def find(infos: Iterable[CommandInfo], name: str) -> CommandInfo:
    """Finds a command as the app does: by its qualified name, or by its bare one while that is unique.

    Raises:
        CallError: There is none, or there are several.
    """
    by_name = {info.name: info for info in infos}
    bare = [qualified for qualified in by_name if qualified.rpartition(".")[2] == name]
    if name in by_name:
        return by_name[name]
    if len(bare) == 1:
        return by_name[bare[0]]
    if bare:
        choices = " or ".join(map(repr, bare))
        raise CallError("UNKNOWN_COMMAND", f"command {name!r} is ambiguous: say {choices}", command=name)
    known = [*by_name, *(qualified.rpartition(".")[2] for qualified in by_name)]
    close = next(iter(difflib.get_close_matches(name, known, n=1)), "")
    hint = f"did you mean {close!r}?" if close else "`flowctl commands` lists them"
    raise CallError("UNKNOWN_COMMAND", f"no command {name!r}; {hint}", command=name)


def write_manual(info: CommandInfo, name: str) -> None:
    """Writes how to call a command, what it does, what it takes, and an example.

    Args:
        info: What the app tells.
        name: The name to call it by.
    """
    call = f"flowctl call {shlex.quote(one_line(name))}"
    takes = (info.client_part or info).parameters
    told = (
        info.client_part.help if info.client_part is not None and info.client_part.help.strip() else info.help
    )
    write_line(f"Usage: {call}{' [--args KEY=VALUE]...' if takes else ''}")
    if told.strip():
        write_line()
    for line in shown(told.strip()).splitlines():
        write_line(f"  {line}".rstrip())
    _write_section("Arguments", _aligned(takes))
    if info.streams:
        _write_section(
            "Streams", [one_line(info.item_annotation) or "items of any kind", "one line of JSON each"]
        )
    required = [parameter.name for parameter in takes if parameter.required]
    _write_section("Example", [call + "".join(f" --args {name}=…" for name in required)])
    if info.client_part is not None:
        _write_section("Client part", _client_part(info.client_part, name))


def _client_part(part: ClientPartInfo, name: str) -> Iterator[str]:
    yield "Code of the app that runs here, and calls the method at the service. It is run only if you allow it."
    yield one_line(f"class {part.class_name}, sha256 {part.source_sha256}")
    rows = how_to_run(name)
    width = max(len(what) for what, _ in rows)
    for what, does in rows:
        yield f"{what:{width}}  {does}"


def _write_section(title: str, lines: Iterable[str]) -> None:
    lines = list(lines)
    if lines:
        write_line()
        write_line(styled(f"{title}:", bold=True))
        for line in lines:
            write_line(f"  {line}")


def _aligned(parameters: tuple[ParameterInfo, ...]) -> Iterator[str]:
    declared = [_declared(parameter) for parameter in parameters]
    width = max(map(len, declared), default=0)
    for parameter, text in zip(parameters, declared, strict=True):
        yield f"{text:{width}}  {_need(parameter)}"


def _declared(parameter: ParameterInfo) -> str:
    annotation = f": {parameter.annotation}" if parameter.annotation else ""
    return one_line(parameter.name + annotation)


def _need(parameter: ParameterInfo) -> str:
    return "required" if parameter.required else f"default {one_line(json_text(parameter.default))}"
