"""What machines have and works take ⇄ messages."""

from __future__ import annotations

from flowrpc.protocol.resources import Resources
from flowrpc.v1 import resources_pb2


def fill_resources(message: resources_pb2.Resources, resources: Resources) -> None:
    """Writes an amount."""
    message.SetInParent()
    message.cpu_millis = resources.cpu_millis
    message.memory_bytes = resources.memory_bytes
    message.gpus = resources.gpus


def decode_resources(message: resources_pb2.Resources) -> Resources:
    """Makes an amount; what is negative is nothing."""
    return Resources(
        cpu_millis=max(message.cpu_millis, 0),
        memory_bytes=max(message.memory_bytes, 0),
        gpus=max(message.gpus, 0),
    )
