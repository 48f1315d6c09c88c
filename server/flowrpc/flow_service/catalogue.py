"""The commands of an app: collected from the whole tree, found by name, called with checked arguments."""

from __future__ import annotations

import difflib
import inspect
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Any

from flowrpc.component.flow import LightningFlow
from flowrpc.errors import CallError, ComponentError, InvalidValueError
from flowrpc.protocol.answers import CommandInfo, ParameterInfo
from flowrpc.state import Value, copy_value


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command: what a client calls, and the method that answers."""

    name: str
    """The qualified name: bare for the root's, `child.name` for a nested flow's."""
    flow: str
    method: Callable[..., Any]
    signature: inspect.Signature
    types: dict[str, Any]
    """Annotations by parameter, as far as they could be resolved."""

    def info(self) -> CommandInfo:
        """Describes the command to clients."""
        parameters = tuple(_parameter_info(parameter) for parameter in self.signature.parameters.values())
        return CommandInfo(
            name=self.name, flow=self.flow, help=inspect.getdoc(self.method) or "", parameters=parameters
        )

    def call(self, arguments: dict[str, Value]) -> Any:
        """Calls the method. Check the arguments first."""
        return self.method(**arguments)

    def check(self, arguments: dict[str, Value]) -> None:
        """Checks arguments against the signature.

        Raises:
            CallError: One is missing, not known or of another type.
        """
        parameters = self.signature.parameters
        takes_any = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())
        for name, value in arguments.items():
            if name not in parameters and not takes_any:
                self._refuse_unknown(name)
            elif not _fits(value, self.types.get(name, Any)):
                expected = _annotation(parameters[name])
                self._refuse(name, f"{name!r} must be {expected}, not {_shown(value)}")
        for name, parameter in parameters.items():
            if (
                name not in arguments
                and parameter.default is parameter.empty
                and parameter.kind not in _VARIADIC
            ):
                self._refuse(name, f"the argument {name!r} is missing")

    def _refuse_unknown(self, name: str) -> typing.NoReturn:
        known = [name for name, p in self.signature.parameters.items() if p.kind not in _VARIADIC]
        takes = f"it takes {', '.join(known)}" if known else "it takes no arguments"
        self._refuse(name, f"there is no argument {name!r}{_did_you_mean(name, known)}; {takes}")

    def _refuse(self, parameter: str, problem: str) -> typing.NoReturn:
        raise CallError(
            "INVALID_ARGUMENTS", f"{self.name}: {problem}", command=self.name, parameter=parameter
        )


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

    def _add(self, flow: LightningFlow, name: str, method: Callable[..., Any]) -> None:
        qualified = f"{flow.name}.{name}".split(".", 1)[1]
        clash = self._commands.get(qualified)
        if clash is not None:
            raise ComponentError(
                f"the command {qualified!r} is configured twice, by {clash.flow} and by {flow.name}; rename one"
            )
        self._commands[qualified] = _command(qualified, flow, method)
        self._bare.setdefault(name, []).append(qualified)


_VARIADIC = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)


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


def _command(name: str, flow: LightningFlow, method: Callable[..., Any]) -> Command:
    signature = inspect.signature(method)
    for parameter in signature.parameters.values():
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.VAR_POSITIONAL):
            raise ComponentError(
                f"the command {name!r} of {flow.name} takes {parameter} by position; "
                "clients name their arguments, so let it take it by name"
            )
    try:
        types = typing.get_type_hints(method)
    except Exception:  # noqa: BLE001  # annotations are user code; unresolved ones check nothing
        types = {}
    return Command(name=name, flow=flow.name, method=method, signature=signature, types=types)


def _parameter_info(parameter: inspect.Parameter) -> ParameterInfo:
    required = parameter.default is parameter.empty and parameter.kind not in _VARIADIC
    default: Value = None
    if parameter.default is not parameter.empty:
        try:
            default = copy_value(parameter.default, parameter.name)
        except InvalidValueError:
            default = None
    return ParameterInfo(
        name=parameter.name, annotation=_annotation(parameter), required=required, default=default
    )


def _annotation(parameter: inspect.Parameter) -> str:
    annotation = parameter.annotation
    if annotation is parameter.empty:
        return ""
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)


_PLAIN: dict[Any, tuple[type, ...]] = {
    int: (int,),
    float: (int, float),
    bool: (bool,),
    str: (str,),
    list: (list,),
    tuple: (list,),
    dict: (dict,),
    NoneType: (NoneType,),
    None: (NoneType,),
}


def _fits(value: Value, annotation: Any) -> bool:
    """Tells whether a value may be given for an annotation; annotations that are no plain type take anything."""
    origin = typing.get_origin(annotation)
    if origin in (typing.Union, UnionType):
        return any(_fits(value, part) for part in typing.get_args(annotation))
    plain = _PLAIN.get(origin or annotation)
    if plain is None:
        return True
    if isinstance(value, bool) and bool not in plain:
        return False
    return isinstance(value, plain) and _parts_fit(value, typing.get_args(annotation))


def _parts_fit(value: Value, arguments: tuple[Any, ...]) -> bool:
    if isinstance(value, list) and len(arguments) == 1:
        return all(_fits(item, arguments[0]) for item in value)
    if isinstance(value, dict) and len(arguments) == 2:
        return all(_fits(item, arguments[1]) for item in value.values())
    return True


def _shown(value: Value) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _closest(name: str, known: list[str]) -> str:
    return next(iter(difflib.get_close_matches(name, known, n=1)), "")


def _did_you_mean(name: str, known: list[str]) -> str:
    close = _closest(name, known)
    return f"; did you mean {close!r}?" if close else ""
