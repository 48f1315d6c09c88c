"""`flowctl works`, `flowctl runs` and `flowctl cancel`."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import click

from flowrpc_client.commands.printing import json_text, one_line, write_json, write_line, write_table
from flowrpc_client.commands.settings import Settings, client_command

if TYPE_CHECKING:
    from datetime import datetime

    from flowrpc.state.records import Run

STATUSES = ("pending", "running", "succeeded", "failed", "cancelled")
"""The statuses of runs, written here so that `--help` imports nothing."""


@client_command()
def works(settings: Settings) -> None:
    """Lists the works with what they are doing."""
    with settings.connect() as client:
        found = client.works()
    if settings.json:
        from flowrpc_client.commands.plain import as_plain

        write_json(as_plain(found))
        return
    rows = [
        (
            f"{work.name} ({work.display_name})" if work.display_name else work.name,
            work.stage.value,
            work.succeeded_count,
            work.failed_count,
            work.url or "-",
            work.latest_run.run_id if work.latest_run is not None else "-",
            work.type,
        )
        for work in found
    ]
    write_table(("NAME", "STAGE", "SUCCEEDED", "FAILED", "URL", "LATEST RUN", "TYPE"), rows)
    for work in found:
        if work.pending_reason:
            write_line(f"{work.name} is pending: {one_line(work.pending_reason)}")


@client_command()
@click.option("--work", help="Only runs of this work.")
@click.option(
    "--status",
    "statuses",
    multiple=True,
    type=click.Choice(STATUSES),
    help="Only runs in this status; may be given several times.",
)
def runs(settings: Settings, work: str | None, statuses: tuple[str, ...]) -> None:
    """Lists the runs of works, newest first."""
    from flowrpc.state.records import RunStatus

    with settings.connect() as client:
        found = client.runs(work, [RunStatus(status) for status in statuses])
    if settings.json:
        from flowrpc_client.commands.plain import as_plain

        write_json(as_plain(found))
    else:
        titles = ("RUN", "WORK", "STATUS", "ATTEMPT", "REQUESTED", "TOOK", "CALL AND FAILURE")
        write_table(titles, [_row(run) for run in found])


@client_command()
@click.argument("run_id")
@click.option(
    "--grace",
    type=click.FloatRange(min=0, max=60),
    default=5.0,
    show_default=True,
    help="Seconds that its process may take to end by itself.",
)
def cancel(settings: Settings, run_id: str, grace: float) -> None:
    """Cancels a run that has not ended."""
    with settings.connect() as client:
        revision = client.cancel(run_id, grace=timedelta(seconds=grace))
    if settings.json:
        write_json({"revision": revision})
    else:
        write_line(f"{run_id} is told to end (revision {revision}); see flowctl runs")


def _row(run: Run) -> tuple[object, ...]:
    return (
        run.run_id,
        run.work,
        run.status.value,
        run.attempt,
        f"{run.requested_at.astimezone():%Y-%m-%d %H:%M:%S}" if run.requested_at is not None else "-",
        _took(run.started_at, run.ended_at),
        _call(run),
    )


def _took(start: datetime | None, end: datetime | None) -> str:
    return f"{(end - start).total_seconds():.1f} s" if start is not None and end is not None else "-"


def _call(run: Run) -> str:
    given = [json_text(value) for value in run.args]
    given += [f"{name}={json_text(value)}" for name, value in run.kwargs.items()]
    call = one_line(f"run({', '.join(given)})", 80)
    if run.pending_reason:
        return f"{call}: {one_line(run.pending_reason, 200)}"
    return f"{call}: {one_line(run.failure.message, 200)}" if run.failure is not None else call
