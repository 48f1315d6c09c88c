"""The client part of a command, as it is told and given to clients."""

from __future__ import annotations

import functools
import hashlib
import inspect
from dataclasses import dataclass
from types import FunctionType, MethodType
from typing import Any

from flowrpc.component.client_command import ClientCommand
from flowrpc.component.conversion import Parameters
from flowrpc.component.flow import LightningFlow
from flowrpc.component.module_source import ModuleSource, check_source
from flowrpc.errors import ComponentError
from flowrpc.protocol.answers import ClientPartInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientPart:
    """What clients are told of a `ClientCommand`, and the source that they may run."""

    info: ClientPartInfo
    source: ModuleSource


def client_part_of(command: ClientCommand) -> ClientPart:
    """Checks a client command, and makes of it what clients get.

    Raises:
        ComponentError: It cannot be one. The message goes on after the name of the command.
    """
    kind = type(command)
    try:
        if not hasattr(command, "method"):
            raise ComponentError(
                "has an __init__ that forgets the method; call super().__init__(method) in it"
            )
        method = command.method
        if not isinstance(method, MethodType) or not isinstance(method.__self__, LightningFlow):
            raise ComponentError(f"got {_called(method)}, which is no method of a flow; give it one")
        return _part_of(kind)  # type: ignore[arg-type]  # mypy takes the hash of instances for that of the class
    except ComponentError as error:
        raise ComponentError(
            f"has a client part that cannot be served: {kind.__qualname__} {error}"
        ) from error


@functools.lru_cache(maxsize=1_000)
def _part_of(kind: type[ClientCommand]) -> ClientPart:
    """Checks a class once, however often its flow comes or goes."""
    run = inspect.getattr_static(kind, "run")
    if run is ClientCommand.run:
        raise ComponentError("has no `run`; write one: it is what happens at the client")
    if not isinstance(run, FunctionType) or _is_odd(run):
        raise ComponentError(
            "has a `run` that is no ordinary method; neither async, static nor a generator will do"
        )
    _check_constructor(kind)
    source = check_source(kind, kind._source)
    try:
        parameters = Parameters.of(MethodType(run, kind)).infos
    except ComponentError as error:
        raise ComponentError(f"has a `run` that {error}") from error
    info = ClientPartInfo(
        class_name=kind.__qualname__,
        help=inspect.cleandoc(kind.__doc__ or run.__doc__ or ""),
        parameters=parameters,
        source_sha256=hashlib.sha256(source.content).hexdigest(),
    )
    return ClientPart(info=info, source=source)


def _is_odd(run: FunctionType) -> bool:
    kinds = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)
    return any(is_kind(run) for is_kind in kinds)


def _check_constructor(kind: type[ClientCommand]) -> None:
    try:
        inspect.signature(kind).bind(print)
    except TypeError as error:
        raise ComponentError(
            f"cannot be made with the method alone ({error}); clients have nothing else for its __init__"
        ) from None


def _called(method: Any) -> str:
    return getattr(method, "__qualname__", None) or type(method).__name__
