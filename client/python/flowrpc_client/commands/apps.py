"""`flowctl ps` and `flowctl stop`."""

from __future__ import annotations

import os
import select
from typing import TYPE_CHECKING, Any

import click

from flowrpc_client.commands.printing import write_json, write_line, write_table
from flowrpc_client.commands.settings import Settings, client_command

if TYPE_CHECKING:
    from flowrpc.protocol.answers import AppInfo
    from flowrpc.protocol.run_directory import AppEntry

_PATIENCE_SECONDS = 2.0
"""How long an app that hangs may hold up the list."""
_END_SECONDS = 15.0
"""How long an app that was stopped may take to end; it ends by force after some 10."""


@client_command()
def ps(settings: Settings) -> None:
    """Lists your running apps on this host."""
    from flowrpc_client.target import running_apps

    found = [_facts(entry) for entry in running_apps()]
    if settings.json:
        write_json(found)
    elif not found:
        click.echo("no app runs", err=True)
    else:
        names = [name for name in found[0] if name != "refused"]  # which is too wide for a table
        rows = [[_shown(facts[name]) for name in names] for facts in found]
        write_table([name.replace("_", " ").upper() for name in names], rows)


@client_command()
@click.option("--message", default="", help="Kept in the app's final status.")
@click.option("--no-wait", is_flag=True, help="Do not wait until its process on this host has ended.")
def stop(settings: Settings, message: str, no_wait: bool) -> None:
    """Stops the app in order; `flowctl run` starts it again where it was."""
    from flowrpc_client.errors import NotReachableError

    revision, problem = None, None
    with settings.connect() as client:
        process = None if no_wait else _process_of(client.app())
        try:
            revision = client.stop(message)
        except NotReachableError as error:
            problem = error  # as of an app that is read-only: it ends, and has nothing to answer
    ended = process is not None and _wait_for_end(process)
    if problem is not None and not ended:
        raise problem
    if settings.json:
        write_json({"revision": revision})
    elif problem is not None:
        write_line("it has ended, and could not say at which revision; its log says why")
    else:
        write_line(f"stopped at revision {revision}")


def _process_of(info: AppInfo) -> int | None:
    """Returns a descriptor of the app's process; None if it is on another host."""
    from flowrpc_client.target import running_apps

    here = any((entry.pid, entry.journal_id) == (info.pid, info.journal_id) for entry in running_apps())
    try:
        return os.pidfd_open(info.pid) if here else None
    except OSError:  # it has just ended, or this system has no such descriptors
        return None


def _wait_for_end(process: int) -> bool:
    """Waits until the process has ended, so that whoever starts the app again finds its data directory free."""
    with os.fdopen(process):
        ended, _, _ = select.select([process], [], [], _END_SECONDS)
    if not ended:
        click.echo(f"it still runs after {_END_SECONDS:g} s; see its log", err=True)
    return bool(ended)


def _shown(fact: Any) -> str:
    if isinstance(fact, bool):
        return "yes" if fact else "no"
    return "no answer" if fact is None else str(fact)


def _facts(entry: AppEntry) -> dict[str, Any]:
    info = _ask(entry)
    return {
        "name": entry.name,
        "address": entry.address,
        "ready": info.ready if info is not None else None,
        "read_only": bool(info.read_only) if info is not None else None,
        "revision": info.revision if info is not None else None,
        "pid": entry.pid,
        "data_dir": str(entry.data_dir),
        "refused": dict(info.refused) if info is not None else None,
    }


def _ask(entry: AppEntry) -> AppInfo | None:
    """Asks the app; None if it does not answer."""
    from flowrpc.errors import FlowrpcError

    from flowrpc_client.client import FlowClient

    try:
        with FlowClient(entry.address, entry.token_file, timeout=_PATIENCE_SECONDS) as client:
            return client.app()
    except FlowrpcError:
        return None
