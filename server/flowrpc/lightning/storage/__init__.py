"""References to files, and files that works share."""

from flowrpc.storage import Drive, FileSystem, Mount, Path, Payload

__all__ = ["Drive", "FileSystem", "Mount", "Path", "Payload"]
