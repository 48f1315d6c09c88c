"""Files that works share by path."""

from flowrpc.storage import FileSystem

__all__ = ["FileSystem"]
