"""Works."""

from flowrpc.component import LightningWork

__all__ = ["LightningWork"]
