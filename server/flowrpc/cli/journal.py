"""`flowctl journal`: checking, reading and cutting the journal of an app that does not run."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from flowrpc_client.commands.settings import Settings, json_option

from flowrpc.errors import StoreCorruptError, StoreError

if TYPE_CHECKING:
    from flowrpc.store.inspection import Inspection

_STANDARD = Path("-")
_DAMAGED = 1

_place = click.argument("place", metavar="[DIR|APP.py]", required=False, type=click.Path(path_type=Path))


@click.group()
def journal() -> None:
    """Check, read or cut the journal of an app that does not run.

    DIR is its data directory, APP.py its file, beside which that is; without either it is .flowrpc here. Nothing is
    changed where it is read.
    """


@journal.command()
@_place
@json_option
@click.make_pass_decorator(Settings, ensure=True)
def check(settings: Settings, place: Path | None) -> None:
    """Verify all of a journal, and name every damage.

    Exit codes: 0 whole, 1 damaged, 2 it cannot be read.
    """
    from flowrpc.store.inspection import inspect

    data_dir = _data_dir(settings, place)
    with _told():
        found = inspect(data_dir)
    if settings.json:
        _print_facts(found)
    else:
        _print_inspection(found)
    if found.damages:
        raise SystemExit(_DAMAGED)


@journal.command()
@_place
@click.option("--from", "since", type=click.IntRange(min=1), metavar="REVISION", help="The first revision.")
@click.option("--until", type=click.IntRange(min=1), metavar="REVISION", help="The last revision.")
@json_option
@click.make_pass_decorator(Settings, ensure=True)
def show(settings: Settings, place: Path | None, since: int | None, until: int | None) -> None:
    """Show revisions: what changed, when, which runs, how the app is."""
    from flowrpc.cli.journal_text import revision_lines
    from flowrpc.state.revision_json import plain_revision
    from flowrpc.store.history import history

    with _told(), history(_data_dir(settings, place)) as found:
        for revision in found.after(found.base(since), until or found.last):
            if revision.number < (since or 1):
                continue
            for line in [_json(plain_revision(revision))] if settings.json else revision_lines(revision):
                click.echo(line)


@journal.command()
@_place
@click.option(
    "--from",
    "since",
    type=click.IntRange(min=1),
    metavar="REVISION",
    help="Begin with the newest snapshot before it.  [default: all]",
)
@click.option(
    "--until", type=click.IntRange(min=1), metavar="REVISION", help="The last revision.  [default: all]"
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default=_STANDARD,
    metavar="FILE",
    help="Where to write it, readable for you only.  [default: standard output]",
)
@click.make_pass_decorator(Settings, ensure=True)
def export(
    settings: Settings, place: Path | None, since: int | None, until: int | None, output: Path
) -> None:
    """Write the journal as JSON lines: the oldest snapshot, if there is one, then each revision after it."""
    from flowrpc.cli.moving import write_private
    from flowrpc.state.revision_json import plain_revision, plain_state
    from flowrpc.store.history import history

    lines: list[str] = []
    with _told(), history(_data_dir(settings, place)) as found:
        base = found.base(since)
        if base.revision:
            lines.append(_json(plain_state(base.replica())))
        for revision in found.after(base, until or found.last):
            lines.append(_json(plain_revision(revision)))
    text = "".join(f"{line}\n" for line in lines)
    if output == _STANDARD:
        click.echo(text, nl=False)
        return
    write_private(output, text)
    click.echo(f"exported {len(lines)} lines to {output}", err=True)


@journal.command()
@_place
@click.option(
    "--after",
    type=click.IntRange(min=1),
    required=True,
    metavar="REVISION",
    help="The last revision that is kept; `flowctl journal check` names the last good one.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    metavar="NEWDIR",
    help="The new data directory.",
)
@click.make_pass_decorator(Settings, ensure=True)
def cut(settings: Settings, place: Path | None, after: int, output: Path) -> None:
    """Write a new data directory that goes on after a revision.

    What came later is not in it; runs that went on later wait again. The old directory stays as it is.
    """
    from flowrpc.store.cutting import cut as cut_journal

    with _told():
        done = cut_journal(_data_dir(settings, place), after, output)
    for what, runs in (
        ("wait again", done.waiting_runs),
        ("are left out", done.dropped_runs),
    ):
        if runs:
            click.echo(f"runs that {what}: {', '.join(runs)}", err=True)
    more = f": {after}, and one that puts runs back" if done.revision > after else ""
    click.echo(f"{output} ends at revision {done.revision}{more}")
    click.echo(f"start it:  flowctl run APP.py --data-dir {shlex.quote(str(output))}", err=True)


def _data_dir(settings: Settings, place: Path | None) -> Path:
    """Returns the data directory that was named, or is beside the app's file or in the folder that was."""
    from flowrpc.cli.run import data_dir_of

    if settings.app or settings.address:
        raise click.UsageError("a journal is read in its data directory; name that instead of a running app")
    if place is None:
        return settings.data_dir or Path(".flowrpc")
    if place.suffix == ".py":
        return data_dir_of(place, None)
    inside = place / ".flowrpc"
    return inside if inside.is_dir() and not (place / "journal.db").exists() else place


@contextmanager
def _told() -> Iterator[None]:
    """Turns errors of the store into messages."""
    try:
        yield
    except StoreCorruptError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(_DAMAGED)
    except StoreError as error:
        raise click.ClickException(str(error)) from None


def _print_inspection(found: Inspection) -> None:
    snapshots = ", ".join(map(str, found.snapshots)) or "none"
    click.echo(f"journal {found.journal_id or 'unknown'}, life {found.life}")
    click.echo(f"revisions {found.first} to {found.last}; snapshots at {snapshots}")
    for damage in found.damages:
        click.echo(f"damaged: {damage.file}: {damage.problem}")
    if not found.damages:
        click.echo("whole")
        return
    directory = shlex.quote(str(found.path))
    click.echo("Restore the whole data directory from a backup,")
    if found.good:
        command = f"flowctl journal cut {directory} --after {found.good} --output NEWDIR"
        click.echo(f"or go on after revision {found.good}:  {command}")
    click.echo(f"or begin anew:  flowctl run APP.py --data-dir {directory} --fresh")


def _print_facts(found: Inspection) -> None:
    facts = {
        "journal_id": found.journal_id,
        "life": found.life,
        "first": found.first,
        "last": found.last,
        "snapshots": list(found.snapshots),
        "good": found.good,
        "damages": [
            {"file": damage.file, "problem": damage.problem, "revision": damage.revision}
            for damage in found.damages
        ],
    }
    click.echo(_json(facts))


def _json(plain: object) -> str:
    return json.dumps(plain, ensure_ascii=False)
