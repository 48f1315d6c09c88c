"""`flowctl state`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from flowrpc_client.commands.printing import (
    json_text,
    one_line,
    styled,
    terminal_width,
    write_json,
    write_line,
)
from flowrpc_client.commands.settings import Settings, client_command

if TYPE_CHECKING:
    from flowrpc.protocol.answers import StateSnapshot
    from flowrpc.state.records import ComponentRecord


@client_command()
@click.argument("component", default="root")
@click.option("--hash", "hashed", is_flag=True, help="Print its revision and its hash instead.")
def state(settings: Settings, component: str, *, hashed: bool) -> None:
    """Prints the state of a component and everything below it.

    COMPONENT is a full name such as root.train; without it the whole state is printed.

    `flowctl state export` and `flowctl state import` move a state to another app or host.
    """
    from flowrpc_client.nested import nested_state

    with settings.connect() as client:
        snapshot = client.snapshot(component, with_state_hash=hashed)
    if hashed:
        _write_hash(settings, snapshot)
    elif settings.json:
        write_json(nested_state(snapshot))
    else:
        _write_tree(snapshot)


def _write_hash(settings: Settings, snapshot: StateSnapshot) -> None:
    """Writes what tells equal states: of one journal, at one revision."""
    facts = {"journal_id": snapshot.journal_id, "revision": snapshot.revision, "hash": snapshot.state_hash}
    if settings.json:
        write_json(facts)
    else:
        write_line(f"{snapshot.revision}  {snapshot.state_hash}")


def _write_tree(snapshot: StateSnapshot) -> None:
    """Writes every component with its vars below it, indented by its place in the tree."""
    from flowrpc_client.nested import public_vars

    width = terminal_width()
    top = snapshot.components[0].name.count(".") if snapshot.components else 0
    for record in _in_tree_order(snapshot.components):
        depth = record.name.count(".") - top
        write_line("  " * depth + _title(record, snapshot.revision if not depth else None))
        for name, value in public_vars(record).items():
            write_line(one_line("  " * (depth + 1) + f"{name} = {json_text(value)}", width))


def _in_tree_order(components: Sequence[ComponentRecord]) -> Iterator[ComponentRecord]:
    """Yields each component right before what is below it, whenever that was added."""
    below: dict[str, list[ComponentRecord]] = {}
    for record in components[1:]:
        below.setdefault(record.name.rpartition(".")[0], []).append(record)
    waiting = list(components[:1])
    while waiting:
        record = waiting.pop()
        yield record
        waiting.extend(reversed(below.get(record.name, [])))


def _title(record: ComponentRecord, revision: int | None) -> str:
    kind = record.kind.value if revision is None else f"{record.kind.value}, revision {revision}"
    return f"{styled(record.name, bold=True)} ({kind})"
