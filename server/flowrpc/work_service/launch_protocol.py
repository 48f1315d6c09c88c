"""What an agent and its zygote say to each other: JSON, one packet each, descriptors beside it."""

from __future__ import annotations

import json
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

MAX_PACKET_BYTES = 128 * 1024
"""How long a packet may be, far above what the command line of a runner takes."""

RUNNER_ENDS = 3
"""How many descriptors go with an order: the socket for frames, standard output, standard error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Asks for a runner; its ends go beside it."""

    number: int
    arguments: tuple[str, ...]
    """Its command line, as one that is started afresh would have it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forked:
    """Tells that a runner is there, that it leads a group of its own, and that whoever forked it is gone."""

    number: int
    process_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NotForked:
    """Tells that the system did not let it be."""

    number: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """Tells that orders are taken from now on, and with what."""

    reason: str = ""
    """Why the app is not imported ahead, if it is not and that is no fault of it."""


Answer: TypeAlias = Forked | NotForked | Ready
"""What a zygote says."""

_ANSWERS: dict[str, type[Forked | NotForked | Ready]] = {
    kind.__name__: kind for kind in (Forked, NotForked, Ready)
}


def send_order(zygote: socket.socket, order: Order, ends: Sequence[int]) -> None:
    """Asks a zygote for a runner.

    Raises:
        OSError: It is gone, or has not taken what it was asked for before.
    """
    packet = json.dumps({"number": order.number, "arguments": order.arguments}).encode()
    socket.send_fds(zygote, [packet], list(ends))


def receive_order(agent: socket.socket) -> tuple[Order, list[int]] | None:
    """Waits for an order; None if the agent is gone."""
    try:
        packet, ends, _, _ = socket.recv_fds(agent, MAX_PACKET_BYTES, RUNNER_ENDS)
    except ConnectionError:
        return None
    if not packet:
        return None
    said = json.loads(packet)
    return Order(number=said["number"], arguments=tuple(said["arguments"])), ends


def send_answer(agent: socket.socket, answer: Answer) -> None:
    """Tells the agent; one that is gone is told nothing."""
    said = {name: getattr(answer, name) for name in answer.__slots__}
    try:
        agent.send(json.dumps({"kind": type(answer).__name__, **said}).encode())
    except OSError:
        return


def read_answer(packet: bytes) -> Answer:
    """Reads what a zygote said."""
    said = json.loads(packet)
    return _ANSWERS[said.pop("kind")](**said)
