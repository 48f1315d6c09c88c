"""`flowctl agents`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowrpc_client.commands.printing import write_json, write_table
from flowrpc_client.commands.settings import Settings, client_command

if TYPE_CHECKING:
    from flowrpc.protocol.answers import AgentInfo


@client_command()
def agents(settings: Settings) -> None:
    """Lists the attached agents with what they have, and what running works take of it."""
    with settings.connect() as client:
        found = client.agents()
    if settings.json:
        from flowrpc_client.commands.plain import as_plain

        write_json(as_plain(found))
        return
    titles = ("AGENT", "HOST", "RUNS", "CPUS", "MEMORY", "GPUS", "LABELS", "WORKS")
    write_table(titles, [_row(agent) for agent in found])


def _row(agent: AgentInfo) -> tuple[object, ...]:
    from flowrpc.protocol.resources import format_bytes

    has, taken = agent.resources, agent.taken
    labels = ",".join(f"{key}={value}" for key, value in sorted(agent.labels.items()))
    return (
        agent.agent_id,
        agent.host or "-",
        f"{agent.attempt_count}/{agent.capacity}" if agent.capacity else agent.attempt_count,
        f"{taken.cpu_millis / 1000:.7g}/{has.cpu_millis / 1000:.7g}",
        f"{format_bytes(taken.memory_bytes)}/{format_bytes(has.memory_bytes)}",
        f"{taken.gpus}/{has.gpus}",
        labels or "-",
        ",".join(agent.works),
    )
