"""Flows."""

from flowrpc.component import LightningFlow

__all__ = ["LightningFlow"]
