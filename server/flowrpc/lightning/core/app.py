"""Apps."""

from flowrpc.component import LightningApp

__all__ = ["LightningApp"]
