"""Components, deltas and revisions ⇄ messages; runs, failures and the app's status are in `wire.runs`.

`fill_*` writes into an empty message, `encode_*` makes one; `decode_*` takes the place for its errors.
"""

from __future__ import annotations

from flowrpc.errors import InvalidValueError
from flowrpc.state.records import ComponentRecord, Delta, Recipe, Revision
from flowrpc.v1 import state_pb2
from flowrpc.wire.changes import decode_changes, fill_changes
from flowrpc.wire.enums import COMPONENT_KINDS, decode_member, members
from flowrpc.wire.runs import (
    decode_app_status,
    decode_failure,
    decode_run,
    decode_run_record,
    encode_app_status,
    encode_failure,
    encode_run,
    encode_run_record,
    fill_app_status,
    fill_run,
)
from flowrpc.wire.times import decode_time, fill_time
from flowrpc.wire.values import decode_entries, decode_items, fill_entries, fill_items

__all__ = [
    "decode_app_status",
    "decode_component",
    "decode_delta",
    "decode_failure",
    "decode_recipe",
    "decode_revision",
    "decode_run",
    "decode_run_record",
    "encode_app_status",
    "encode_component",
    "encode_delta",
    "encode_failure",
    "encode_recipe",
    "encode_revision",
    "encode_run",
    "encode_run_record",
    "fill_component",
    "fill_delta",
    "fill_recipe",
    "fill_revision",
]

_KINDS = members(COMPONENT_KINDS)


def encode_recipe(recipe: Recipe) -> state_pb2.Recipe:
    """Makes a message of a recipe."""
    message = state_pb2.Recipe()
    fill_recipe(message, recipe)
    return message


def fill_recipe(message: state_pb2.Recipe, recipe: Recipe) -> None:
    """Writes a recipe."""
    message.SetInParent()
    message.type = recipe.type
    fill_items(message.args, recipe.args)
    fill_entries(message.kwargs, recipe.kwargs)


def decode_recipe(message: state_pb2.Recipe, place: str) -> Recipe:
    """Makes a recipe.

    Raises:
        InvalidValueError: An argument is no value.
    """
    return Recipe(
        type=message.type,
        args=tuple(decode_items(message.args, f"{place}.args")),
        kwargs=decode_entries(message.kwargs, f"{place}.kwargs"),
    )


def encode_component(component: ComponentRecord) -> state_pb2.Component:
    """Makes a message of a component."""
    message = state_pb2.Component()
    fill_component(message, component)
    return message


def fill_component(message: state_pb2.Component, component: ComponentRecord) -> None:
    """Writes a component."""
    message.SetInParent()
    message.name = component.name
    message.kind = COMPONENT_KINDS[component.kind]
    message.type = component.type
    fill_entries(message.vars, component.vars)
    if component.recipe is not None:
        fill_recipe(message.recipe, component.recipe)


def decode_component(message: state_pb2.Component, place: str) -> ComponentRecord:
    """Makes a component.

    Raises:
        InvalidValueError: It has no name, its kind is not known, or it holds something that is no value.
    """
    name = message.name
    if not name:
        raise InvalidValueError(place, "a component has no name; set `Component.name`")
    return ComponentRecord(
        name=name,
        kind=decode_member(_KINDS, message.kind, f"{name}: kind"),
        type=message.type,
        vars=decode_entries(message.vars, name, grown=True),
        recipe=decode_recipe(message.recipe, name) if message.HasField("recipe") else None,
    )


def encode_delta(delta: Delta) -> state_pb2.Delta:
    """Makes a message of a delta."""
    message = state_pb2.Delta()
    fill_delta(message, delta)
    return message


def fill_delta(message: state_pb2.Delta, delta: Delta) -> None:
    """Writes a delta."""
    message.component = delta.component
    if delta.attached is not None:
        fill_component(message.attached, delta.attached)
    fill_changes(message.changes, delta.changes)
    message.detached = delta.detached


def decode_delta(message: state_pb2.Delta, place: str) -> Delta:
    """Makes a delta.

    Raises:
        InvalidValueError: It names no component, or holds something that is no value.
        InvalidChangeError: One of its changes cannot be a change.
    """
    name = message.component
    if not name:
        raise InvalidValueError(place, "a delta names no component; set `Delta.component`")
    return Delta(
        component=name,
        attached=decode_component(message.attached, name) if message.HasField("attached") else None,
        changes=decode_changes(message.changes, name),
        detached=message.detached,
    )


def encode_revision(revision: Revision) -> state_pb2.Revision:
    """Makes a message of a revision."""
    message = state_pb2.Revision()
    fill_revision(message, revision)
    return message


def fill_revision(message: state_pb2.Revision, revision: Revision) -> None:
    """Writes a revision."""
    message.number = revision.number
    fill_time(message.time, revision.time)
    for delta in revision.deltas:
        fill_delta(message.deltas.add(), delta)
    for run in revision.runs:
        fill_run(message.runs.add(), run)
    message.forgotten_runs.extend(revision.forgotten_runs)
    if revision.app is not None:
        fill_app_status(message.app, revision.app)


def decode_revision(message: state_pb2.Revision, place: str) -> Revision:
    """Makes a revision.

    Raises:
        InvalidValueError: It has no number or time, or holds something that is no value.
        InvalidChangeError: One of its changes cannot be a change.
    """
    if message.number < 1 or not message.HasField("time"):
        raise InvalidValueError(place, f"a revision has the number {message.number} or no time; set both")
    here = f"revision {message.number}"
    return Revision(
        number=message.number,
        time=decode_time(message.time, f"{here}: time"),
        deltas=tuple([decode_delta(delta, here) for delta in message.deltas]),
        runs=tuple([decode_run(run, here) for run in message.runs]),
        forgotten_runs=tuple(message.forgotten_runs),
        app=decode_app_status(message.app, here) if message.HasField("app") else None,
    )
