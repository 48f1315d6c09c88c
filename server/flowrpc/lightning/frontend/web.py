"""A folder of files as a page."""

from flowrpc.frontend import StaticWebFrontend

__all__ = ["StaticWebFrontend"]
