"""What `configure_api` of a flow returns: HTTP routes."""

from flowrpc.component.routes import Delete, Get, HttpMethod, Patch, Post, Put

__all__ = ["Delete", "Get", "HttpMethod", "Patch", "Post", "Put"]
