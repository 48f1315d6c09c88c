"""Apps, flows and works."""

from flowrpc.component import LightningApp, LightningFlow, LightningWork

__all__ = ["LightningApp", "LightningFlow", "LightningWork"]
