"""Routes."""

from flowrpc.api import Delete, Get, Post, Put

__all__ = ["Delete", "Get", "Post", "Put"]
