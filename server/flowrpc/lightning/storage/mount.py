"""Mounts are not here; whoever imports them is told the way out."""

from flowrpc.lightning.absence import NO_MOUNT, without

__all__: list[str] = []

__getattr__ = without(__name__, {"Mount": NO_MOUNT})
