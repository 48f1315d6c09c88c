"""Buckets that works want to see as folders."""

from flowrpc.storage import Mount

__all__ = ["Mount"]
