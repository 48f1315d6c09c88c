"""Folders that works share."""

from flowrpc.storage import Drive

__all__ = ["Drive"]
