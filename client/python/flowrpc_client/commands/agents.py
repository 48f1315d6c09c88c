"""`flowctl agents` and `flowctl agents drain`."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import click

from flowrpc_client.commands.printing import write_json, write_line, write_table
from flowrpc_client.commands.settings import Settings, client_command, json_option

if TYPE_CHECKING:
    from flowrpc.protocol.answers import AgentInfo


@click.group(invoke_without_command=True, subcommand_metavar="[COMMAND]")
@json_option
@click.make_pass_decorator(Settings, ensure=True)
@click.pass_context
def agents(ctx: click.Context, settings: Settings) -> None:
    """Lists the attached agents with what they have, and what running works take of it."""
    if ctx.invoked_subcommand is not None:
        return
    with settings.connect() as client:
        found = client.agents()
    if settings.json:
        from flowrpc_client.commands.plain import as_plain

        write_json(as_plain(found))
        return
    titles = ("AGENT", "HOST", "RUNS", "CPUS", "MEMORY", "GPUS", "LABELS", "WORKS")
    write_table(titles, [_row(agent) for agent in found])


@client_command()
@click.argument("agent_id", metavar="AGENT")
@click.option(
    "--grace",
    type=click.FloatRange(min=0, max=10**9),
    help="Seconds after which it ends what it has not finished, which is then made again elsewhere.",
)
def drain(settings: Settings, agent_id: str, grace: float | None) -> None:
    """Lets an agent finish what it executes, and leave: it gets nothing more."""
    with settings.connect() as client:
        client.drain(agent_id, grace=None if grace is None else timedelta(seconds=grace))
    if settings.json:
        write_json({"agent_id": agent_id})
    else:
        write_line(f"{agent_id} finishes what it has and leaves; see flowctl agents")


agents.add_command(drain)


def _row(agent: AgentInfo) -> tuple[object, ...]:
    from flowrpc.protocol.resources import format_bytes

    has, taken = agent.resources, agent.taken
    labels = ",".join(f"{key}={value}" for key, value in sorted(agent.labels.items()))
    return (
        f"{agent.agent_id} (draining)" if agent.draining else agent.agent_id,
        agent.host or "-",
        f"{agent.attempt_count}/{agent.capacity}" if agent.capacity else agent.attempt_count,
        f"{taken.cpu_millis / 1000:.7g}/{has.cpu_millis / 1000:.7g}",
        f"{format_bytes(taken.memory_bytes)}/{format_bytes(has.memory_bytes)}",
        f"{taken.gpus}/{has.gpus}",
        labels or "-",
        ",".join(agent.works),
    )
