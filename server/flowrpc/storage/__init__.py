"""Files and objects that works hand over to each other: `Path`, `Drive`, `Payload`, `FileSystem`."""

from flowrpc.storage.drive import Drive
from flowrpc.storage.file_system import FileSystem
from flowrpc.storage.mount import Mount
from flowrpc.storage.path import Path
from flowrpc.storage.payload import Payload

__all__ = ["Drive", "FileSystem", "Mount", "Path", "Payload"]
