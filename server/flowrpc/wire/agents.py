"""The agents that a flow service lists ⇄ messages."""

from __future__ import annotations

from collections.abc import Iterable

from flowrpc.errors import InvalidValueError
from flowrpc.protocol.answers import AgentInfo
from flowrpc.v1 import flow_service_pb2 as pb
from flowrpc.wire.answers import Page
from flowrpc.wire.resources import decode_resources, fill_resources


def encode_agents(agents: Iterable[AgentInfo], next_page_token: str = "") -> pb.ListAgentsResponse:
    """Tells a page of the agents."""
    message = pb.ListAgentsResponse(next_page_token=next_page_token)
    for agent in agents:
        _fill_agent(message.agents.add(), agent)
    return message


def decode_agents(message: pb.ListAgentsResponse) -> Page[AgentInfo]:
    """Reads a page of the agents."""
    return Page(tuple([_decode_agent(agent) for agent in message.agents]), message.next_page_token, 0)


def _fill_agent(message: pb.Agent, agent: AgentInfo) -> None:
    message.agent_id = agent.agent_id
    message.host = agent.host
    message.pid = agent.pid
    message.version = agent.version
    message.works.extend(agent.works)
    message.capacity = agent.capacity
    message.attempt_count = agent.attempt_count
    message.labels.update(agent.labels)
    message.draining = agent.draining
    fill_resources(message.resources, agent.resources)
    fill_resources(message.taken, agent.taken)


def _decode_agent(message: pb.Agent) -> AgentInfo:
    if not message.agent_id:
        raise InvalidValueError("agents", "an agent has no name; set `Agent.agent_id`")
    return AgentInfo(
        agent_id=message.agent_id,
        host=message.host,
        pid=message.pid,
        version=message.version,
        works=tuple(message.works),
        capacity=message.capacity,
        attempt_count=message.attempt_count,
        resources=decode_resources(message.resources),
        taken=decode_resources(message.taken),
        labels=dict(message.labels),
        draining=message.draining,
    )
