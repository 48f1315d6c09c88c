"""`flowctl watch`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING

import click

from flowrpc_client.commands.printing import json_text, one_line, write_json, write_line
from flowrpc_client.commands.settings import Settings, client_command

if TYPE_CHECKING:
    from flowrpc.protocol.answers import StateSnapshot, WatchEnd, WatchUpdate
    from flowrpc.state.changes import Change
    from flowrpc.state.records import AppStatus, Delta, Revision
    from flowrpc.state.values import Value

    from flowrpc_client.client import FlowClient
    from flowrpc_client.replica import Position
    from flowrpc_client.stream import Stream

_TRIES = 30
_LONGEST_PAUSE = timedelta(seconds=2)
"""How often and how patiently an app that is away is dialled: for about a minute."""
_SHOWN = 100
"""How much of a value a line shows; `--json` shows all."""


@client_command()
@click.argument("component", default="root")
def watch(settings: Settings, component: str) -> None:
    """Prints what changes, a line for each revision.

    COMPONENT is a full name such as root.train: only it and everything below it is watched. The watch ends
    with the app; if that is killed and started again, it goes on where it was. The first line is the state that the
    watch begins with. With --json, a watch that has nothing to tell prints the hash of the state now and then.
    """
    from flowrpc.protocol.answers import Bookmark

    from flowrpc_client.commands.plain import plain_update

    with settings.connect() as client:
        for update in _updates(client, component):
            if settings.json:
                write_json(plain_update(update), lines=True)
            elif not isinstance(update, Bookmark):
                write_line(_line(update), flush=True)


def _updates(client: FlowClient, component: str) -> Iterator[WatchUpdate]:
    """Yields the updates of one watch after the other, each of which goes on where the last one broke."""
    from flowrpc.protocol.answers import WatchEnd

    from flowrpc_client.backoff import pauses
    from flowrpc_client.errors import NotReachableError

    position: Position | None = None
    waits: Iterator[float] | None = None
    while True:
        try:
            with client.watch(component, after=position) as stream:
                for update in _whole(stream):
                    waits = None
                    position = _position(update, position)
                    yield update
                    if isinstance(update, WatchEnd):
                        return
            raise NotReachableError("the watch ended without a reason")
        except NotReachableError as error:
            if position is None:
                raise  # it never began
            if waits is None:
                click.echo(f"{error}; the watch goes on when the app is back", err=True)
                waits = islice(pauses(most=_LONGEST_PAUSE), _TRIES)
            wait = next(waits, None)
            if wait is None:
                raise
            time.sleep(wait)


def _position(update: WatchUpdate, position: Position | None) -> Position | None:
    from flowrpc.protocol.answers import Bookmark, StateSnapshot
    from flowrpc.state.records import Revision

    if isinstance(update, StateSnapshot | Bookmark):
        return update.revision, update.journal_id
    if isinstance(update, Revision) and position is not None:
        return update.number, position[1]
    return position


def _whole(updates: Stream[WatchUpdate]) -> Iterator[WatchUpdate]:
    """Puts the parts of snapshots together."""
    from flowrpc.protocol.answers import StateSnapshot

    from flowrpc_client.snapshot_parts import SnapshotParts

    parts = SnapshotParts()
    for update in updates:
        whole = parts.add(update) if isinstance(update, StateSnapshot) else update
        if whole is not None:
            yield whole


def _line(update: StateSnapshot | Revision | WatchEnd) -> str:
    from flowrpc.protocol.answers import StateSnapshot, WatchEnd

    if isinstance(update, WatchEnd):
        return f"{update.revision}  end: {one_line(update.message or _app(update.app))}"
    if isinstance(update, StateSnapshot):
        return f"{update.revision}  {_snapshot(update)}"
    return f"{update.number}  {', '.join(_facts(update)) or 'no change of vars'}"


def _snapshot(snapshot: StateSnapshot) -> str:
    from flowrpc_client.nested import public_vars

    settings = [
        f"{record.name}.{name} = {_shown(value)}"
        for record in snapshot.components
        for name, value in public_vars(record).items()
    ]
    return ", ".join(settings) or "no vars"


def _facts(revision: Revision) -> Iterator[str]:
    for delta in revision.deltas:
        yield from _changes(delta)
    for run in revision.runs:
        yield f"run {run.run_id} of {run.work} {run.status.value}"
    if revision.app is not None:
        yield _app(revision.app)


def _changes(delta: Delta) -> Iterator[str]:
    if delta.attached is not None:
        yield f"{delta.component} attached"
        for name, value in delta.attached.vars.items():
            if not name.startswith("_"):
                yield f"{delta.component}.{name} = {_shown(value)}"
    for change in delta.changes:
        if not str(change.path[0]).startswith("_"):
            yield f"{delta.component}.{_change(change)}"
    if delta.detached:
        yield f"{delta.component} detached"


def _change(change: Change) -> str:
    from flowrpc.state.changes import Remove, Set, format_path

    place = one_line(format_path(change.path))
    if isinstance(change, Set):
        return f"{place} = {_shown(change.value)}"
    if isinstance(change, Remove):
        return f"{place} removed"
    return f"{place}[{change.start}:{change.start + change.delete_count}] = {_shown(change.insert)}"


def _shown(value: Value) -> str:
    return one_line(json_text(value), _SHOWN)


def _app(status: AppStatus | None) -> str:
    if status is None:
        return "the watch is over"
    return one_line(f"the app {status.stage.value}" + (f": {status.message}" if status.message else ""))
