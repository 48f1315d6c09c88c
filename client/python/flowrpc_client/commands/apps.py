"""`flowctl ps` and `flowctl stop`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from flowrpc_client.commands.printing import write_json, write_line, write_table
from flowrpc_client.commands.settings import Settings, client_command

if TYPE_CHECKING:
    from flowrpc.protocol.answers import AppInfo
    from flowrpc.protocol.run_directory import AppEntry

_PATIENCE_SECONDS = 2.0
"""How long an app that hangs may hold up the list."""


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
        rows = [[_shown(fact) for fact in facts.values()] for facts in found]
        write_table([name.replace("_", " ").upper() for name in found[0]], rows)


@client_command()
@click.option("--message", default="", help="Kept in the app's final status.")
def stop(settings: Settings, message: str) -> None:
    """Stops the app in order; `flowctl run` starts it again where it was."""
    with settings.connect() as client:
        revision = client.stop(message)
    if settings.json:
        write_json({"revision": revision})
    else:
        write_line(f"stopped at revision {revision}")


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
        "revision": info.revision if info is not None else None,
        "pid": entry.pid,
        "data_dir": str(entry.data_dir),
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
