"""`flowctl logs`."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import click

from flowrpc_client.commands.printing import shown, stage_styled, write_json, write_line
from flowrpc_client.commands.settings import Settings, client_command

if TYPE_CHECKING:
    from flowrpc.protocol.messages import LogRecord

_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


@client_command()
@click.argument("component", required=False)
@click.option("-f", "--follow", is_flag=True, help="Go on with new records until the app ends.")
@click.option(
    "--tail",
    type=click.IntRange(min=1, max=10_000),
    default=100,
    show_default=True,
    help="How many of the newest records to begin with.",
)
@click.option(
    "--level", type=click.Choice(_LEVELS, case_sensitive=False), help="Only records of this level or graver."
)
def logs(settings: Settings, component: str | None, follow: bool, tail: int, level: str | None) -> None:
    """Prints log records of the app.

    With COMPONENT, a full name such as root.train, only those of it and everything below it.
    """
    from flowrpc_client.commands.plain import as_plain

    minimum = getattr(logging, level) if level is not None else None
    with settings.connect() as client, client.logs(component, minimum, tail, follow=follow) as records:
        for record in records:
            if settings.json:
                write_json(as_plain(record), lines=True)
            else:
                write_line(_line(record), flush=follow)


def _line(record: LogRecord) -> str:
    time = f"{record.time.astimezone():%Y-%m-%d %H:%M:%S}.{record.time.microsecond // 1000:03}"
    level = stage_styled(f"{logging.getLevelName(record.level):8}")
    place = record.component or record.logger or "flowrpc"
    return f"{time} {level} {shown(place)}  {shown(record.message)}"
