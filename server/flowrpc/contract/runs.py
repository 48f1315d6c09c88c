"""Runs of works in a contract: what `run` is called with has types as a command's parameters have."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from inspect import Parameter
from types import MethodType
from typing import Any

from flowrpc.component.conversion.parameters import annotated
from flowrpc.component.work import LightningWork
from flowrpc.contract import names
from flowrpc.contract.annotations import Definitions, mentions
from flowrpc.contract.shape import (
    Contract,
    FieldShape,
    Leaf,
    MapOf,
    MessageShape,
    Ref,
    Scalar,
    ServiceShape,
    Shape,
    optional,
)
from flowrpc.errors import ComponentError, ContractError
from flowrpc.state import Extension
from flowrpc.state.records import Run, RunStatus

RUN_FIELD = "run"
"""The field of a work's state; no var has the name of the method."""

RunParameters = dict[str, tuple[FieldShape, ...]]
"""The parameters of `run` by the full name of the work."""


def run_field(kind: type[LightningWork], definitions: Definitions) -> FieldShape:
    """Makes the field of a work's state that tells its newest run, and the messages `JobLatestRun` and `JobRun`."""
    name, source = names.camel(kind.__name__, kind.__name__), f"{kind.__module__}.{kind.__qualname__}.run"
    arguments = definitions.define(MessageShape(name=name + "Run", source=source), kind.run)
    definitions.messages[name + "Run"] = MessageShape(
        name=name + "Run",
        source=source,
        fields=_parameters(kind, definitions, name + "Run"),
        help=f"What {kind.__name__}.run was called with.",
    )
    told = MessageShape(
        name=name + "LatestRun",
        source=source,
        fields=(
            FieldShape(name="run_id", python_name="run_id", shape=Leaf(Scalar.STRING), help="Its id."),
            FieldShape(name="status", python_name="status", shape=_STATUS, help="Where it is."),
            FieldShape(name="arguments", python_name="arguments", shape=arguments, help="What it was given."),
        ),
        help=f"The run of {kind.__name__} that was asked for last.",
    )
    return FieldShape(
        name=RUN_FIELD,
        python_name=RUN_FIELD,
        shape=definitions.define(told, (kind.run, "latest")),
        help="The run that was asked for last; absent: there is none.",
        is_var=False,
    )


def run_parameters(contract: Contract, service: ServiceShape) -> RunParameters:
    """Finds the works at and below the flow of a service whose runs have types, with the parameters of each."""
    look = next(one for one in service.methods if not one.command)
    state = next(one for one in contract.messages[look.response].fields if one.name == "state")
    return dict(_works(contract, service.flow, state.shape))


def run_value(run: Run, parameters: tuple[FieldShape, ...]) -> dict[str, Any]:
    """Makes of a run what the message has, by Python's names."""
    return {
        "run_id": run.run_id,
        "status": run.status.value,
        "arguments": _by_name(run, parameters),
    }


def _by_name(run: Run, parameters: tuple[FieldShape, ...]) -> dict[str, Any]:
    """Gives each argument its parameter, as Python did when `run` was called."""
    found: dict[str, Any] = {}
    for at, (one, value) in enumerate(zip(parameters, run.args, strict=False)):
        if one.is_rest:
            found[one.python_name] = list(run.args[at:])
            break
        found[one.python_name] = value
    known = {one.python_name for one in parameters if not one.is_rest}
    rest = next((one.python_name for one in parameters if one.is_rest and isinstance(one.shape, MapOf)), "")
    for name, value in run.kwargs.items():
        if name in known:
            found[name] = value
        elif rest:  # else the class has another `run` by now
            found.setdefault(rest, {})[name] = value
    return found


def _works(contract: Contract, name: str, shape: Shape) -> Iterator[tuple[str, tuple[FieldShape, ...]]]:
    if not isinstance(shape, Ref):
        return  # what comes and goes
    for one in contract.messages[shape.name].fields:
        if one.is_var or not isinstance(one.shape, Ref):
            continue
        if one.python_name != RUN_FIELD:
            yield from _works(contract, f"{name}.{one.python_name}", one.shape)
            continue
        (arguments,) = (
            part.shape.name
            for part in contract.messages[one.shape.name].fields
            if isinstance(part.shape, Ref)
        )
        yield name, contract.messages[arguments].fields


def _parameters(kind: type[LightningWork], definitions: Definitions, owner: str) -> tuple[FieldShape, ...]:
    place = f"{kind.__name__}.run"
    try:
        read = annotated(MethodType(kind.run, kind), by_position=True)
    except ComponentError as error:
        raise ContractError(place, str(error)) from error
    fields = tuple(_parameter(*one, definitions, place, owner) for one in read)
    names.check_distinct(((names.json_name(one.name), one.python_name) for one in fields), place, "field")
    return fields


def _parameter(
    parameter: Parameter, annotation: Any, definitions: Definitions, place: str, owner: str
) -> FieldShape:
    if mentions(annotation, (Extension,)):
        annotation = Any
    if parameter.kind is Parameter.VAR_KEYWORD:
        annotation = dict[str, annotation]
    if parameter.kind is Parameter.VAR_POSITIONAL:
        annotation = list[annotation]
    is_rest = parameter.kind in (Parameter.VAR_KEYWORD, Parameter.VAR_POSITIONAL)
    # Clients only read it: nothing is ever refused because it is missing.
    field = replace(definitions.field(parameter.name, annotation, place, owner, False), is_rest=is_rest)
    return field if parameter.default is Parameter.empty else optional(field, parameter.default)


_STATUS = Leaf(
    Scalar.STRING,
    "one of " + ", ".join(one.value for one in RunStatus),
    "choice",
    tuple(json.dumps(one.value) for one in RunStatus),
)
