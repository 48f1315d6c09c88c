"""References to files of a work."""

from flowrpc.storage import Path

__all__ = ["Path"]
