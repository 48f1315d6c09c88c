"""The commands of an app: collected from the whole tree, found by name, called with checked arguments."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from flowrpc.component.calls import is_synchronous
from flowrpc.component.client_command import ClientCommand
from flowrpc.component.client_part import ClientPart, client_part_of
from flowrpc.component.conversion import (
    ArgumentRefused,
    Parameters,
    is_stream,
    plain,
    shown_item_annotation,
)
from flowrpc.component.flow import LightningFlow
from flowrpc.errors import CallError, ComponentError
from flowrpc.protocol.answers import CommandInfo, CommandSource
from flowrpc.state import Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command: what a client calls, and the method that answers."""

    name: str
    """The qualified name: bare for the root's, `child.name` for a nested flow's."""
    flow: str
    method: Callable[..., Any]
    parameters: Parameters
    client_part: ClientPart | None = None
    streams: bool = False
    """Whether the method yields: it is called as a stream."""
    item_annotation: str = ""
    """The annotation of what it yields, for people."""

    def info(self) -> CommandInfo:
        """Describes the command to clients."""
        return CommandInfo(
            name=self.name,
            flow=self.flow,
            help=inspect.getdoc(self.method) or "",
            parameters=self.parameters.infos,
            client_part=self.client_part.info if self.client_part is not None else None,
            streams=self.streams,
            item_annotation=self.item_annotation,
        )

    def bind(self, arguments: dict[str, Value]) -> dict[str, Any]:
        """Makes of arguments the objects that the annotations of the method ask for.

        Raises:
            CallError: One is missing, not known or does not fit.
        """
        try:
            return self.parameters.convert(arguments)
        except ArgumentRefused as refused:
            message = f"{self.name}: {refused.problem}"
            raise CallError(
                "INVALID_ARGUMENTS", message, command=self.name, parameter=refused.parameter
            ) from refused

    def call(self, arguments: dict[str, Any]) -> Any:
        """Calls the method with bound arguments; returns the plain form of its result."""
        return plain(self.method(**arguments))


class Catalogue:
    """All commands of a tree of flows.

    A command of a nested flow is called by its qualified name, or bare while that is unique.
    """

    def __init__(self, root: LightningFlow) -> None:
        """Asks every flow for its commands.

        Raises:
            ComponentError: A flow returned something else, or one name stands for two methods.
        """
        self._commands: dict[str, Command] = {}
        self._bare: dict[str, list[str]] = {}
        for flow in [root, *root.flows.values()]:
            for name, method in _pairs(flow):
                self._add(flow, name, method)

    def infos(self) -> tuple[CommandInfo, ...]:
        """Describes all commands, by name."""
        return tuple(self._commands[name].info() for name in sorted(self._commands))

    def commands(self) -> tuple[Command, ...]:
        """Returns all commands, as they were configured."""
        return tuple(self._commands.values())

    def find(self, name: str) -> Command:
        """Finds a command by its qualified or unique bare name.

        Raises:
            CallError: There is none, or the bare name stands for several.
        """
        if name in self._commands:
            return self._commands[name]
        owners = self._bare.get(name, [])
        if len(owners) == 1:
            return self._commands[owners[0]]
        if owners:
            message = f"command {name!r} is ambiguous: say {' or '.join(repr(owner) for owner in owners)}"
            raise CallError("UNKNOWN_COMMAND", message, command=name, suggestion=owners[0])
        raise CallError(
            "UNKNOWN_COMMAND",
            f"no command {name!r}{_did_you_mean(name, [*self._commands, *self._bare])}",
            command=name,
            suggestion=_closest(name, [*self._commands, *self._bare]),
        )

    def source(self, name: str) -> CommandSource:
        """Gives the source of a command's client part.

        Raises:
            CallError: There is no such command, or it has none.
        """
        command = self.find(name)
        part = command.client_part
        if part is None:
            message = f"the command {command.name!r} has no client part; call it directly"
            raise CallError("NO_CLIENT_PART", message, command=command.name)
        return CommandSource(
            command=command.name,
            class_name=part.info.class_name,
            file_name=part.source.file_name,
            source=part.source.content,
        )

    def _add(self, flow: LightningFlow, name: str, method: Callable[..., Any]) -> None:
        qualified = f"{flow.name}.{name}".split(".", 1)[1]
        clash = self._commands.get(qualified)
        if clash is not None:
            raise ComponentError(
                f"the command {qualified!r} is configured twice, by {clash.flow} and by {flow.name}; rename one"
            )
        self._commands[qualified] = _command(qualified, flow, method)
        self._bare.setdefault(name, []).append(qualified)


_ASYNC = "is async: flows are synchronous, write `def`, and return a value or yield several"


def _pairs(flow: LightningFlow) -> Iterator[tuple[str, Callable[..., Any]]]:
    configured: Any = flow.configure_commands()
    groups = [configured] if isinstance(configured, dict) else configured
    place = f"{flow.name}.configure_commands()"
    if not isinstance(groups, list | tuple) or not all(isinstance(group, dict) for group in groups):
        raise ComponentError(
            f"{place} returned {type(configured).__name__}; return a dict of methods by name, or a list of such dicts"
        )
    for group in groups:
        for name, method in group.items():
            if not isinstance(name, str) or not name.strip() or "." in name:
                raise ComponentError(f"{place}: {name!r} is no command name; use a text without dots")
            if not callable(method):
                raise ComponentError(
                    f"{place}: the command {name!r} is no method but {type(method).__name__}"
                )
            yield name.strip().replace(" ", "_"), method


def _command(name: str, flow: LightningFlow, configured: Callable[..., Any]) -> Command:
    method, part = configured, None
    try:
        if isinstance(configured, type) and issubclass(configured, ClientCommand):
            raise ComponentError(f"is a class; give it the method: {configured.__name__}(self.my_method)")
        if isinstance(configured, ClientCommand):
            part = client_part_of(configured)
            method = configured.method
        streams = is_stream(method)
        if not streams and not is_synchronous(method):
            raise ComponentError(_ASYNC)
        if streams and part is not None:
            raise ComponentError(
                "streams, and a client part calls a method for one result; configure it alone"
            )
        parameters = Parameters.of(method)
        items = shown_item_annotation(method) if streams else ""
    except ComponentError as error:
        raise ComponentError(f"the command {name!r} of {flow.name} {error}") from error
    return Command(
        name=name,
        flow=flow.name,
        method=method,
        parameters=parameters,
        client_part=part,
        streams=streams,
        item_annotation=items,
    )


def _closest(name: str, known: list[str]) -> str:
    return next(iter(difflib.get_close_matches(name, known, n=1)), "")


def _did_you_mean(name: str, known: list[str]) -> str:
    close = _closest(name, known)
    return f"; did you mean {close!r}?" if close else ""
